/* What the fuzz targets share: libFuzzer's interface, a check that ends the run, and a
 * cursor that reads a script of events from the input.
 *
 * A target's header comment names the functions it is there for, each on the line
 * "Target functions:" and the lines behind it, and libFuzzer options it wants on a line
 * "Options:".  fuzz/run reads both. */
#ifndef GATE104_FUZZ_LIB_FUZZ_H
#define GATE104_FUZZ_LIB_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer calls these; a target defines the first, and the others if it wants. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
                                 size_t b_size, uint8_t *out, size_t max,
                                 unsigned int seed);
/* libFuzzer's own mutations. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* Unlike assert it is never compiled away, and says what did not hold. */
#define FUZZ_CHECK(condition)                                                            \
    ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

/* A copy of exactly n octets (n may be 0), so that the sanitizer sees one read too many.
 * To be freed. */
uint8_t *fuzz_copy(const uint8_t *p, size_t n);

/* ---- the input as a script ---- */

struct fuzz_input {
    const uint8_t *p;
    size_t left;
};

/* Zeros when the input is used up. */
uint8_t fuzz_u8(struct fuzz_input *in);
uint16_t fuzz_u16(struct fuzz_input *in);
uint32_t fuzz_u32(struct fuzz_input *in);
/* The next n octets, or as many as there are; *n says how many. */
const uint8_t *fuzz_take(struct fuzz_input *in, size_t *n);

/* ---- little endian, as in 101 clause 7.2 ---- */

unsigned int fuzz_get16(const uint8_t *p);
uint32_t fuzz_get24(const uint8_t *p);
uint32_t fuzz_get32(const uint8_t *p);

#endif
