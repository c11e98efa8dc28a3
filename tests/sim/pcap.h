/* A bounded reader of capture files: classic pcap (both octet orders, micro- and
 * nanoseconds) and pcapng (enhanced and simple packet blocks). */
#ifndef GATE104_SIM_PCAP_H
#define GATE104_SIM_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_PACKET_MAX     262144u
#define SIM_INTERFACES_MAX 64u

struct sim_pcap {
    FILE *file;
    bool big_endian, ng, nanoseconds;
    uint32_t link_type;  /* classic */
    uint32_t interfaces; /* pcapng */
    uint32_t link_types[SIM_INTERFACES_MAX];
    double ticks_per_us[SIM_INTERFACES_MAX];
    uint32_t snap[SIM_INTERFACES_MAX];
    uint8_t buffer[SIM_PACKET_MAX];
};

struct sim_packet {
    uint64_t time_us;
    uint32_t link_type;
    const uint8_t *octets; /* valid until the next call */
    size_t n;
};

/* A TCP segment over IPv4. */
struct sim_segment {
    uint64_t time_us;
    uint32_t source, destination;
    uint16_t source_port, destination_port;
    uint32_t seq;
    uint8_t flags;
    const uint8_t *octets;
    size_t n;
};
#define SIM_TCP_FIN 0x01u
#define SIM_TCP_SYN 0x02u
#define SIM_TCP_RST 0x04u

/* False with why set. */
bool sim_pcap_open(struct sim_pcap *p, const char *path, char *why, size_t n);
void sim_pcap_close(struct sim_pcap *p);
/* 1: a packet; 0: end of file; -1: the file is damaged from here on. */
int sim_pcap_next(struct sim_pcap *p, struct sim_packet *packet);
/* Looks for TCP over IPv4 in Ethernet (with VLAN tags), Linux cooked (1 and 2) and raw IP
 * packets; false when there is none, or only a fragment or a cut-off packet. */
bool sim_packet_tcp(const struct sim_packet *packet, struct sim_segment *segment);

#endif
