/* How old a command's time tag may be.  Here the time of day is the subject: without a
 * clock to trust nothing passes. */
#include "proxy/gate.h"

static const uint8_t *tag_of(const struct asdu *a)
{
    const uint8_t *element;
    uint32_t ioa;

    if (!a->type || !asdu_object(a, 0, &ioa, &element))
        return NULL;
    return policy_tag(a->type, element);
}

const char *gate_age_word(const struct policy_askers *t, const uint8_t *tag,
                          int64_t now_ms, uint32_t age_ms)
{
    static const struct policy_zone utc;
    int64_t said_ms;

    if (policy_tag_read(t ? &t->zone : &utc, t && t->tags_local, tag, &said_ms) !=
        POLICY_TAG_GOOD)
        return "tag-invalid";
    if (said_ms > now_ms + POLICY_TAG_AHEAD_MS)
        return "tag-future";
    return now_ms - said_ms > (int64_t)age_ms ? "tag-old" : NULL;
}

const char *gate_age_check(const struct gate_session *s,
                           const struct policy_limits *limits, const struct asdu *a)
{
    const uint8_t *tag = tag_of(a);
    struct timespec now;

    if (!tag)
        return "tag-missing";
    if (!gate_asker_clock(s, &now))
        return "clock-untrusted";
    return gate_age_word(policy_askers(s->policy), tag,
                         (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
                         limits->age_ms);
}
