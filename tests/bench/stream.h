/* Streams of APDUs as stations send them, to be measured on. */
#ifndef GATE104_TESTS_BENCH_STREAM_H
#define GATE104_TESTS_BENCH_STREAM_H

#include "policy/direction.h"

#include <stddef.h>
#include <stdint.h>

/* How often a kind of I-frame occurs, and how many objects it has. */
struct stream_kind {
    uint8_t type, cause;
    enum direction direction;
    uint8_t sq; /* 0x80 for SQ = 1, else 0 */
    uint8_t objects_min, objects_max;
    unsigned int weight;
};

struct stream {
    uint8_t *octets; /* APDU behind APDU */
    size_t size;
    size_t apdus;
    uint8_t *direction; /* enum direction of each APDU */
};

/* About `size` octets of the kinds in a random order, which is the same in each run. */
struct stream stream_make(const struct stream_kind *kinds, size_t n, size_t size);
void stream_free(struct stream *s);

#endif
