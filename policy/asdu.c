#include "policy/asdu.h"

#include "policy/asdu_private.h"
#include "policy/secauth.h"

#include <assert.h>
#include <string.h>

#define VSQ_SQ     0x80u
#define COT_PN     0x40u
#define COT_T      0x80u
#define CA_ALL_ONE 255u /* "all stations" in one octet, 101 7.2.4 */

/*@ requires \valid_read(p + (0 .. 2)) && \valid(out) && \separated(out, p + (0 .. 2));
    assigns out->has, out->cause, out->negative, out->test;
    ensures out->cause <= 63; */
static void decode_cause(const uint8_t *p, struct asdu *out)
{
    out->has |= ASDU_HAS_CAUSE;
    out->cause = p[2] % COT_PN;
    out->negative = (p[2] & COT_PN) != 0;
    out->test = p[2] >= COT_T;
}

/*@ requires 1 <= size <= 2 && \valid_read(p + (0 .. size - 1)) && \valid(out);
    requires \separated(out, p + (0 .. size - 1));
    assigns out->has, out->ca; */
static void decode_ca(const uint8_t *p, uint8_t size, struct asdu *out)
{
    out->has |= ASDU_HAS_CA;
    out->ca = (uint16_t)asdu_read_number(p, size);
    if (size == 1 && out->ca == CA_ALL_ONE)
        out->ca = ASDU_CA_ALL;
}

/* As far as the octets go. */
/*@ requires \valid_read(p + (0 .. n - 1)) && \valid(out);
    requires \valid_read(profile) && sizes_legal(profile);
    requires \separated(out, p + (0 .. n - 1)) && \separated(out, profile);
    requires \separated(out, TYPE_TABLE + (0 .. 127));
    assigns *out;
    ensures header_read(p, n, out);
    ensures type: out->type == \null || out->type == &TYPE_TABLE[out->type_id];
    ensures range: out->count <= 127 && out->cause <= 63 && out->ioa <= 0xFFFFFF;
    ensures sizes: out->ioa_size == profile->ioa_size;
    ensures empty: out->objects == \null && out->objects_size == 0 &&
      out->inner == \null && out->inner_size == 0; */
static void decode_header(const uint8_t *p, size_t n, const struct profile *profile,
                          struct asdu *out)
{
    const size_t ca = 2u + profile->cot_size;
    const size_t header = profile_header_size(profile);

    *out = (struct asdu){.ioa_size = profile->ioa_size};
    if (n < 1)
        return;
    out->has = ASDU_HAS_TYPE;
    out->type_id = p[0];
    out->type = type_info(p[0]);
    if (n < 2)
        return;
    out->has |= ASDU_HAS_VSQ;
    out->sq = p[1] >= VSQ_SQ;
    out->count = p[1] % VSQ_SQ;
    if (n < 3)
        return;
    decode_cause(p, out);
    if (profile->cot_size > 1 && n > 3) {
        out->has |= ASDU_HAS_OA;
        out->oa = p[3];
    }
    if (n < header)
        return;
    decode_ca(p + ca, profile->ca_size, out);
    if (n < header + profile->ioa_size ||
        (out->type != NULL && out->type->layout != TYPE_LAYOUT_OBJECTS))
        return;
    out->has |= ASDU_HAS_IOA;
    out->ioa = asdu_read_number(p + header, profile->ioa_size);
}

/*@ requires \valid(out) && \valid_read(p + (0 .. n - 1)) && \valid_read(out->type);
    requires \separated(out, p + (0 .. n - 1)) && \separated(out, out->type);
    requires 1 <= out->ioa_size <= 3 && n >= out->ioa_size + out->type->size;
    assigns out->objects, out->objects_size, out->has_select, out->select,
      out->has_value, out->value;
    ensures out->objects == p && out->objects_size == n; */
static void decode_objects(const uint8_t *p, size_t n, struct asdu *out)
{
    const uint8_t *element = p + out->ioa_size;

    out->objects = p;
    out->objects_size = n;
    out->has_select = out->type->has_select && out->type->select_offset < out->type->size;
    if (out->has_select)
        out->select = element[out->type->select_offset] >= 0x80;
    out->has_value = asdu_value(out->type, element, &out->value);
}

/* All but what is within an S_AR_NA_1. */
static void parse(struct judgement *j, const uint8_t *p, size_t n,
                  const struct profile *profile, struct asdu *out)
{
    const size_t header = profile_header_size(profile);

    decode_header(p, n, profile, out);
    if (asdu_check_structure(j, p, n, out, profile))
        return;
    assert(out->type != NULL);
    if (out->type->layout == TYPE_LAYOUT_OBJECTS)
        decode_objects(p + header, n - header, out);
    else if (secauth_check(j, p, n, header, profile, out))
        return;
    (void)asdu_check_meaning(j, out, profile);
}

/* As if it came bare; 60870-5-7 does not wrap its own. */
static void parse_inner(struct judgement *j, const struct profile *profile,
                        const struct asdu *outer, size_t at)
{
    struct judgement in = {.dir = j->dir,
                           .allowed = j->allowed & ~QUIRK_BIT(QUIRK_SECAUTH)};
    struct asdu a;

    parse(&in, outer->inner, outer->inner_size, profile, &a);
    j->tolerated |= in.tolerated;
    if (in.fault.reason == REASON_OK)
        return;
    j->fault = in.fault;
    j->fault.offset += (uint32_t)at;
    if (in.fault.quirk == QUIRK_SECAUTH)
        j->fault.quirk = QUIRK_NONE;
}

struct verdict asdu_parse(const uint8_t *asdu, size_t n, enum direction dir,
                          const struct profile *profile, struct asdu *out)
{
    struct judgement j = {.dir = dir, .allowed = profile->quirks[dir]};

    parse(&j, asdu, n, profile, out);
    if (j.fault.reason == REASON_OK && out->inner != NULL)
        parse_inner(&j, profile, out, (size_t)(out->inner - asdu));
    out->tolerated = j.tolerated;
    return judgement_verdict(&j);
}

bool asdu_object(const struct asdu *a, unsigned int i, uint32_t *ioa,
                 const uint8_t **element)
{
    if (a->objects == NULL || i >= a->count)
        return false;

    const size_t at = asdu_object_offset(a, i);
    assert(at + a->ioa_size + a->type->size <= a->objects_size);
    *ioa = a->sq ? a->ioa + i : asdu_read_number(a->objects + at, a->ioa_size);
    *element = a->objects + at + a->ioa_size;
    return true;
}
