#include "policy/reply.h"

#include <string.h>

#define COT_PN 0x40u

/* What a fault costs its sender, by direction, and the answer it deserves.  A row per
 * reason of asdu_parse; what has no row closes. */
struct reply_rule {
    enum reason reason;
    enum reaction reaction[DIRECTIONS];
    enum reply_kind kind;
};

#define ANSWER REACTION_ANSWER
#define DROP   REACTION_DROP
#define CLOSE  REACTION_CLOSE

static const struct reply_rule RULES[] = {
    {REASON_OK, {ANSWER, DROP}, REPLY_REFUSED},
    {REASON_SHORT, {CLOSE, DROP}, REPLY_REFUSED},
    {REASON_TRAILING, {CLOSE, DROP}, REPLY_REFUSED},
    {REASON_BAD_COUNT, {CLOSE, DROP}, REPLY_REFUSED},
    {REASON_SEGMENTED, {ANSWER, DROP}, REPLY_REFUSED},
    {REASON_BAD_SQ, {ANSWER, DROP}, REPLY_UNKNOWN_TYPE},
    {REASON_BAD_TYPE, {ANSWER, DROP}, REPLY_UNKNOWN_TYPE},
    {REASON_SECAUTH, {ANSWER, DROP}, REPLY_UNKNOWN_TYPE},
    {REASON_WRONG_DIRECTION, {CLOSE, DROP}, REPLY_REFUSED},
    {REASON_BAD_COT, {ANSWER, DROP}, REPLY_UNKNOWN_CAUSE},
    {REASON_NEGATIVE_BIT, {ANSWER, DROP}, REPLY_UNKNOWN_CAUSE},
    {REASON_TEST_BIT, {ANSWER, DROP}, REPLY_REFUSED},
    {REASON_BAD_CA, {ANSWER, DROP}, REPLY_UNKNOWN_CA},
    {REASON_BAD_IOA, {ANSWER, DROP}, REPLY_UNKNOWN_IOA},
    {REASON_RESERVED_BIT, {ANSWER, DROP}, REPLY_REFUSED},
    {REASON_BAD_VALUE, {ANSWER, DROP}, REPLY_REFUSED},
    {REASON_BAD_QUALIFIER, {ANSWER, DROP}, REPLY_REFUSED},
    {REASON_BAD_TIME, {ANSWER, DROP}, REPLY_REFUSED},
};
#define RULES_N (sizeof RULES / sizeof RULES[0])

static const uint8_t MIRRORED_CAUSE[] = {
    [REPLY_REFUSED] = COT_UNKNOWN_IOA,         [REPLY_UNKNOWN_TYPE] = COT_UNKNOWN_TYPE,
    [REPLY_UNKNOWN_CAUSE] = COT_UNKNOWN_CAUSE, [REPLY_UNKNOWN_CA] = COT_UNKNOWN_CA,
    [REPLY_UNKNOWN_IOA] = COT_UNKNOWN_IOA,
};

static const struct reply_rule *rule_of(enum reason reason)
{
    for (size_t i = 0; i < RULES_N; i++)
        if (RULES[i].reason == reason)
            return &RULES[i];
    return NULL;
}

enum reaction reply_reaction(enum reason reason, enum direction dir)
{
    const struct reply_rule *rule = rule_of(reason);

    return rule ? rule->reaction[dir] : REACTION_CLOSE;
}

enum reply_kind reply_kind_for(enum reason reason)
{
    const struct reply_rule *rule = rule_of(reason);

    return rule ? rule->kind : REPLY_REFUSED;
}

/* Causes of a command; and, to be told that it is no cause, all but a station's own. */
static bool may_answer_cause(uint8_t cause, enum reply_kind kind)
{
    if (cause == COT_REQUEST || cause == COT_ACTIVATION || cause == COT_DEACTIVATION)
        return true;
    return kind == REPLY_UNKNOWN_CAUSE && !cot_is_answer(cause);
}

static uint8_t answer_cause(const struct type_info *type, uint8_t cause,
                            enum reply_kind kind)
{
    const uint64_t legal = type ? type->cot[DIR_MONITOR] : 0;

    if (kind != REPLY_REFUSED)
        return MIRRORED_CAUSE[kind];
    if (type == NULL)
        return COT_UNKNOWN_TYPE;
    if (cause == COT_ACTIVATION && (legal & COT_BIT(COT_ACTIVATION_CON)) != 0)
        return COT_ACTIVATION_CON;
    if (cause == COT_DEACTIVATION && (legal & COT_BIT(COT_DEACTIVATION_CON)) != 0)
        return COT_DEACTIVATION_CON;
    return MIRRORED_CAUSE[kind];
}

/* NULL for one that the route does not know. */
static const struct type_info *known_type(const struct asdu *a,
                                          const struct profile *profile)
{
    if (a->type == NULL || a->type->needs == QUIRK_NONE ||
        (profile->quirks[DIR_CONTROL] & QUIRK_BIT(a->type->needs)) != 0)
        return a->type;
    return NULL;
}

size_t reply_negative(const uint8_t *asdu, size_t n, const struct profile *profile,
                      enum reply_kind kind, uint8_t out[ASDU_SIZE_MAX])
{
    struct asdu a;

    (void)asdu_parse(asdu, n, DIR_CONTROL, profile, &a);
    if ((a.has & ASDU_HAS_IOA) == 0 || n > ASDU_SIZE_MAX)
        return 0;
    if (a.ca == 0 || a.ca == ASDU_CA_ALL || !may_answer_cause(a.cause, kind))
        return 0;

    const struct type_info *type = known_type(&a, profile);
    if (type != NULL && !type_in_direction(type, DIR_CONTROL))
        return 0;

    memmove(out, asdu, n);
    out[2] = (uint8_t)((asdu[2] & 0x80) | COT_PN | answer_cause(type, a.cause, kind));
    return n;
}
