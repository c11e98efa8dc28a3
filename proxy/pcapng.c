#include "proxy/pcapng.h"

#include <string.h>

#define BLOCK_SECTION    0x0A0D0D0Au
#define BLOCK_INTERFACE  1u
#define BLOCK_STATISTICS 5u
#define BLOCK_PACKET     6u
#define BYTE_ORDER_MAGIC 0x1A2B3C4Du
#define LINK_UPPER_PDU   252u

#define OPTION_COMMENT        1u
#define OPTION_SHB_HARDWARE   2u
#define OPTION_SHB_USERAPPL   4u
#define OPTION_IF_NAME        2u
#define OPTION_IF_DESCRIPTION 3u
#define OPTION_IF_TSRESOL     9u
#define OPTION_EPB_FLAGS      2u
#define OPTION_ISB_STARTTIME  2u
#define OPTION_ISB_ENDTIME    3u
#define OPTION_ISB_IFRECV     4u
#define OPTION_ISB_IFDROP     5u

/* Tags of Wireshark's exported_pdu, big-endian. */
#define TAG_TABLE_NAME  14u
#define TAG_IPV4_SRC    20u
#define TAG_IPV4_DST    21u
#define TAG_IPV6_SRC    22u
#define TAG_IPV6_DST    23u
#define TAG_PORT_TYPE   24u
#define TAG_SRC_PORT    25u
#define TAG_DST_PORT    26u
#define TAG_TABLE_VALUE 32u
#define PORT_TYPE_TCP   2u

static const char table_name[] = "tcp.port"; /* of a size that needs no padding */

void pcapng_init(struct pcapng *w, void *octets, size_t cap)
{
    *w = (struct pcapng){.octet = octets, .cap = cap};
}

/* ---- octets ---- */

static void put(struct pcapng *w, const void *octets, size_t n)
{
    if (n > w->cap - w->at) {
        w->too_big = true;
        return;
    }
    memcpy(w->octet + w->at, octets, n);
    w->at += n;
}

static void put_le(struct pcapng *w, uint64_t v, size_t octets)
{
    uint8_t b[8];

    for (size_t i = 0; i < octets; i++)
        b[i] = (uint8_t)(v >> 8 * i);
    put(w, b, octets);
}

static void put_be(struct pcapng *w, uint32_t v, size_t octets)
{
    uint8_t b[4];

    for (size_t i = 0; i < octets; i++)
        b[i] = (uint8_t)(v >> 8 * (octets - 1 - i));
    put(w, b, octets);
}

static void put_padded(struct pcapng *w, const void *octets, size_t n)
{
    put(w, octets, n);
    put_le(w, 0, (4 - n % 4) % 4);
}

/* Two halves, the upper one first, as everywhere in pcapng. */
static void put_time(struct pcapng *w, uint64_t time)
{
    put_le(w, time >> 32, 4);
    put_le(w, time & UINT32_MAX, 4);
}

static void put_option(struct pcapng *w, uint32_t code, const void *octets, size_t n)
{
    put_le(w, code, 2);
    put_le(w, n, 2);
    put_padded(w, octets, n);
}

static void put_text(struct pcapng *w, uint32_t code, const char *text)
{
    if (text)
        put_option(w, code, text, strlen(text));
}

static void put_time_option(struct pcapng *w, uint32_t code, uint64_t time)
{
    put_le(w, code, 2);
    put_le(w, 8, 2);
    put_time(w, time);
}

static void put_count_option(struct pcapng *w, uint32_t code, uint64_t count)
{
    put_le(w, code, 2);
    put_le(w, 8, 2);
    put_le(w, count, 8);
}

/* ---- blocks ---- */

static void begin(struct pcapng *w, uint32_t type)
{
    w->too_big = false;
    w->at = w->n;
    put_le(w, type, 4);
    put_le(w, 0, 4);
}

/* Ends the options, and the block if all of it is there. */
static void end(struct pcapng *w)
{
    size_t total;

    put_le(w, 0, 4);
    total = w->at - w->n + 4;
    put_le(w, total, 4);
    if (w->too_big)
        return;
    for (size_t i = 0; i < 4; i++)
        w->octet[w->n + 4 + i] = (uint8_t)(total >> 8 * i);
    w->n = w->at;
}

