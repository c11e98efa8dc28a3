/* Mutations of configuration texts that leave most of them sound: other numbers, other
 * words, statements doubled and taken out. */
#ifndef GATE104_FUZZ_LIB_TEXT_MUTATE_H
#define GATE104_FUZZ_LIB_TEXT_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Gives the new size, at most max. */
size_t text_mutate(uint8_t *p, size_t n, size_t max, uint32_t seed);

#endif
