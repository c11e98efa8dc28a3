#include "policy/asdu.h"

#include "policy/asdu_private.h"
#include "policy/secauth.h"

#include <assert.h>

#define VSQ_SQ        0x80u
#define COT_PN        0x40u
#define COT_T         0x80u
#define FIELDS_CAUSE  (ASDU_HAS_TYPE | ASDU_HAS_VSQ | ASDU_HAS_CAUSE)
#define FIELDS_HEADER (FIELDS_CAUSE | ASDU_HAS_CA)
#define CA_ALL_ONE    255u /* "all stations" in one octet, 101 7.2.4 */

/* Octet i, 0 if the ASDU ends before. */
/*@ requires \valid_read(p + (0 .. n - 1));
    assigns \nothing;
    ensures \result == (i < n ? p[i] : 0); */
static uint8_t octet_at(const uint8_t *p, size_t n, size_t i)
{
    return i < n ? p[i] : 0;
}

/*@ requires 1 <= size <= 2 && \valid_read(p + (0 .. size - 1));
    assigns \nothing; */
static uint16_t read_ca(const uint8_t *p, uint8_t size)
{
    const uint32_t ca = asdu_read_number(p, size);

    return size == 1 && ca == CA_ALL_ONE ? ASDU_CA_ALL : (uint16_t)ca;
}

/* Which fields n octets hold; `address`: an object's address, too. */
/*@ requires \valid_read(profile) && sizes_legal(profile);
    assigns \nothing; */
static uint8_t fields_of(size_t n, const struct profile *profile, bool address)
{
    const uint8_t oa = profile->cot_size > 1 && n > 3 ? ASDU_HAS_OA : 0;

    if (n >= profile_header_size(profile))
        return FIELDS_HEADER | oa | (address ? ASDU_HAS_IOA : 0);
    if (n > 2)
        return FIELDS_CAUSE | oa;
    return n == 2 ? ASDU_HAS_TYPE | ASDU_HAS_VSQ : n == 1 ? ASDU_HAS_TYPE : 0;
}

/* As far as the octets go. */
/*@ requires \valid_read(p + (0 .. n - 1)) && \valid(out);
    requires \valid_read(profile) && sizes_legal(profile);
    requires \separated(out, p + (0 .. n - 1)) && \separated(out, profile);
    requires \separated(out, TYPE_TABLE + (0 .. 127));
    assigns *out;
    ensures header: header_read(p, n, out);
    ensures type: out->type == \null || out->type == &TYPE_TABLE[out->type_id];
    ensures range: out->count <= 127 && out->cause <= 63 && out->ioa <= 0xFFFFFF;
    ensures sizes: out->ioa_size == profile->ioa_size;
    ensures empty: out->objects == \null && out->inner == \null; */
static void decode_header(const uint8_t *p, size_t n, const struct profile *profile,
                          struct asdu *out)
{
    const size_t header = profile_header_size(profile);
    const struct type_info *type = n > 0 ? type_info(p[0]) : NULL;
    const bool objects = type == NULL || type->layout == TYPE_LAYOUT_OBJECTS;
    const bool address = objects && n >= header + profile->ioa_size;
    const uint8_t has = fields_of(n, profile, address);
    const uint8_t id = octet_at(p, n, 0), vsq = octet_at(p, n, 1);
    const uint8_t cause = octet_at(p, n, 2);
    const uint8_t count = vsq % VSQ_SQ, cot = cause % COT_PN;
    const uint32_t ioa = address ? asdu_read_number(p + header, profile->ioa_size) : 0;
    const bool sq = vsq >= VSQ_SQ;

    /*@ assert n >= 2 ==> id == p[0] && sq == (p[1] >= 128 ? 1 : 0) &&
          count == p[1] % 128 && type_is(type, p[0]); */
    /*@ assert count <= 127 && cot <= 63 && ioa <= 0xFFFFFF; */

