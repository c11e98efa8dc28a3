/* One direction of a TCP connection out of segments that come late, twice, cut or over
 * each other: octets are given in order and once, all that were sent unless too many
 * segments wait, and where some are missing the reader is told.
 *
 * Target functions: tcp_stream_add tcp_stream_end
 * Options: -max_len=1024
 *
 * Input: the first number, then segments of four octets: flags and upper bits of place
 * and length, their lower bits.  Octet n of a stream is the same in every segment. */
#include "fuzz/lib/fuzz.h"

#include "policy/apci.h"
#include "proxy/cli/tcp_stream.h"

#include <stdlib.h>
#include <string.h>

#define PLACES      4096u /* a segment begins at one of them */
#define SEGMENT_MAX 512u
#define SENT_MAX    (PLACES + SEGMENT_MAX)

struct reading {
    struct tcp_stream tcp;
    uint32_t base;
    bool open, fresh; /* fresh: behind a break, octets may begin further ahead */
    uint32_t opening; /* where a stream begins if it does in the call under way */
    bool crowded;     /* too many waited: what fills a gap later may be lost */
    uint32_t next;    /* the octet awaited */
    uint32_t start;   /* the first octet of the stream */
    size_t given;
    bool sent[SENT_MAX]; /* since the stream began */
};

/* No two neighbours are alike, and some look like the start of an APDU. */
static uint8_t octet_of(uint32_t seq)
{
    return (uint8_t)(seq % 5 == 0 ? APCI_START : seq * 31u + (seq >> 8));
}

/* All that was sent from the start of the stream on. */
static void check_all_given(struct reading *r)
{
    size_t expected = 0;

    for (uint32_t i = 0; i < SENT_MAX; i++)
        if (r->sent[i] && (int32_t)(r->base + i - r->start) >= 0)
            expected++;
    FUZZ_CHECK(r->given <= expected);
    FUZZ_CHECK(r->crowded || r->given == expected);
}

static void take_octets(void *ctx, const struct capture_segment *when,
                        const uint8_t *octets, size_t n)
{
    struct reading *r = ctx;
    const uint32_t at = when->seq + (uint32_t)(when->n - n);

    FUZZ_CHECK(r->open && n > 0 && n <= when->n && when->number > 0);
    FUZZ_CHECK(r->fresh ? (int32_t)(at - r->next) >= 0 : at == r->next);
    for (uint32_t i = 0; i < n; i++)
        FUZZ_CHECK(octets[i] == octet_of(at + i));
    r->fresh = false;
    r->next = at + (uint32_t)n;
    r->given += n;
}

static void begin(struct reading *r, uint32_t start)
{
    r->start = r->next = start;
    r->given = 0;
    r->crowded = false;
    memset(r->sent, 0, sizeof r->sent);
}

static void take_break(void *ctx, enum tcp_break why)
{
    struct reading *r = ctx;

    if (why == TCP_BREAK_GAP) {
        FUZZ_CHECK(r->open && !r->fresh);
        r->fresh = true;
        return;
    }
    if (r->open)
        check_all_given(r);
    r->open = true;
    begin(r, r->opening);
}

/* How many wait; none of them for octets that are there. */
static size_t waiting(const struct reading *r)
{
    size_t n = 0;

    for (size_t i = 0; i < TCP_STREAM_WAITING; i++) {
        const struct tcp_waiting *w = &r->tcp.waiting[i];
        FUZZ_CHECK(w->octets == NULL || (int32_t)(w->seq - r->next) > 0);
        n += w->octets != NULL;
    }
    return n;
}

static void send_segment(struct reading *r, struct fuzz_input *in, uint64_t number)
{
    const uint8_t flags = fuzz_u8(in), high = fuzz_u8(in);
    const uint32_t place = (fuzz_u8(in) | (uint32_t)high << 8) % PLACES;
    const size_t n = (fuzz_u8(in) | (size_t)(high >> 7) << 8) % (SEGMENT_MAX + 1);
    struct capture_segment s = {.number = number, .seq = r->base + place, .n = n};
    uint8_t octets[SEGMENT_MAX];

    for (uint32_t i = 0; i < n; i++)
        octets[i] = octet_of(s.seq + i);
    uint8_t *exact = fuzz_copy(octets, n);
    const bool syn = flags >= 250;
    s.flags = syn ? CAPTURE_TCP_SYN : (uint8_t)(flags & 0x10);
    s.octets = exact;
    const size_t before = waiting(r);
    r->opening = s.seq + (syn ? 1 : 0);
    tcp_stream_add(&r->tcp, &s);
    free(exact);
    for (size_t i = 0; r->open && !syn && i < n; i++)
        r->sent[place + i] = true;
    r->crowded = r->crowded || before == TCP_STREAM_WAITING;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading r;
    struct fuzz_input in = {data, size};

    memset(&r, 0, sizeof r);
    r.tcp.ctx = &r;
    r.tcp.octets = take_octets;
    r.tcp.broken = take_break;
    r.base = fuzz_u32(&in);
    for (uint64_t number = 1; in.left > 0; number++)
        send_segment(&r, &in, number);
    tcp_stream_end(&r.tcp);
    if (r.open)
        check_all_given(&r);
    FUZZ_CHECK(waiting(&r) == 0 && !r.tcp.known);
    return 0;
}
