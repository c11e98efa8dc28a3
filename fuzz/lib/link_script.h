/* Mutations of the script of fuzz/link.c that leave its events whole. */
#ifndef GATE104_FUZZ_LIB_LINK_SCRIPT_H
#define GATE104_FUZZ_LIB_LINK_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

/* Octets of the event at p (n > 0 are there), argument and raw APDU included. */
size_t link_script_event(const uint8_t *p, size_t n);

/* Doubles, takes out, moves or puts in an event, a raw APDU among them; gives the new
 * size, at most max. */
size_t link_script_mutate(uint8_t *p, size_t n, size_t max, uint32_t seed);

/* The first events of one script and the last of the other. */
size_t link_script_cross(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                         uint8_t *out, size_t max, uint32_t seed);

#endif
