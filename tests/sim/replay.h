/* The ASDUs of the monitor direction in a capture, in the order they were sent. */
#ifndef GATE104_SIM_REPLAY_H
#define GATE104_SIM_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_REPLAY_MAX 4000000u /* ASDUs */

struct sim_replay_asdu {
    uint64_t time_us; /* since the first one */
    size_t at;        /* in octets */
    uint16_t size;
};

struct sim_replay {
    uint8_t *octets;
    size_t octets_n, octets_max;
    struct sim_replay_asdu *asdus;
    size_t n, max;
    uint64_t skipped; /* octet runs that were no APDU, and I-frames that were malformed */
};

/* Reads a pcap or pcapng file.  Every TCP stream from `port` is put together again;
 * `per_packet` takes each segment by itself instead, for captures whose sequence numbers
 * are not real.  False with why set. */
bool sim_replay_load(struct sim_replay *r, const char *path, uint16_t port,
                     bool per_packet, char *why, size_t n);
void sim_replay_free(struct sim_replay *r);

#endif