    out->has = has;
    out->type_id = id;
    out->sq = sq;
    out->count = count;
    out->cause = cot;
    out->negative = cause / COT_PN % 2 != 0;
    out->test = cause >= COT_T;
    out->oa = profile->cot_size > 1 ? octet_at(p, n, 3) : 0;
    out->type = type;
    out->ca = n >= header ? read_ca(p + 2 + profile->cot_size, profile->ca_size) : 0;
    out->ioa_size = profile->ioa_size;
    out->ioa = ioa;
    out->tolerated = 0;
    out->has_select = out->select = out->has_value = false;
    out->value = 0;
    out->objects = out->inner = NULL;
    out->objects_size = out->inner_size = 0;
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
/*@ requires judging(j) && \valid_read(p + (0 .. n - 1)) && \valid(out);
    requires \valid_read(profile) && sizes_legal(profile);
    requires \separated(out, p + (0 .. n - 1)) && \separated(out, profile);
    requires \separated(j, p + (0 .. n - 1)) && \separated(j, profile);
    requires \separated(j, out);
    requires \separated(out, TYPE_TABLE + (0 .. 127));
    requires \separated(j, TYPE_TABLE + (0 .. 127));
    assigns j->tolerated, j->fault, *out;
    ensures quirks_kept{Pre, Post}(j);
    ensures header: header_read(p, n, out);
    ensures structure: j->fault.reason == REASON_OK ==>
      structure_sound(p, n, out, profile);
    ensures of_104: j->fault.reason == REASON_OK && j->tolerated == 0 ==>
      out->type->needs == QUIRK_NONE;
    ensures direction: j->fault.reason == REASON_OK ==> out->type->cot[j->dir] != 0;
    ensures cause: j->fault.reason == REASON_OK && j->tolerated == 0 ==>
      in_set(out->type->cot[j->dir], out->cause);
    ensures negative: j->fault.reason == REASON_OK && j->tolerated == 0 &&
      out->negative != 0 ==> is_answer(out->cause);
    ensures test: j->fault.reason == REASON_OK && j->tolerated == 0 &&
      j->dir == DIR_CONTROL ==> out->test == 0;
    ensures ca: j->fault.reason == REASON_OK ==>
      (out->ca == 0 ==> j->tolerated != 0) &&
      (out->ca == 65535 ==> j->dir == DIR_CONTROL && to_all(out->type_id));
    ensures ioa: j->fault.reason == REASON_OK && j->tolerated == 0 &&
      has_objects(out->type) && out->cause != 47 ==>
        all_ioa_legal(out, ioa_most(profile->ioa_size));
    ensures elements: j->fault.reason == REASON_OK && j->tolerated == 0 &&
      has_objects(out->type) && !sent_back(out, j->dir) ==>
        all_elements_legal(out, j->dir);
    ensures same: j->dir == \old(j->dir) && j->allowed == \old(j->allowed);
    ensures inner: j->fault.reason == REASON_OK && out->inner != \null ==>
      out->inner == p + header_octets(profile) + 1 &&
      header_octets(profile) + 1 + out->inner_size + 10 <= n; */
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
/*@ requires judging(j) && \valid_read(p + (0 .. n - 1)) && n <= 249 && at <= 7;
    requires \valid_read(profile) && sizes_legal(profile) && \separated(j, profile);
    requires \separated(j, p + (0 .. n - 1)) && \separated(j, TYPE_TABLE + (0 .. 127));
    assigns j->tolerated, j->fault;
    ensures quirks_kept{Pre, Post}(j); */
static void parse_inner(struct judgement *j, const struct profile *profile,
                        const uint8_t *p, size_t n, size_t at)
{
    struct judgement in = {.dir = j->dir,
                           .allowed = j->allowed & ~QUIRK_BIT(QUIRK_SECAUTH)};
    struct asdu a;

    parse(&in, p, n, profile, &a);
    j->tolerated |= in.tolerated;
    if (in.fault.reason == REASON_OK)
        return;
    j->fault = in.fault;
    j->fault.offset += (uint32_t)at;
    if (in.fault.quirk == QUIRK_SECAUTH)
        j->fault.quirk = QUIRK_NONE;
}

/* What a quirk lets a master send comes back in the station's answer. */
/*@ requires \valid_read(p + (0 .. n - 1)) && \valid_read(profile) && 0 <= dir <= 1;
    assigns \nothing;
    ensures profile->quirks[0] == 0 && profile->quirks[1] == 0 ==> \result == 0; */
static uint32_t quirks_for(const uint8_t *p, size_t n, enum direction dir,
                           const struct profile *profile)
{
    const bool answer = dir == DIR_MONITOR && n > 2 && cot_is_answer(p[2] % COT_PN);

    return profile->quirks[dir] | (answer ? profile->quirks[DIR_CONTROL] : 0);
}

struct verdict asdu_parse(const uint8_t *asdu, size_t n, enum direction dir,
                          const struct profile *profile, struct asdu *out)
{
    struct judgement j = {.dir = dir, .allowed = quirks_for(asdu, n, dir, profile)};

    parse(&j, asdu, n, profile, out);
    if (j.fault.reason == REASON_OK && out->inner != NULL)
        parse_inner(&j, profile, out->inner, out->inner_size,
                    profile_header_size(profile) + 1);
    out->tolerated = j.tolerated;
    return judgement_verdict(&j);
}
