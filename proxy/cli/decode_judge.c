#include "proxy/cli/decode.h"

#include <assert.h>
#include <string.h>

#define TYPE_FILE_SEGMENT 125u
#define LOS_OFFSET        3u

static const char *const OUTCOMES[DECODE_OUTCOMES] = {
    [DECODE_ACCEPTED] = "accepted",     [DECODE_REFUSED] = "refused",
    [DECODE_ILLEGAL] = "illegal",       [DECODE_MALFORMED] = "malformed",
    [DECODE_INCOMPLETE] = "incomplete",
};

const char *decode_outcome_name(enum decode_outcome outcome)
{
    return (size_t)outcome < DECODE_OUTCOMES ? OUTCOMES[outcome] : "unknown";
}

/* 101 clause 7.2.1.1: which way the types of a range go, known or not. */
static enum direction direction_of_range(uint8_t type_id)
{
    const bool process = type_id < 45, system = type_id >= 70 && type_id < 100;

    return process || system ? DIR_MONITOR : DIR_CONTROL;
}

/* The direction in which a type may have this cause; where both or none is right, the one
 * for which the type is made, and control where that is both. */
static enum direction direction_of_asdu(const struct asdu *a)
{
    const uint64_t cause = COT_BIT(a->cause);
    const bool answer = (a->cause >= COT_ACTIVATION_CON && a->cause != COT_DEACTIVATION &&
                         a->cause <= COT_TERMINATION) ||
                        (a->cause >= COT_UNKNOWN_TYPE && a->cause <= COT_UNKNOWN_IOA);

    if (!a->type)
        return answer ? DIR_MONITOR : direction_of_range(a->type_id);

    const bool control = (a->type->cot[DIR_CONTROL] & cause) != 0;
    const bool monitor = (a->type->cot[DIR_MONITOR] & cause) != 0;
    if (control != monitor)
        return control ? DIR_CONTROL : DIR_MONITOR;
    if (answer || a->type->direction == TYPE_DIR_MONITOR)
        return DIR_MONITOR;
    return DIR_CONTROL;
}

/* 104 5.3: only the controlling station asks for STARTDT and STOPDT. */
static bool direction_of_function(enum apci_function f, enum direction *dir)
{
    *dir = f == APCI_STARTDT_ACT || f == APCI_STOPDT_ACT ? DIR_CONTROL : DIR_MONITOR;
    return f == APCI_STARTDT_ACT || f == APCI_STOPDT_ACT || f == APCI_STARTDT_CON ||
           f == APCI_STOPDT_CON;
}

static enum decode_outcome outcome_of(enum reason reason)
{
    const struct reason_info *info = reason_info((unsigned int)reason);

    if (reason == REASON_OK)
        return DECODE_ACCEPTED;
    if (info && (info->class == REASON_CLASS_MEANING || info->class == REASON_CLASS_LINK))
        return DECODE_ILLEGAL;
    return DECODE_MALFORMED;
}

/* What the control field says, whatever the rest is like. */
static void read_apci(struct decode_apdu *a)
{
    uint8_t alone[APDU_SIZE_MIN];
    const uint8_t *p = a->octets;

    if (a->n < APDU_SIZE_MIN || p[0] != APCI_START || p[1] < APCI_LENGTH_MIN ||
        p[1] > APCI_LENGTH_MAX)
        return;
    if ((p[2] & 0x01) == 0) {
        a->has_apci = true;
        a->apci.format = APCI_I;
        a->apci.ns = (uint16_t)((p[2] | (unsigned int)p[3] << 8) >> 1);
        a->apci.nr = (uint16_t)((p[4] | (unsigned int)p[5] << 8) >> 1);
        a->apci.asdu = p + APDU_SIZE_MIN;
        a->apci.asdu_size = a->n - APDU_SIZE_MIN;
        return;
    }
    memcpy(alone, p, sizeof alone);
    alone[1] = APCI_LENGTH_MIN;
    a->has_apci = apci_parse(alone, sizeof alone, &a->apci).reason == REASON_OK;
}

static void judge_asdu(struct decode_apdu *a, enum decode_direction direction)
{
    const uint8_t *asdu = a->apci.asdu;
    const size_t n = a->apci.asdu_size;
    struct verdict v;

    /* What the octets say is the same in both directions; only the verdict is not. */
    (void)asdu_parse(asdu, n, DIR_CONTROL, &a->rules->profile, &a->asdu);
    a->has_asdu = true;
    a->dir = direction == DECODE_AUTO ? direction_of_asdu(&a->asdu)
                                      : (enum direction)direction;
    v = asdu_parse(asdu, n, a->dir, &a->rules->profile, &a->asdu);
    if (a->outcome != DECODE_ACCEPTED)
        return;
    a->outcome = outcome_of(v.reason);
    a->verdict = v;
    if (v.reason != REASON_OK)
        a->verdict.offset = (uint16_t)(v.offset + APDU_SIZE_MIN);
}

