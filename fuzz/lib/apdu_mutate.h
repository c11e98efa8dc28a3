/* Mutations that know what an APDU and an ASDU look like, so that the fuzzer gets past
 * the length checks: lengths and counts are made to fit what a mutation left behind. */
#ifndef GATE104_FUZZ_LIB_APDU_MUTATE_H
#define GATE104_FUZZ_LIB_APDU_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Changes one APDU of a stream (or puts in, doubles, takes out one) in place; gives the
 * new size, at most max. */
size_t apdu_mutate_stream(uint8_t *p, size_t n, size_t max, uint32_t seed);

/* Changes one ASDU and makes its size what TypeID and VSQ ask for. */
size_t apdu_mutate_asdu(uint8_t *p, size_t n, size_t max, uint32_t seed);

#endif
