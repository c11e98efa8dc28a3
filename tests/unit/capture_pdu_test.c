/* APDUs that stand alone, behind tags: what proxy/pcapng.c writes is read as it was
 * meant, and no length in a tag is believed.  Each packet is copied to a place of its own
 * size, so that a sanitizer sees an octet too many. */
#include "proxy/cli/capture_pdu.h"

#include "proxy/pcapng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BLOCK_HEAD 28u /* of an enhanced packet, before its octets */

static const uint8_t apdu[] = {0x68, 4, 7, 0, 0, 0};
static uint8_t *exact;

static int done(void **state)
{
    (void)state;
    free(exact);
    exact = NULL;
    return 0;
}

static bool look(const void *octets, size_t n, struct capture_segment *s)
{
    struct capture_packet packet = {.number = 1, .link_type = 252, .n = n};

    free(exact);
    exact = malloc(n > 0 ? n : 1);
    assert_non_null(exact);
    if (n > 0)
        memcpy(exact, octets, n);
    packet.octets = exact;
    memset(s, 0, sizeof *s);
    return capture_pdu(&packet, s);
}

/* What gate104 writes, without the frame of the block. */
static size_t written(uint8_t from_family, uint8_t to_family,
                      uint8_t out[PCAPNG_PACKET_MAX])
{
    uint8_t block[PCAPNG_PACKET_MAX];
    struct pcapng_packet p = {.from = {.family = from_family, .port = 40000},
                              .to = {.family = to_family, .port = PCAPNG_PORT_104},
                              .apdu = apdu,
                              .size = sizeof apdu};
    struct pcapng w;
    size_t n;

    memset(p.from.addr, 0xA1, from_family == 4 ? 4 : 16);
    memset(p.to.addr, 0xB2, to_family == 4 ? 4 : 16);
    pcapng_init(&w, block, sizeof block);
    pcapng_packet(&w, &p);
    n = block[20] | (size_t)block[21] << 8;
    memcpy(out, block + BLOCK_HEAD, n);
    return n;
}

static void assert_address(const struct capture_endpoint *e, uint8_t family, int octet)
{
    const uint8_t size = family == 0 ? 0 : family == 4 ? 4 : 16;

    assert_int_equal(e->address_size, size);
    for (size_t i = 0; i < sizeof e->address; i++)
        assert_int_equal(e->address[i], i < size ? octet : 0);
}

static void test_what_is_written(void **state)
{
    static const uint8_t family[] = {0, 4, 6};
    uint8_t octets[PCAPNG_PACKET_MAX];
    struct capture_segment s;

    (void)state;
    for (size_t i = 0; i < 9; i++) {
        size_t n = written(family[i / 3], family[i % 3], octets);

        assert_true(look(octets, n, &s));
        assert_true(s.whole);
        assert_int_equal(s.n, sizeof apdu);
        assert_memory_equal(s.octets, apdu, sizeof apdu);
        assert_address(&s.source, family[i / 3], 0xA1);
        assert_address(&s.destination, family[i % 3], 0xB2);
        assert_int_equal(s.source.port, 40000);
        assert_int_equal(s.destination.port, 2404);
    }
}

/* No length of a tag reaches behind the packet, wherever it is cut off. */
static void test_cut_off(void **state)
{
    uint8_t octets[PCAPNG_PACKET_MAX];
    const size_t whole = written(4, 6, octets);
    struct capture_segment s;

    (void)state;
    for (size_t n = 0; n < whole; n++) {
        const bool some = n > whole - sizeof apdu;

        assert_int_equal(look(octets, n, &s), some);
        if (some)
            assert_int_equal(s.n, n - (whole - sizeof apdu));
    }
}

/* Any octet of the tags may be any: what is found lies within the packet. */
static void test_any_octet(void **state)
{
    uint8_t octets[PCAPNG_PACKET_MAX];
    const size_t n = written(4, 6, octets);
    struct capture_segment s;

    (void)state;
    for (size_t i = 0; i < (n - sizeof apdu) * 256; i++) {
        const uint8_t was = octets[i / 256];

        octets[i / 256] = (uint8_t)i;
        if (look(octets, n, &s)) {
            assert_true(s.n > 0 && s.octets >= exact + 4);
            assert_ptr_equal(s.octets + s.n, exact + n);
            assert_true(s.source.address_size <= 16 && s.destination.address_size <= 16);
        }
        octets[i / 256] = was;
    }
}

#define END "\0\0\0\0"
#define TAG(text)                                                                        \
    {                                                                                    \
        text END "h", sizeof(text END "h") - 1                                           \
    }

static const struct {
    const char *octets;
    size_t n;
} good[] =
    {
        TAG(""),
        TAG("\0\x0E\0\x08tcp.port"),
        TAG("\0\x0E\0\x0Ctcp.port\0\0\0\0"),
        TAG("\0\x20\0\x04\0\0\x09\x64"),
        TAG("\0\x18\0\x04\0\0\0\x02"),
        TAG("\0\x19\0\x04\0\0\xFF\xFF"),
        TAG("\0\x14\0\x04\x0A\0\0\x01"),
        TAG("\0\x63\0\0"),      /* not known, empty */
        TAG("\0\x63\0\x03xyz"), /* not known, of no even size */
},
  bad[] = {
      TAG("\0\x0E\0\x08udp.port"),
      TAG("\0\x0E\0\x07tcp.por"),
      TAG("\0\x0E\0\x09tcp.ports"),
      TAG("\0\x0E\0\0"),
      TAG("\0\x20\0\x04\0\0\x09\x65"),
      TAG("\0\x20\0\x04\x01\0\x09\x64"),
      TAG("\0\x20\0\x02\x09\x64"),
      TAG("\0\x18\0\x04\0\0\0\x03"),
      TAG("\0\x19\0\x04\0\x01\x09\x64"),
      TAG("\0\x19\0\x02\x09\x64"),
      TAG("\0\x1A\0\0"),
      TAG("\0\x14\0\x03\x0A\0\0"),
      TAG("\0\x14\0\x10\x0A\0\0\x01\x0A\0\0\x01\x0A\0\0\x01\x0A\0\0\x01"),
      TAG("\0\x16\0\x04\x0A\0\0\x01"),
      TAG("\0\x14\0\x04\x0A\0\0\x01\0\x14\0\x04\x0A\0\0\x01"),
      TAG("\0\x63\xFF\xFF"),
      TAG("\0\x63\0\x06"),
      TAG("\0\0\0\x06"),
};

static void test_tags(void **state)
{
    struct capture_segment s;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(look(good[i].octets, good[i].n, &s));
        assert_int_equal(s.n, 1);
        assert_int_equal(s.octets[0], 'h');
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(look(bad[i].octets, bad[i].n, &s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_what_is_written, done),
        cmocka_unit_test_teardown(test_cut_off, done),
        cmocka_unit_test_teardown(test_any_octet, done),
        cmocka_unit_test_teardown(test_tags, done),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
