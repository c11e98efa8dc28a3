/* One direction of a TCP connection put together from captured segments, and the APDUs
 * in it: retransmissions are dropped, segments out of order wait for the gap to fill. */
#ifndef GATE104_SIM_TCP_STREAM_H
#define GATE104_SIM_TCP_STREAM_H

#include "tests/sim/apdu.h"
#include "tests/sim/pcap.h"

#define SIM_WAITING_MAX 64u   /* segments that wait for a gap */
#define SIM_SEGMENT_MAX 9000u /* octets of one of them */

struct sim_waiting {
    uint64_t time_us;
    uint32_t seq;
    uint32_t n; /* 0: free */
    uint8_t octets[SIM_SEGMENT_MAX];
};

struct sim_stream {
    uint32_t source, destination;
    uint16_t source_port, destination_port;
    bool known; /* `next` is valid */
    uint32_t next;
    uint8_t apdu[SIM_APDU_MAX]; /* begun, not complete */
    size_t apdu_n;
    uint64_t skipped;
    struct sim_waiting waiting[SIM_WAITING_MAX];
    void *ctx;
    void (*found)(void *ctx, uint64_t time_us, const uint8_t *apdu, size_t n);
};

/* Adds a segment of this stream; `found` is called for every APDU it completes. */
void sim_stream_add(struct sim_stream *s, const struct sim_segment *segment);
/* Gives up on gaps: delivers what still waits. */
void sim_stream_end(struct sim_stream *s);
/* The APDUs in octets that follow each other; loses its footing at a wrong start octet or
 * length and regains it at the next call. */
void sim_stream_octets(struct sim_stream *s, uint64_t time_us, const uint8_t *octets,
                       size_t n);

#endif
