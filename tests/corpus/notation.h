/* The octets of the corpus as people write them:
 *
 *   6804 43       octets in hex; blanks do not matter
 *   startdt startcon stopdt stopcon testfr testcon    U-frames
 *   i{2d01 ...}   an I-frame with this ASDU and the numbers that are right at its place
 *   i[+1,-2]{..}  the same with another N(S) and N(R) by so much
 *   s, s[-1]      an S-frame, N(R) right or wrong by so much
 *   n, r          the right N(S) and N(R), two octets each; n counts as an I-frame sent
 *   ITEM*12       twelve of it, the numbers going on */
#ifndef GATE104_TESTS_CORPUS_NOTATION_H
#define GATE104_TESTS_CORPUS_NOTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTATION_MAX 8192u

/* What a station would put into its next frame. */
struct numbers {
    uint16_t vs, vr;
};

struct notation {
    size_t size;
    unsigned int i_frames; /* sent with these octets */
    unsigned int tests;    /* TESTFR acts among them */
    uint8_t octets[NOTATION_MAX];
};

/* Writes the octets and moves the numbers on.  False for a text that is none. */
bool notation_expand(const char *text, struct numbers *numbers, struct notation *out);

#endif
