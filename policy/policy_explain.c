#include "policy/policy_private.h"
#include "policy/policy_review.h"

const char *policy_mismatch_text(enum policy_mismatch mismatch)
{
    static const char *const texts[POLICY_MISMATCHES] = {
        [POLICY_MATCHES] = "",
        [POLICY_OTHER_DIRECTION] = "it is for the other direction",
        [POLICY_OTHER_TYPE] = "it does not name the type",
        [POLICY_OTHER_CA] = "it does not name the common address",
        [POLICY_OTHER_IOA] = "it does not name the object address",
        [POLICY_OTHER_CAUSE] = "it is for other causes",
        [POLICY_OTHER_PHASE] = "the S/E bit is another",
        [POLICY_OTHER_QUALIFIER] = "the qualifier is another",
        [POLICY_OTHER_OA] = "the originator is another",
        [POLICY_OTHER_BITS] = "P/N or T is another",
        [POLICY_OTHER_VALUES] = "the value is none of its values, or there is none",
        [POLICY_OTHER_ROLE] = "it is for other roles",
        [POLICY_OTHER_PEER] = "it is for other certificates",
        [POLICY_OTHER_SOURCE] = "it is for other source addresses",
        [POLICY_OTHER_TIME] = "it is for other times",
        [POLICY_NO_CLOCK] = "it is for certain times, and no clock is trusted",
        [POLICY_OTHER_VALUE] = "the value is outside its range, or there is none",
    };

    return (size_t)mismatch < POLICY_MISMATCHES ? texts[mismatch] : "";
}

static bool in_ranges(const struct policy_range *r, size_t n, uint32_t x)
{
    for (size_t i = 0; i < n; i++) {
        if (x >= r[i].first && x <= r[i].last)
            return true;
    }
    return false;
}

static bool ca_matches(const struct policy_rule *r, const struct type_info *type,
                       uint16_t ca)
{
    size_t n;

    if (r->area_count > 0)
        return policy_rule_ioas(r, type, ca, &n) != NULL;
    if (r->ca_count == 0)
        return ca >= POLICY_CA_FIRST && ca <= POLICY_CA_LAST;
    return in_ranges(r->ca, r->ca_count, ca);
}

static bool ioa_matches(const struct policy_rule *r, const struct asdu *a, uint32_t ioa)
{
    size_t n;
    const struct policy_range *ranges = policy_rule_ioas(r, a->type, a->ca, &n);

    return in_ranges(ranges, n, ioa);
}

static bool role_matches(const struct policy_rule *r, const struct policy_question *q)
{
    for (size_t i = 0; i < r->role_count; i++) {
        for (size_t k = 0; k < q->role_count; k++) {
            if (r->role[i] == q->roles[k])
                return true;
        }
    }
    return r->role_count == 0;
}

static bool value_matches(const struct policy_rule *r, const struct asdu *a,
                          const uint8_t *element)
{
    double v;

    return !r->has_value ||
           (asdu_value(a->type, element, &v) && v >= r->value_min && v <= r->value_max);
}

/* What of the rest is not met; each condition is held alone against policy_when_holds. */
static enum policy_mismatch when_mismatch(const struct policy_when *w,
                                          const struct asdu *a, const uint8_t *element)
{
    struct policy_when cause = {.causes = w->causes}, phase = {.phases = w->phases};
    struct policy_when qualifier = {.causes = 0}, originator = {.causes = 0};
    struct policy_when bits = {.bits = w->bits};

    for (unsigned int i = 0; i < POLICY_OCTET_SET; i++) {
        qualifier.qualifiers[i] = w->qualifiers[i];
        originator.originators[i] = w->originators[i];
    }
    if (!policy_when_holds(&cause, a, element))
        return POLICY_OTHER_CAUSE;
    if (!policy_when_holds(&phase, a, element))
        return POLICY_OTHER_PHASE;
    if (!policy_when_holds(&qualifier, a, element))
        return POLICY_OTHER_QUALIFIER;
    if (!policy_when_holds(&originator, a, element))
        return POLICY_OTHER_OA;
    if (!policy_when_holds(&bits, a, element))
        return POLICY_OTHER_BITS;
    return policy_when_holds(w, a, element) ? POLICY_MATCHES : POLICY_OTHER_VALUES;
}

/* A rule that lets nothing pass holds at every time while nobody knows it. */
static enum policy_mismatch asker_mismatch(const struct policy_rule *r,
                                           const struct policy_asker *who)
{
    const bool unknown = (who->times & POLICY_TIME_UNKNOWN) != 0;

    if (!policy_set_meets(r->peers, who->peers))
        return POLICY_OTHER_PEER;
    if (!policy_set_meets(r->sources, who->sources))
        return POLICY_OTHER_SOURCE;
    if (unknown && r->times != 0)
        return policy_action_passes(r->action) ? POLICY_NO_CLOCK : POLICY_MATCHES;
    return policy_set_meets(r->times, who->times) ? POLICY_MATCHES : POLICY_OTHER_TIME;
}

static enum policy_mismatch mismatch_of(const struct policy_rule *r,
                                        const struct policy_question *q, uint32_t ioa,
                                        const uint8_t *element)
{
    const struct asdu *a = q->asdu;
    enum policy_mismatch when, who;

    if (r->direction != q->direction)
        return POLICY_OTHER_DIRECTION;
    if ((r->types[a->type_id / 8] >> a->type_id % 8 & 1) == 0)
        return POLICY_OTHER_TYPE;
    if (!ca_matches(r, a->type, a->ca))
        return POLICY_OTHER_CA;
    if (!ioa_matches(r, a, ioa))
        return POLICY_OTHER_IOA;
    when = when_mismatch(&r->when, a, element);
    if (when != POLICY_MATCHES)
        return when;
    if (!role_matches(r, q))
        return POLICY_OTHER_ROLE;
    who = asker_mismatch(r, &q->who);
    if (who != POLICY_MATCHES)
        return who;
    return value_matches(r, a, element) ? POLICY_MATCHES : POLICY_OTHER_VALUE;
}

bool policy_explain(const uint8_t *blob, size_t n, const struct policy_question *question,
                    bool (*told)(void *ctx, uint32_t rule, const struct policy_rule *r,
                                 enum policy_mismatch mismatch),
                    void *ctx)
{
    struct policy_source s;
    char err[160];
    const uint8_t *element;
    uint32_t ioa;

    if (!asdu_object(question->asdu, question->object, &ioa, &element) ||
        !policy_source_read(blob, n, &s, err, sizeof err))
        return false;
    for (uint32_t i = 0; i < s.count; i++) {
        const struct policy_rule *r = &s.rule[i];
        if (!told(ctx, i, r, mismatch_of(r, question, ioa, element)))
            break;
    }
    policy_source_free(&s);
    return true;
}

bool policy_each_rule(const uint8_t *blob, size_t n,
                      bool (*told)(void *ctx, uint32_t rule, const struct policy_rule *r),
                      void *ctx)
{
    struct policy_source s;
    char err[160];

    if (!policy_source_read(blob, n, &s, err, sizeof err))
        return false;
    for (uint32_t i = 0; i < s.count; i++) {
        if (!told(ctx, i, &s.rule[i]))
            break;
    }
    policy_source_free(&s);
    return true;
}
