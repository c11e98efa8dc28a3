#include "policy/asdu.h"

#include "policy/asdu_private.h"
#include "policy/secauth.h"

#include <assert.h>
#include <string.h>

#define VSQ_SQ     0x80u
#define COT_PN     0x40u
#define COT_T      0x80u
#define CA_ALL_ONE 255u /* "all stations" in one octet, 101 7.2.4 */

static void decode_cause(const uint8_t *p, struct asdu *out)
{
    out->has |= ASDU_HAS_CAUSE;
    out->cause = p[2] % COT_PN;
    out->negative = (p[2] & COT_PN) != 0;
    out->test = (p[2] & COT_T) != 0;
}

static void decode_ca(const uint8_t *p, uint8_t size, struct asdu *out)
{
    out->has |= ASDU_HAS_CA;
    out->ca = (uint16_t)asdu_read_number(p, size);
    if (size == 1 && out->ca == CA_ALL_ONE)
        out->ca = ASDU_CA_ALL;
}

/* As far as the octets go. */
static void decode_header(const uint8_t *p, size_t n, const struct profile *profile,
                          struct asdu *out)
{
    const size_t ca = 2u + profile->cot_size;
    const size_t header = profile_header_size(profile);

    memset(out, 0, sizeof *out);
    out->ioa_size = profile->ioa_size;
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

static void decode_objects(const uint8_t *p, size_t n, struct asdu *out)
{
    const uint8_t *element = p + out->ioa_size;

    out->objects = p;
    out->objects_size = n;
    out->has_select = out->type->has_select;
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
    if (in.verdict.reason == REASON_OK)
        return;
    j->verdict = in.verdict;
    j->verdict.offset = (uint16_t)(at + in.verdict.offset);
    if (in.verdict.quirk == QUIRK_SECAUTH)
        j->verdict.quirk = QUIRK_NONE;
}

struct verdict asdu_parse(const uint8_t *asdu, size_t n, enum direction dir,
                          const struct profile *profile, struct asdu *out)
{
    struct judgement j = {.dir = dir, .allowed = profile->quirks[dir]};

    parse(&j, asdu, n, profile, out);
    if (j.verdict.reason == REASON_OK && out->inner != NULL)
        parse_inner(&j, profile, out, (size_t)(out->inner - asdu));
    out->tolerated = j.tolerated;
    return j.verdict;
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
