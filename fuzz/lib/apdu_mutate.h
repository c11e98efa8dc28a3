/* Mutations that know what an APDU and an ASDU look like, so that the fuzzer gets past
 * the length checks: lengths and counts are made to fit what a mutation left behind. */
#ifndef GATE104_FUZZ_LIB_APDU_MUTATE_H
#define GATE104_FUZZ_LIB_APDU_MUTATE_H

#include "policy/profile.h"

#include <stddef.h>
#include <stdint.h>

/* Changes one APDU of a stream (or puts in, doubles, takes out one) in place; gives the
 * new size, at most max. */
size_t apdu_mutate_stream(uint8_t *p, size_t n, size_t max, const struct profile *profile,
                          uint32_t seed);

/* Changes one ASDU and makes its size what TypeID and VSQ ask for. */
size_t apdu_mutate_asdu(uint8_t *p, size_t n, size_t max, const struct profile *profile,
                        uint32_t seed);

/* A new APDU, sound as far as it goes; gives its size, at most 255. */
size_t apdu_make(uint8_t out[255], const struct profile *profile, uint32_t seed);

/* One of two: the first APDUs of one stream and the last of the other; of two ASDUs the
 * head of one and the objects of the other.  Both give the size of out, at most max. */
size_t apdu_cross_streams(const uint8_t *a, size_t a_size, const uint8_t *b,
                          size_t b_size, uint8_t *out, size_t max, uint32_t seed);
size_t apdu_cross_asdus(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                        uint8_t *out, size_t max, const struct profile *profile,
                        uint32_t seed);

#endif
