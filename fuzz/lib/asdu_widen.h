/* ASDUs of stations with shorter addresses, rewritten in the sizes of 104 (clause 9.3:
 * 2, 2 and 3 octets), to be judged again: the same octets, the same verdict. */
#ifndef GATE104_FUZZ_LIB_ASDU_WIDEN_H
#define GATE104_FUZZ_LIB_ASDU_WIDEN_H

#include "policy/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIDE_MAX 1024u

struct wide {
    size_t n;
    uint8_t octets[WIDE_MAX];
    uint16_t at[WIDE_MAX]; /* where octet i of the short form is now; at[size] is n */
};

/* False for what has no long form: less than a header, more than 249 octets in one of
 * the forms, an ASDU within an ASDU, objects counted past the last short address. */
bool asdu_widen(const uint8_t *p, size_t n, const struct profile *profile,
                struct wide *out);

#endif
