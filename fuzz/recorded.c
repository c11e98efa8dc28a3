/* APDUs for a recording from a gate that may lie: taken exactly if the payload is as the
 * catalogue says, walked without an entry missed, and written again they are the same
 * octets.  What comes of them is a pcapng file whose blocks fit each other.
 *
 * Target functions: recorded_check recorded_next recorded_put pcapng_init pcapng_section
 *   pcapng_interface pcapng_packet pcapng_statistics
 * Options: -max_len=4092
 *
 * Messages: RECORDED
 *
 * Input: the payload of a RECORDED message. */
#include "fuzz/lib/fuzz.h"

#include "proxy/endpoint.h"
#include "proxy/pcapng.h"
#include "proxy/recorded.h"

#include <string.h>

#define HEAD  ((size_t)60) /* session, two endpoints, two counts, route, zero */
#define ENTRY ((size_t)12) /* time, leg, sent, size, zero */

/* ---- an opinion of its own on the form ---- */

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

static bool is_endpoint(const uint8_t *p)
{
    struct msg_endpoint e;

    memcpy(&e, p, sizeof e);
    return endpoint_valid(&e);
}

static size_t entry_size(const uint8_t *p, size_t left)
{
    uint64_t time;

    if (left < ENTRY)
        return 0;
    memcpy(&time, p, sizeof time);
    if (time >= RECORDED_TIME_END || p[8] > 1 || p[9] > 1 || p[10] == 0 || p[11] != 0 ||
        ENTRY + p[10] > left)
        return 0;
    return ENTRY + p[10];
}

static bool is_recorded(const uint8_t *p, size_t n)
{
    if (n < HEAD || p[58] != 0 || p[59] != 0)
        return false;
    if (n == HEAD)
        return all_zero(p, 48) && !all_zero(p + 48, 8);
    for (size_t at = HEAD; at < n;) { /* an entry takes at least thirteen octets */
        const size_t size = entry_size(p + at, n - at);

        if (size == 0)
            return false;
        at += size;
    }
    return is_endpoint(p + 8) && is_endpoint(p + 28);
}

/* ---- what comes of it ---- */

/* Gives the octets of whole blocks from the start on: each says its length twice. */
static size_t walk_blocks(const uint8_t *p, size_t n)
{
    size_t at = 0;

    while (n - at >= 12) { /* a block takes at least twelve octets */
        const size_t size = fuzz_get32(p + at + 4);

        FUZZ_CHECK(size >= 12 && size % 4 == 0 && size <= n - at);
        FUZZ_CHECK(fuzz_get32(p + at + size - 4) == size);
        at += size;
    }
    return at;
}

static void check_packet(const struct msg_recorded *head, const struct recorded_apdu *a)
{
    char comment[PCAPNG_COMMENT_MAX];
    uint8_t octets[PCAPNG_PACKET_MAX];
    struct pcapng w;

    memset(comment, 'c', sizeof comment);
    comment[a->utc_us % sizeof comment] = '\0';
    comment[sizeof comment - 1] = '\0';
    pcapng_init(&w, octets, sizeof octets);
    pcapng_packet(
        &w, &(struct pcapng_packet){.interface = a->leg,
                                    .time = a->utc_us,
                                    .flow = a->sent ? PCAPNG_FLOW_OUT : PCAPNG_FLOW_IN,
                                    .from = head->master,
                                    .to = head->station,
                                    .apdu = a->octets,
                                    .size = a->size,
                                    .comment = comment});
    /* The largest fits what callers keep free. */
    FUZZ_CHECK(w.n > a->size && walk_blocks(octets, w.n) == w.n);
}

static void check_frame(size_t cap)
{
    uint8_t octets[256];
    struct pcapng w;
    size_t n;

    pcapng_init(&w, octets, cap < sizeof octets ? cap : sizeof octets);
    pcapng_section(&w, "h", "application", "comment");
    n = w.n;
    FUZZ_CHECK(walk_blocks(octets, n) == n);
    pcapng_interface(&w, "name", NULL, PCAPNG_MICROSECONDS);
    pcapng_statistics(&w, &(struct pcapng_statistics){.time = 1});
    FUZZ_CHECK(walk_blocks(octets, w.n) == w.n && w.n >= n && w.n <= sizeof octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[IMSG_PAYLOAD_MAX];
    struct msg_recorded head;
    struct recorded_apdu a;
    size_t n = HEAD, pos = 0;
    const bool good = size <= IMSG_PAYLOAD_MAX && recorded_check(data, size, &head);

    check_frame(size);
    FUZZ_CHECK(good == is_recorded(data, size));
    if (!good)
        return 0;
    memcpy(again, &head, sizeof head);
    while (recorded_next(data, size, &pos, &a)) { /* moves on by an entry each time */
        n = recorded_put(again, n, &a);
        FUZZ_CHECK(n == pos);
        check_packet(&head, &a);
    }
    FUZZ_CHECK(n == size && memcmp(again, data, n) == 0);
    return 0;
}
