/* Blocks of a pcapng file whose packets are APDUs: link type "Upper PDU", which Wireshark
 * hands straight to its dissector of TCP port 2404, so there are no made-up packets and
 * nothing to set.  Pure; audit process and command line. */
#ifndef GATE104_PROXY_PCAPNG_H
#define GATE104_PROXY_PCAPNG_H

#include "sandbox/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAPNG_PORT_104 2404u
/* Room that any packet fits: addresses, an APDU, a comment of PCAPNG_COMMENT_MAX. */
#define PCAPNG_PACKET_MAX  800u
#define PCAPNG_COMMENT_MAX 240u

/* if_tsresol: what one unit of time is. */
#define PCAPNG_MILLISECONDS 3u
#define PCAPNG_MICROSECONDS 6u

/* Blocks are added behind each other.  One that does not fit is not added at all. */
struct pcapng {
    uint8_t *octet;
    size_t cap;
    size_t n;     /* octets of whole blocks */
    size_t at;    /* of the block in work */
    bool too_big; /* a block did not fit */
};

enum pcapng_flow { PCAPNG_FLOW_UNKNOWN, PCAPNG_FLOW_IN, PCAPNG_FLOW_OUT };

struct pcapng_packet {
    uint32_t interface;
    uint64_t time; /* in the units of its interface, since 1970 */
    enum pcapng_flow flow;
    struct msg_endpoint from, to; /* family 0: only the port is known */
    const uint8_t *apdu;
    size_t size;
    const char *comment; /* or NULL */
};

struct pcapng_statistics {
    uint32_t interface;
    uint64_t time, first, last; /* as in packets */
    uint64_t received, dropped;
};

void pcapng_init(struct pcapng *w, void *octets, size_t cap);
/* Texts may be NULL. */
void pcapng_section(struct pcapng *w, const char *hardware, const char *application,
                    const char *comment);
/* Interfaces are numbered from 0 in the order they are added. */
void pcapng_interface(struct pcapng *w, const char *name, const char *description,
                      uint8_t resolution);
void pcapng_packet(struct pcapng *w, const struct pcapng_packet *p);
void pcapng_statistics(struct pcapng *w, const struct pcapng_statistics *s);

#endif
