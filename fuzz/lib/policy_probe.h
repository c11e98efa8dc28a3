/* Asks a policy about objects at and beside the edges of its rules' ranges, and compares
 * every decision with the naive one. */
#ifndef GATE104_FUZZ_LIB_POLICY_PROBE_H
#define GATE104_FUZZ_LIB_POLICY_PROBE_H

#include "policy/policy.h"

#include <stddef.h>
#include <stdint.h>

/* `blob` is what policy_load made p of. */
void policy_probe(const uint8_t *blob, size_t n, const struct policy *p);

#endif
