#include "proxy/cli/capture_pdu.h"

#include <arpa/inet.h>
#include <string.h>

#define LINK_LOOPBACK  0u
#define LINK_ETHERNET  1u
#define LINK_RAW       101u
#define LINK_LOOP      108u
#define LINK_COOKED    113u
#define LINK_IPV4      228u
#define LINK_IPV6      229u
#define LINK_UPPER_PDU 252u
#define LINK_COOKED2   276u
#define ETHER_IPV4     0x0800u
#define ETHER_IPV6     0x86DDu
#define VLAN_TAGS_MAX  3
#define EXTENSIONS_MAX 8 /* headers between IPv6 and TCP */
#define PROTOCOL_TCP   6u
#define IPV6_AH        51u

static uint32_t be16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static bool is_ip(uint32_t ether_type)
{
    return ether_type == ETHER_IPV4 || ether_type == ETHER_IPV6;
}

/* Where the IP header is; n when there is none. */
static size_t skip_ethernet(const uint8_t *octets, size_t n)
{
    size_t at = 12;

    for (int tags = 0; tags <= VLAN_TAGS_MAX; tags++) {
        uint32_t type;

        if (n < at + 2)
            return n;
        type = be16(octets + at);
        if (is_ip(type))
            return at + 2;
        if (type != 0x8100u && type != 0x88A8u)
            return n;
        at += 4;
    }
    return n;
}

static size_t skip_link(const struct capture_packet *p)
{
    switch (p->link_type) {
    case LINK_ETHERNET: return skip_ethernet(p->octets, p->n);
    case LINK_LOOPBACK:
    case LINK_LOOP: return p->n >= 4 ? 4 : p->n;
    case LINK_RAW:
    case LINK_IPV4:
    case LINK_IPV6: return 0;
    case LINK_COOKED: return p->n >= 16 && is_ip(be16(p->octets + 14)) ? 16 : p->n;
    case LINK_COOKED2: return p->n >= 20 && is_ip(be16(p->octets)) ? 20 : p->n;
    }
    return p->n;
}

static bool take_tcp(const uint8_t *tcp, size_t n, struct capture_segment *s)
{
    size_t header;

    if (n < 20)
        return false;
    header = (size_t)(tcp[12] >> 4) * 4u;
    if (header < 20 || header > n)
        return false;
    s->source.port = (uint16_t)be16(tcp);
    s->destination.port = (uint16_t)be16(tcp + 2);
    s->seq = be16(tcp + 4) << 16 | be16(tcp + 6);
    s->flags = tcp[13];
    s->octets = tcp + header;
    s->n = n - header;
    return true;
}

static void take_addresses(struct capture_segment *s, const uint8_t *source, uint8_t size)
{
    s->source.address_size = size;
    s->destination.address_size = size;
    memcpy(s->source.address, source, size);
    memcpy(s->destination.address, source + size, size);
}

static bool take_ipv4(const uint8_t *ip, size_t n, struct capture_segment *s)
{
    size_t header, total;

    if (n < 20 || ip[9] != PROTOCOL_TCP)
        return false;
    header = (size_t)(ip[0] & 0x0Fu) * 4u;
    total = be16(ip + 2);
    /* A captured packet of a sending host may carry length 0: the card fills it in. */
    if (total == 0)
        total = n;
    if (header < 20 || total < header || total > n || (be16(ip + 6) & 0x3FFFu) != 0)
        return false;
    take_addresses(s, ip + 12, 4);
    return take_tcp(ip + header, total - header, s);
}

/* Hop-by-hop and destination options, routing: RFC 8200 clause 4; authentication header:
 * RFC 4302. */
static bool is_extension(uint8_t next)
{
    return next == 0 || next == 43 || next == 60 || next == IPV6_AH;
}

static bool take_ipv6(const uint8_t *ip, size_t n, struct capture_segment *s)
{
    size_t at = 40, end;
    uint8_t next;

    if (n < 40)
        return false;
    next = ip[6];
    end = be16(ip + 4) == 0 ? n : 40 + (size_t)be16(ip + 4);
    if (end > n)
        return false;
    for (int i = 0; i < EXTENSIONS_MAX && is_extension(next); i++) {
        if (end - at < 8)
            return false;
        const size_t size =
            next == IPV6_AH ? (ip[at + 1] + (size_t)2) * 4 : (ip[at + 1] + (size_t)1) * 8;
        if (size > end - at)
            return false;
        next = ip[at];
        at += size;
    }
    if (next != PROTOCOL_TCP)
        return false;
    take_addresses(s, ip + 8, 16);
    return take_tcp(ip + at, end - at, s);
}

static bool take_ip(const struct capture_packet *packet, struct capture_segment *segment)
{
    const size_t skip = skip_link(packet);
    const uint8_t *ip = packet->octets + skip;
    const size_t n = packet->n - skip;

    if (n < 1)
        return false;
    switch (ip[0] >> 4) {
    case 4: return take_ipv4(ip, n, segment);
    case 6: return take_ipv6(ip, n, segment);
    }
    return false;
}

bool capture_segment_of(const struct capture_packet *packet,
                        struct capture_segment *segment)
{
    memset(segment, 0, sizeof *segment);
    segment->number = packet->number;
    segment->time_us = packet->time_us;
    segment->interface = packet->interface;
    if (packet->link_type == LINK_UPPER_PDU)
        return capture_pdu(packet, segment);
    return take_ip(packet, segment);
}

uint16_t capture_station_port(const struct capture_segment *segment, uint16_t port)
{
    return segment->whole ? CAPTURE_PDU_PORT : port;
}

bool capture_endpoint_same(const struct capture_endpoint *a,
                           const struct capture_endpoint *b)
{
    return a->port == b->port && a->address_size == b->address_size &&
           memcmp(a->address, b->address, sizeof a->address) == 0;
}

void capture_endpoint_text(const struct capture_endpoint *e,
                           char out[CAPTURE_ENDPOINT_TEXT])
{
    const bool v6 = e->address_size == 16;
    char text[INET6_ADDRSTRLEN] = "?";

    if (e->address_size != 0)
        (void)inet_ntop(v6 ? AF_INET6 : AF_INET, e->address, text, sizeof text);
    (void)snprintf(out, CAPTURE_ENDPOINT_TEXT, v6 ? "[%s]:%u" : "%s:%u", text, e->port);
}
