#include "policy/policy_review_asker.h"

#include <string.h>

static bool set_covers(uint64_t wide, uint64_t narrow)
{
    return wide == 0 || (narrow != 0 && (narrow & ~wide) == 0);
}

bool policy_rule_asker_covers(const struct policy_rule *wide,
                              const struct policy_rule *narrow)
{
    /* While nobody knows the time, of two rules with times only those hold that let
     * nothing pass. */
    if (wide->times != 0 && policy_action_passes(wide->action) &&
        !policy_action_passes(narrow->action))
        return false;
    return set_covers(wide->peers, narrow->peers) &&
           set_covers(wide->sources, narrow->sources) &&
           set_covers(wide->times, narrow->times);
}

static bool has(uint64_t set, uint8_t bit)
{
    return (set >> bit & 1) != 0;
}

/* A certificate has one fingerprint, one subject and one issuer, but many names. */
static bool may_be_one(const struct policy_peer *a, const struct policy_peer *b)
{
    if (a->kind != b->kind || a->kind > POLICY_PEER_ISSUER)
        return true;
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static bool peers_exclude(const struct policy_askers *t, uint64_t a, uint64_t b)
{
    for (size_t i = 0; i < t->peer_count; i++) {
        for (size_t k = 0; k < t->peer_count; k++) {
            if (has(a, t->peer[i].bit) && has(b, t->peer[k].bit) &&
                may_be_one(&t->peer[i], &t->peer[k]))
                return false;
        }
    }
    return true;
}

/* Of two networks that have an address in common one lies in the other. */
static bool nets_meet(const struct policy_net *a, const struct policy_net *b)
{
    const struct policy_net *wide = a->prefix < b->prefix ? a : b;
    const struct policy_net *narrow = wide == a ? b : a;

    for (unsigned int i = 0; i < wide->prefix; i++) {
        if (((wide->addr[i / 8] ^ narrow->addr[i / 8]) >> (7 - i % 8) & 1) != 0)
            return false;
    }
    return true;
}

static bool sources_exclude(const struct policy_askers *t, uint64_t a, uint64_t b)
{
    for (size_t i = 0; i < t->net_count; i++) {
        for (size_t k = 0; k < t->net_count; k++) {
            if (has(a, t->net[i].bit) && has(b, t->net[k].bit) &&
                nets_meet(&t->net[i], &t->net[k]))
                return false;
        }
    }
    return true;
}

static bool times_exclude(const struct policy_askers *t, uint64_t a, uint64_t b)
{
    for (size_t i = 0; i < t->window_count; i++) {
        for (size_t k = 0; k < t->window_count; k++) {
            const struct policy_window *x = &t->window[i], *y = &t->window[k];

            if (has(a, x->bit) && has(b, y->bit) && x->first <= y->last &&
                y->first <= x->last)
                return false;
        }
    }
    return true;
}

bool policy_rules_exclude(const struct policy_askers *t, const struct policy_rule *a,
                          const struct policy_rule *b)
{
    if (t == NULL)
        return false;
    return (a->peers != 0 && b->peers != 0 && peers_exclude(t, a->peers, b->peers)) ||
           (a->sources != 0 && b->sources != 0 &&
            sources_exclude(t, a->sources, b->sources)) ||
           (a->times != 0 && b->times != 0 && times_exclude(t, a->times, b->times));
}
