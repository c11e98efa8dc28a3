/* A profile from the first octets of an input. */
#ifndef GATE104_FUZZ_LIB_PROFILE_DRAW_H
#define GATE104_FUZZ_LIB_PROFILE_DRAW_H

#include "policy/profile.h"

/* Sizes, quirks of control direction, quirks of monitor direction. */
#define FUZZ_PROFILE_SIZE 9u

/* A legal profile, as a configuration could ask for it; all zero: PROFILE_104. */
void fuzz_profile(const uint8_t p[FUZZ_PROFILE_SIZE], struct profile *out);

#endif
