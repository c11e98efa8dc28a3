/* The reader of capture files and all of `gate104 decode --pcap` behind it: no length in
 * a file is believed, a segment lies within its packet and a packet within the file, and
 * every line printed is one JSON object.
 *
 * Target functions: capture_open capture_next capture_close capture_segment_of
 *   capture_pdu capture_station_port capture_endpoint_same capture_endpoint_text
 *   decode_capture tcp_stream_add tcp_stream_end decode_time_text
 * Options: -max_len=2048
 *
 * Input: how it is read, the file. */
#include "fuzz/lib/capture_make.h"
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/sink.h"

#include "proxy/cli/decode.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file;
static char path[64];
static struct sink out;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    file = memfd_create("capture", MFD_CLOEXEC);
    FUZZ_CHECK(file >= 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    sink_init(&out);
    sink_silence();
    return 0;
}

/* ---- packets and segments ---- */

static void check_endpoint(const struct capture_endpoint *e, bool whole)
{
    char text[CAPTURE_ENDPOINT_TEXT];

    FUZZ_CHECK(e->address_size == 4 || e->address_size == 16 ||
               (whole && e->address_size == 0));
    for (size_t i = e->address_size; i < sizeof e->address; i++)
        FUZZ_CHECK(e->address[i] == 0);
    capture_endpoint_text(e, text);
    FUZZ_CHECK(strnlen(text, sizeof text) < sizeof text);
    FUZZ_CHECK((text[0] == '[') == (e->address_size == 16));
    FUZZ_CHECK(capture_endpoint_same(e, e));
}

static void check_segment(const struct capture_packet *p)
{
    struct capture_packet exact = *p;
    struct capture_segment s;
    uint8_t *octets = fuzz_copy(p->octets, p->n);

    exact.octets = octets;
    if (capture_segment_of(&exact, &s)) {
        FUZZ_CHECK(s.whole == (p->link_type == 252) && s.interface == p->interface);
        FUZZ_CHECK(s.octets >= octets + (s.whole ? 4 : 40));
        FUZZ_CHECK(s.octets + s.n <= octets + p->n);
        FUZZ_CHECK(s.number == p->number && s.time_us == p->time_us);
        check_endpoint(&s.source, s.whole);
        check_endpoint(&s.destination, s.whole);
        FUZZ_CHECK(s.whole || s.source.address_size == s.destination.address_size);
    }
    free(octets);
}

/* Every packet's octets are in the file, behind those of the one before. */
static void check_packets(const uint8_t *octets, size_t size)
{
    static struct capture c;
    struct capture_packet p;
    char why[128] = "";
    uint64_t number = 0;
    const uint8_t *at = octets;

    if (!capture_open(&c, path, why, sizeof why)) {
        FUZZ_CHECK(why[0] != '\0' && c.file == NULL);
        return;
    }
    int more = capture_next(&c, &p);
    while (more == 1) {
        FUZZ_CHECK(p.number == ++number && p.n <= CAPTURE_PACKET_MAX);
        FUZZ_CHECK(p.octets >= c.buffer && p.octets + p.n <= c.buffer + sizeof c.buffer);
        at = memmem(at, size - (size_t)(at - octets), p.octets, p.n);
        FUZZ_CHECK(at != NULL);
        at += p.n;
        check_segment(&p);
        more = capture_next(&c, &p);
    }
    FUZZ_CHECK(more == 0 || more == -1);
    capture_close(&c);
}

/* ---- all that is printed ---- */

static void check_lines(bool json, uint64_t apdus)
{
    const char *end = out.text + out.n;
    uint64_t lines = 0;

    for (const char *p = out.text; p < end; p++)
        FUZZ_CHECK(*p == '\n' || (*p >= ' ' && *p <= '~'));
    FUZZ_CHECK(out.n == 0 || end[-1] == '\n');
    for (const char *line = out.text; json && line < end; lines++) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        json_t *o = json_loadb(line, (size_t)(nl - line), JSON_REJECT_DUPLICATES, NULL);
        FUZZ_CHECK(json_is_object(o) && json_object_get(o, "packet") != NULL);
        json_decref(o);
        line = nl + 1;
    }
    FUZZ_CHECK(!json || lines == apdus);
}

static void check_printed(uint8_t how)
{
    struct decode_run run = {.out = out.file,
                             .json = how % 2 == 0,
                             .brief = how % 2 == 1,
                             .rules = {.profile = PROFILE_104}};

    sink_clear(&out);
    (void)decode_capture(&run, path, 2404, (enum decode_direction)(how / 4 % 3),
                         how / 2 % 2 == 1);
    sink_read(&out);
    FUZZ_CHECK(!run.failed);
    check_lines(run.json, run.apdus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    FUZZ_CHECK(ftruncate(file, 0) == 0);
    FUZZ_CHECK(pwrite(file, data + 1, size - 1, 0) == (ssize_t)size - 1);
    check_packets(data + 1, size - 1);
    check_printed(data[0]);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    if (size < 1 || seed % 2 != 0)
        return LLVMFuzzerMutate(data, size, max);
    return 1 + capture_mutate(data + 1, size - 1, max - 1, seed / 2);
}