static void judge_function(struct decode_apdu *a, enum decode_direction direction)
{
    enum direction only;
    const bool one_way = direction_of_function(a->apci.function, &only);

    if (direction == DECODE_AUTO) {
        a->either = !one_way;
        a->dir = only;
        return;
    }
    if (!one_way || a->dir == only || a->outcome != DECODE_ACCEPTED)
        return;
    a->verdict = (struct verdict){.reason = REASON_DIRECTION, .offset = 2};
    a->outcome = outcome_of(REASON_DIRECTION);
}

/* As the gate does: 60870-5-7 passes without a rule, but for what it wraps. */
static void judge_policy(struct decode_apdu *a)
{
    const struct policy *policy = a->rules->policy;
    const struct asdu *d = &a->asdu;
    struct asdu inner;

    if (!policy || !a->has_asdu || a->outcome != DECODE_ACCEPTED)
        return;
    if (d->inner) {
        (void)asdu_parse(d->inner, d->inner_size, a->dir, &a->rules->profile, &inner);
        d = &inner;
    } else if (d->type->layout == TYPE_LAYOUT_SECAUTH) {
        return;
    }
    if (a->rules->has_role)
        policy_decide_for(policy, &a->rules->asker, a->dir, d, &a->decision);
    else
        policy_decide_without_role(policy, &a->rules->asker, a->dir, d, &a->decision);
    a->has_policy = true;
    if (!policy_action_passes(a->decision.action))
        a->outcome = DECODE_REFUSED;
}

void decode_judge(const uint8_t *octets, size_t n, bool whole, struct verdict framing,
                  enum decode_direction direction, const struct decode_rules *rules,
                  struct decode_apdu *out)
{
    assert(n >= 1 && n <= APDU_SIZE_MAX);
    memset(out, 0, sizeof *out);
    out->rules = rules;
    out->octets = octets;
    out->n = n;
    out->either = direction == DECODE_AUTO;
    out->dir = direction == DECODE_AUTO ? DIR_CONTROL : (enum direction)direction;
    out->verdict = framing;
    out->outcome = outcome_of(framing.reason);
    if (!whole && framing.reason == REASON_OK)
        out->outcome = DECODE_INCOMPLETE;
    read_apci(out);
    if (!out->has_apci)
        return;
    if (out->apci.format == APCI_U)
        judge_function(out, direction);
    if (out->apci.format == APCI_I && out->apci.asdu_size > 0) {
        out->either = false;
        judge_asdu(out, direction);
        judge_policy(out);
    }
}

/* ---- objects, sound or not --------------------------------------------------------- */

static size_t segment_size(const struct decode_apdu *a, size_t at)
{
    const size_t los = at + LOS_OFFSET;

    if (a->asdu.type_id != TYPE_FILE_SEGMENT)
        return 0;
    if (los >= a->n)
        return 0;
    const size_t left = a->n - los - 1;
    return a->octets[los] < left ? a->octets[los] : left;
}

static size_t objects_begin(const struct decode_apdu *a)
{
    return APDU_SIZE_MIN + (size_t)profile_header_size(&a->rules->profile);
}

bool decode_object(const struct decode_apdu *a, unsigned int i, struct decode_object *out)
{
    if (!a->has_asdu || !a->asdu.type || i >= a->asdu.count ||
        a->asdu.type->layout != TYPE_LAYOUT_OBJECTS)
        return false;

    const size_t size = a->asdu.type->size, address = a->rules->profile.ioa_size;
    const size_t begin = objects_begin(a);
    const size_t ioa = a->asdu.sq ? begin : begin + i * (address + size);
    const size_t at = ioa + address + (a->asdu.sq ? i * size : 0);
    if (at + size > a->n)
        return false;
    out->type = a->asdu.type;
    out->has_ioa = !a->asdu.sq || i == 0;
    out->ioa = a->asdu.sq ? i : 0;
    for (size_t k = 0; k < address; k++)
        out->ioa += (uint32_t)a->octets[ioa + k] << 8 * k;
    out->offset = at;
    out->elements = a->octets + at;
    out->segment = segment_size(a, at);
    return true;
}

size_t decode_objects_end(const struct decode_apdu *a)
{
    struct decode_object o;
    size_t end = objects_begin(a);

    for (unsigned int i = 0; decode_object(a, i, &o); i++) /* 127 at most */
        end = o.offset + o.type->size + o.segment;
    return end < a->n ? end : a->n;
}
