#include "tests/sim/pcap.h"

#include <string.h>

#define LINK_ETHERNET 1u
#define LINK_RAW      101u
#define LINK_COOKED   113u
#define LINK_COOKED2  276u
#define ETHER_IPV4    0x0800u
#define VLAN_TAGS_MAX 3

static uint32_t be16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t be32(const uint8_t *at)
{
    return be16(at) << 16 | be16(at + 2);
}

/* Where the IPv4 header is, or 0 octets left. */
static size_t skip_ethernet(const uint8_t *octets, size_t n)
{
    size_t at = 12;

    for (int tags = 0; tags <= VLAN_TAGS_MAX; tags++) {
        uint32_t type;

        if (n < at + 2)
            return n;
        type = be16(octets + at);
        if (type == ETHER_IPV4)
            return at + 2;
        if (type != 0x8100u && type != 0x88A8u)
            return n;
        at += 4;
    }
    return n;
}

static size_t skip_link(const struct sim_packet *p)
{
    switch (p->link_type) {
    case LINK_ETHERNET: return skip_ethernet(p->octets, p->n);
    case LINK_RAW: return 0;
    case LINK_COOKED: return p->n >= 16 && be16(p->octets + 14) == ETHER_IPV4 ? 16 : p->n;
    case LINK_COOKED2: return p->n >= 20 && be16(p->octets) == ETHER_IPV4 ? 20 : p->n;
    }
    return p->n;
}

static bool take_tcp(const uint8_t *tcp, size_t n, struct sim_segment *s)
{
    size_t header;

    if (n < 20)
        return false;
    header = (size_t)(tcp[12] >> 4) * 4u;
    if (header < 20 || header > n)
        return false;
    s->source_port = (uint16_t)be16(tcp);
    s->destination_port = (uint16_t)be16(tcp + 2);
    s->seq = be32(tcp + 4);
    s->flags = tcp[13];
    s->octets = tcp + header;
    s->n = n - header;
    return true;
}

bool sim_packet_tcp(const struct sim_packet *packet, struct sim_segment *segment)
{
    size_t skip = skip_link(packet);
    const uint8_t *ip = packet->octets + skip;
    size_t n = packet->n - skip, header, total;

    if (n < 20 || ip[0] >> 4 != 4 || ip[9] != 6)
        return false;
    header = (size_t)(ip[0] & 0x0Fu) * 4u;
    total = be16(ip + 2);
    /* A captured packet of a sending host may carry length 0: the card fills it in. */
    if (total == 0)
        total = n;
    if (header < 20 || total < header || total > n || (be16(ip + 6) & 0x3FFFu) != 0)
        return false;
    memset(segment, 0, sizeof *segment);
    segment->time_us = packet->time_us;
    segment->source = be32(ip + 12);
    segment->destination = be32(ip + 16);
    return take_tcp(ip + header, total - header, segment);
}
