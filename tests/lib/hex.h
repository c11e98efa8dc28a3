/* Octets written as text, so that a test shows the frame it speaks of. */
#ifndef GATE104_TESTS_LIB_HEX_H
#define GATE104_TESTS_LIB_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Reads "2D 01 06 00 0100": two digits an octet, blanks anywhere between octets; "55*236"
 * is 236 times 55.  Gives the number of octets; aborts if the text is not so or does not
 * fit. */
size_t hex_octets(const char *text, uint8_t *out, size_t room);

#endif
