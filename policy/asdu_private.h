/* What the files of asdu_parse share; nobody else includes this. */
#ifndef GATE104_POLICY_ASDU_PRIVATE_H
#define GATE104_POLICY_ASDU_PRIVATE_H

#include "policy/asdu.h"
#include "policy/judgement.h"

/* Little endian, of 1 to 3 octets. */
static inline uint32_t asdu_read_number(const uint8_t *p, uint8_t size)
{
    uint32_t v = p[0];

    if (size > 1)
        v += 256u * p[1];
    if (size > 2)
        v += 65536u * p[2];
    return v;
}

/* ---- asdu_structure.c: lengths and counts ----
 *
 * True if a fault stands.  a's header fields are those of the n octets at p. */
bool asdu_check_structure(struct judgement *j, const uint8_t *p, size_t n,
                          const struct asdu *a, const struct profile *profile);
/* The octets that the ASDU at p should have by its type, SQ and count, whatever n is; 0
 * if that cannot be told from n octets. */
size_t asdu_size_told(const uint8_t *p, size_t n, const struct profile *profile);
/* Where object i is, counted from the first; i < count. */
static inline size_t asdu_object_offset(const struct asdu *a, unsigned int i)
{
    const size_t size = a->type->size;

    return a->sq ? i * size : i * (a->ioa_size + size);
}

/* ---- asdu_meaning.c: values ----
 *
 * True if a fault stands.  The structure is sound. */
bool asdu_check_meaning(struct judgement *j, const struct asdu *a,
                        const struct profile *profile);

#endif
