#include "proxy/cli/capture_pdu.h"

#include <string.h>

/* Tags of Wireshark's exported_pdu: number and length of two octets each, big-endian,
 * whatever the order of the file.  Others are passed over. */
#define TAG_END         0u
#define TAG_TABLE_NAME  14u
#define TAG_IPV4_SRC    20u
#define TAG_IPV4_DST    21u
#define TAG_IPV6_SRC    22u
#define TAG_IPV6_DST    23u
#define TAG_PORT_TYPE   24u
#define TAG_SRC_PORT    25u
#define TAG_DST_PORT    26u
#define TAG_TABLE_VALUE 32u
#define TAG_HEADER      4u
#define PORT_TYPE_TCP   2u

static const char table_name[] = "tcp.port";

struct tag {
    uint32_t number, size;
    const uint8_t *value;
};

static uint32_t be16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static bool take_number(const struct tag *t, uint32_t *out)
{
    if (t->size != 4)
        return false;
    *out = be16(t->value) << 16 | be16(t->value + 2);
    return true;
}

static bool is_number(const struct tag *t, uint32_t want)
{
    uint32_t number;

    return take_number(t, &number) && number == want;
}

static bool take_port(const struct tag *t, struct capture_endpoint *e)
{
    uint32_t port;

    if (!take_number(t, &port) || port > UINT16_MAX)
        return false;
    e->port = (uint16_t)port;
    return true;
}

static bool take_address(const struct tag *t, uint8_t size, struct capture_endpoint *e)
{
    if (t->size != size || e->address_size != 0)
        return false;
    memcpy(e->address, t->value, size);
    e->address_size = size;
    return true;
}

/* Texts may have NULs behind them, up to a multiple of four octets. */
static bool is_table(const struct tag *t)
{
    const size_t n = sizeof table_name - 1;

    if (t->size < n || memcmp(t->value, table_name, n) != 0)
        return false;
    for (size_t i = n; i < t->size; i++) {
        if (t->value[i] != 0)
            return false;
    }
    return true;
}

/* False: this is no APDU over TCP, or no good tag. */
static bool take_tag(const struct tag *t, struct capture_segment *s)
{
    switch (t->number) {
    case TAG_TABLE_NAME: return is_table(t);
    case TAG_TABLE_VALUE: return is_number(t, CAPTURE_PDU_PORT);
    case TAG_PORT_TYPE: return is_number(t, PORT_TYPE_TCP);
    case TAG_SRC_PORT: return take_port(t, &s->source);
    case TAG_DST_PORT: return take_port(t, &s->destination);
    case TAG_IPV4_SRC: return take_address(t, 4, &s->source);
    case TAG_IPV4_DST: return take_address(t, 4, &s->destination);
    case TAG_IPV6_SRC: return take_address(t, 16, &s->source);
    case TAG_IPV6_DST: return take_address(t, 16, &s->destination);
    }
    return true;
}

bool capture_pdu(const struct capture_packet *packet, struct capture_segment *segment)
{
    const uint8_t *octets = packet->octets;
    const size_t n = packet->n;
    size_t at = 0;

    segment->whole = true;
    while (n - at >= TAG_HEADER) { /* at grows by 4 or more, and is at most n */
        const struct tag t = {be16(octets + at), be16(octets + at + 2),
                              octets + at + TAG_HEADER};

        at += TAG_HEADER;
        if (t.size > n - at)
            return false;
        at += t.size;
        if (t.number == TAG_END) {
            segment->octets = octets + at;
            segment->n = n - at;
            return segment->n > 0;
        }
        if (!take_tag(&t, segment))
            return false;
    }
    return false;
}