void pcapng_section(struct pcapng *w, const char *hardware, const char *application,
                    const char *comment)
{
    begin(w, BLOCK_SECTION);
    put_le(w, BYTE_ORDER_MAGIC, 4);
    put_le(w, 1, 2); /* version 1.0 */
    put_le(w, 0, 2);
    put_le(w, UINT64_MAX, 8); /* length of the section: not told */
    put_text(w, OPTION_COMMENT, comment);
    put_text(w, OPTION_SHB_HARDWARE, hardware);
    put_text(w, OPTION_SHB_USERAPPL, application);
    end(w);
}

void pcapng_interface(struct pcapng *w, const char *name, const char *description,
                      uint8_t resolution)
{
    begin(w, BLOCK_INTERFACE);
    put_le(w, LINK_UPPER_PDU, 2);
    put_le(w, 0, 2);
    put_le(w, 0, 4); /* no limit of length */
    put_text(w, OPTION_IF_NAME, name);
    put_text(w, OPTION_IF_DESCRIPTION, description);
    put_option(w, OPTION_IF_TSRESOL, &resolution, 1);
    end(w);
}

static void put_tag(struct pcapng *w, uint32_t tag, uint32_t value)
{
    put_be(w, tag, 2);
    put_be(w, 4, 2);
    put_be(w, value, 4);
}

static void put_address(struct pcapng *w, const struct msg_endpoint *e, uint32_t tag4,
                        uint32_t tag6)
{
    const size_t size = e->family == 4 ? 4u : 16u;

    if (e->family == 0)
        return;
    put_be(w, e->family == 4 ? tag4 : tag6, 2);
    put_be(w, (uint32_t)size, 2);
    put(w, e->addr, size);
}

static void put_tags(struct pcapng *w, const struct pcapng_packet *p)
{
    put_be(w, TAG_TABLE_NAME, 2);
    put_be(w, sizeof table_name - 1, 2);
    put(w, table_name, sizeof table_name - 1);
    put_tag(w, TAG_TABLE_VALUE, PCAPNG_PORT_104);
    put_address(w, &p->from, TAG_IPV4_SRC, TAG_IPV6_SRC);
    put_address(w, &p->to, TAG_IPV4_DST, TAG_IPV6_DST);
    put_tag(w, TAG_PORT_TYPE, PORT_TYPE_TCP);
    put_tag(w, TAG_SRC_PORT, p->from.port);
    put_tag(w, TAG_DST_PORT, p->to.port);
    put_be(w, 0, 4);
}

void pcapng_packet(struct pcapng *w, const struct pcapng_packet *p)
{
    uint8_t octets[PCAPNG_PACKET_MAX];
    struct pcapng tags;
    size_t size;

    pcapng_init(&tags, octets, sizeof octets);
    put_tags(&tags, p);
    size = tags.at + p->size;
    begin(w, BLOCK_PACKET);
    put_le(w, p->interface, 4);
    put_time(w, p->time);
    put_le(w, size, 4);
    put_le(w, size, 4);
    put(w, octets, tags.at);
    put_padded(w, p->apdu, p->size);
    put_text(w, OPTION_COMMENT, p->comment);
    if (p->flow != PCAPNG_FLOW_UNKNOWN) {
        put_le(w, OPTION_EPB_FLAGS, 2);
        put_le(w, 4, 2);
        put_le(w, p->flow, 4);
    }
    end(w);
}

void pcapng_statistics(struct pcapng *w, const struct pcapng_statistics *s)
{
    begin(w, BLOCK_STATISTICS);
    put_le(w, s->interface, 4);
    put_time(w, s->time);
    put_time_option(w, OPTION_ISB_STARTTIME, s->first);
    put_time_option(w, OPTION_ISB_ENDTIME, s->last);
    put_count_option(w, OPTION_ISB_IFRECV, s->received);
    put_count_option(w, OPTION_ISB_IFDROP, s->dropped);
    end(w);
}
