/* A bounded reader of capture files: classic pcap (both octet orders, micro- and
 * nanoseconds) and pcapng (enhanced and simple packet blocks), and the TCP segments or
 * single APDUs in them.  Every length in a file is hostile: it is checked against what is
 * there.
 *
 * For the command line and the simulator; no process of gate104d reads captures. */
#ifndef GATE104_PROXY_CLI_CAPTURE_H
#define GATE104_PROXY_CLI_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CAPTURE_PACKET_MAX     262144u /* octets of a packet; longer: damaged */
#define CAPTURE_INTERFACES_MAX 64u     /* of one pcapng section */
#define CAPTURE_ENDPOINT_TEXT  56u     /* "[address]:port" and its NUL */
/* Of the station where APDUs stand alone, whatever its own is. */
#define CAPTURE_PDU_PORT 2404u

struct capture {
    FILE *file;
    bool big_endian, ng, nanoseconds;
    uint64_t packets;    /* read so far */
    uint32_t link_type;  /* classic */
    uint32_t interfaces; /* pcapng */
    uint32_t link_types[CAPTURE_INTERFACES_MAX];
    double ticks_per_us[CAPTURE_INTERFACES_MAX];
    uint32_t snap[CAPTURE_INTERFACES_MAX];
    uint8_t buffer[CAPTURE_PACKET_MAX];
};

struct capture_packet {
    uint64_t number;  /* its place in the file, from 1 */
    uint64_t time_us; /* since 1970; 0 when the file does not say */
    uint32_t link_type;
    uint32_t interface;    /* of its pcapng section, from 0 */
    const uint8_t *octets; /* valid until the next call */
    size_t n;
};

struct capture_endpoint {
    uint8_t address[16];  /* in the octets of the wire; IPv4: the first four, 0 behind */
    uint8_t address_size; /* 4 or 16; 0: not known */
    uint16_t port;
};

/* A TCP segment over IPv4 or IPv6, or an APDU that stands alone. */
struct capture_segment {
    uint64_t number, time_us; /* of the packet */
    struct capture_endpoint source, destination;
    uint32_t seq;
    uint8_t flags;
    bool whole;         /* stands alone: seq and flags are 0, there is no stream */
    uint32_t interface; /* of the packet */
    const uint8_t *octets;
    size_t n;
};
#define CAPTURE_TCP_FIN 0x01u
#define CAPTURE_TCP_SYN 0x02u
#define CAPTURE_TCP_RST 0x04u

/* False with a sentence in why (cut to n).  *c needs no preparation. */
bool capture_open(struct capture *c, const char *path, char *why, size_t n);
void capture_close(struct capture *c);
/* 1: a packet; 0: end of file; -1: the file is damaged or cut off from here on. */
int capture_next(struct capture *c, struct capture_packet *packet);

/* Looks for TCP in Ethernet (with VLAN tags), Linux cooked (1 and 2), loopback and raw IP
 * packets, and for APDUs that stand alone, as gate104 records and exports them; false
 * when there is none, or only a fragment or a cut-off packet. */
bool capture_segment_of(const struct capture_packet *packet,
                        struct capture_segment *segment);
/* The station's port in this segment: `port`, unless it stands alone. */
uint16_t capture_station_port(const struct capture_segment *segment, uint16_t port);

bool capture_endpoint_same(const struct capture_endpoint *a,
                           const struct capture_endpoint *b);
/* "10.0.0.1:2404", "[fe80::1]:2404", "?:2404" when the address is not known. */
void capture_endpoint_text(const struct capture_endpoint *e,
                           char out[CAPTURE_ENDPOINT_TEXT]);

#endif
