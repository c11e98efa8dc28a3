/* One direction of a TCP connection put together from captured segments: retransmissions
 * are dropped, segments out of order wait for the gap to fill (RFC 9293 clause 3.4).
 *
 * Memory: what waits, at most TCP_STREAM_WAITING segments of 64 KiB in one stream.  For
 * the command line and the simulator. */
#ifndef GATE104_PROXY_CLI_TCP_STREAM_H
#define GATE104_PROXY_CLI_TCP_STREAM_H

#include "proxy/cli/capture.h"

#define TCP_STREAM_WAITING 64u

struct tcp_waiting {
    uint64_t number, time_us;
    uint32_t seq;
    uint32_t n;
    uint8_t *octets; /* NULL: free */
};

/* What follows on octets that follow each other no more. */
enum tcp_break {
    TCP_BREAK_BEGIN, /* a connection begins */
    TCP_BREAK_GAP,   /* octets are missing from the capture */
};

struct tcp_stream {
    bool known; /* `next` is valid */
    uint32_t next;
    uint64_t repeated; /* segments that held nothing new */
    struct tcp_waiting waiting[TCP_STREAM_WAITING];
    void *ctx;
    /* The octets of a segment, or what is new in them; n > 0.  `segment` says when. */
    void (*octets)(void *ctx, const struct capture_segment *when, const uint8_t *octets,
                   size_t n);
    void (*broken)(void *ctx, enum tcp_break why);
};

/* *s is zero but for ctx, octets and broken before the first call.  A capture that begins
 * later than the connection is entered at a segment that begins as an APDU does. */
void tcp_stream_add(struct tcp_stream *s, const struct capture_segment *segment);
/* Gives up on gaps: delivers what still waits, and frees it. */
void tcp_stream_end(struct tcp_stream *s);

#endif
