/* Mutations of capture files that keep lengths right, so that the fuzzer gets behind
 * them to TCP. */
#ifndef GATE104_FUZZ_LIB_CAPTURE_MAKE_H
#define GATE104_FUZZ_LIB_CAPTURE_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Changes a number a little, or appends a packet with a TCP segment to a classic capture,
 * or begins one; gives the new size, at most max. */
size_t capture_mutate(uint8_t *p, size_t n, size_t max, uint32_t seed);

#endif
