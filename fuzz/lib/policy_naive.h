/* What the text of policy/policy.h says a policy decides, by looking at every rule in
 * turn: read straight from the octets of a blob, without the compiler. */
#ifndef GATE104_FUZZ_LIB_POLICY_NAIVE_H
#define GATE104_FUZZ_LIB_POLICY_NAIVE_H

#include "policy/asdu.h"
#include "policy/policy.h"

#include <stddef.h>
#include <stdint.h>

/* One rule of a blob that policy_load took; the pointers lead into the blob. */
struct naive_rule {
    uint8_t direction, action;
    size_t name_size;
    const uint8_t *name, *types;
    size_t ca_count, ioa_count;
    const uint8_t *ca;    /* u16 first, u16 last, ... */
    const uint8_t *ioa;   /* u32 first, u32 last, ... */
    const uint8_t *value; /* two doubles, or NULL */
    size_t role_count;
    const uint8_t *roles; /* i16 each */
    const uint8_t *when;  /* u64, u8, two sets of octets, u8, u8 and doubles, or NULL */
    const uint8_t *asker; /* three u64, or NULL */
    size_t area_count;
    const uint8_t *areas; /* u8 type, u16 CA, u32 ranges, ...; the ranges, or NULL */
};

size_t naive_count(const uint8_t *blob);
/* The rule whose octets begin at *at, which moves on; the first is at NAIVE_FIRST. */
#define NAIVE_FIRST 16u
struct naive_rule naive_read(const uint8_t *blob, size_t *at);

/* Decides on an ASDU of sound structure, and stops the run if the policy made of the
 * blob decides otherwise. */
void naive_compare(const uint8_t *blob, const struct policy *p, enum direction direction,
                   const struct asdu *a);

#endif
