/* The data path: nothing here allocates. */
#include "policy/policy_decide.h"

/* That the bounds hold is not said: the provers know no order of floats. */
/*@ requires \valid_read(r) && \valid_read(o);
    assigns \nothing;
    ensures \result && r->has_value != 0 ==> o->has_value != 0; */
static bool value_fits(const struct policy_entry *r, const struct policy_object *o)
{
    if (!r->has_value)
        return true;
    return o->has_value && o->value >= r->value_min && o->value <= r->value_max;
}

bool policy_conditions_hold(const struct policy_entry *r, const struct policy_object *o)
{
    if (o->asdu == NULL)
        return true;
    if (!policy_asker_holds(&r->asked, o->who))
        return false;
    if (r->when != NULL && !policy_when_holds(r->when, o->asdu, o->element))
        return false;
    return value_fits(r, o);
}

/* ---- what an index led to: is it so? ---- */

/*@ requires n <= 63;
    assigns \nothing;
    ensures \result <==> in_set(set, n); */
static bool has_bit(uint64_t set, unsigned int n)
{
    return (set & UINT64_C(1) << n) != 0;
}

/*@ requires \valid_read(r);
    assigns \nothing;
    ensures \result <==> type_named(r, id); */
static bool names_type(const struct policy_entry *r, uint8_t id)
{
    return id < TYPE_TABLE_SIZE && has_bit(r->types[id / 64], id % 64);
}

/*@ requires policy_loaded(p) && \valid_read(s);
    assigns \nothing;
    ensures \result ==> ioa_named(p, s, ioa); */
static bool names_ioa(const struct policy *p, const struct policy_place *s,
                      uint32_t range, uint32_t ioa)
{
    if (s->range_count == 0)
        return true;
    return range >= s->range && range - s->range < s->range_count &&
           range < p->range_count && ioa >= p->ranges[range].first &&
           ioa <= p->ranges[range].last;
}

/*@ requires policy_loaded(p) && \valid_read(o) && \valid_read(c);
    assigns \nothing;
    ensures \result ==> rule_names(p, c->rule, o->direction, o->type_id, o->ca, o->ioa,
                                   o->no_address); */
static bool candidate_names(const struct policy *p, const struct policy_candidate *c,
                            const struct policy_object *o)
{
    if (c->rule >= p->rule_count || c->place >= p->place_count)
        return false;

    const struct policy_entry *r = &p->rule[c->rule];
    const struct policy_place *s = &p->places[c->place];
    return r->direction == o->direction && names_type(r, o->type_id) &&
           c->place >= r->place && c->place - r->place < r->place_count &&
           (s->type == 0 || s->type == o->type_id) && o->ca >= s->ca_first &&
           o->ca <= s->ca_last && (o->no_address || names_ioa(p, s, c->range, o->ioa));
}

/* ---- one object ---- */

/*@ requires policy_loaded(p) && 0 <= direction <= 1 && \valid(out);
    assigns *out;
    ensures out->action == \old(p->fallback[direction]) && out->rule == POLICY_DEFAULT;
    ensures out->object == 0; */
static void decide_default(const struct policy *p, enum direction direction,
                           struct policy_decision *out)
{
    out->action = p->fallback[direction];
    out->rule = POLICY_DEFAULT;
    out->name = "default";
    out->object = 0;
}

/*@ requires \valid(out);
    assigns out->action;
    ensures out->action >= POLICY_REFUSE && out->action >= \old(out->action); */
static void refuse_at_least(struct policy_decision *out)
{
    if (out->action < POLICY_REFUSE)
        out->action = POLICY_REFUSE;
}

/*@ requires policy_loaded(p) && object_there(o) && o->direction <= 1 && \valid(out);
    assigns *out;
    ensures by_rule: \let action = out->action; \let rule = out->rule;
      rule >= 0 ==> \old(decided_by_rule(p, action, rule, o));
    ensures by_default: out->rule < 0 ==> out->rule == POLICY_DEFAULT &&
      (out->action == \old(p->fallback[o->direction]) || out->action >= POLICY_REFUSE); */
static void decide_object(const struct policy *p, const struct policy_object *o,
                          struct policy_decision *out)
{
    const uint32_t found = policy_find(p, o);

    if (found == POLICY_NO_CANDIDATE) {
        decide_default(p, (enum direction)o->direction, out);
        return;
    }
    /* Never, with indexes as policy_load makes them. */
    if (o->asdu == NULL || found >= p->candidate_count ||
        !candidate_names(p, &p->candidates[found], o) ||
        !policy_conditions_hold(&p->rule[p->candidates[found].rule], o)) {
        decide_default(p, (enum direction)o->direction, out);
        refuse_at_least(out);
        return;
    }
    const uint32_t rule = p->candidates[found].rule;
    const enum policy_action action = p->rule[rule].action;
    const char *name = p->rule[rule].name;
    /*@ assert decided_by_rule(p, action, rule, o); */
    out->action = action;
    out->rule = (int32_t)rule;
    out->name = name;
    out->object = 0;
}

/* ---- all objects of an ASDU ---- */

/*@ requires \valid(o) && \valid_read(o->asdu) && \valid_read(o->asdu->type);
    requires \valid_read(o->element + (0 .. o->asdu->type->size - 1));
    assigns o->value, o->has_value; */
static void take_value(struct policy_object *o)
{
    o->has_value = asdu_value(o->asdu->type, o->element, &o->value);
}

/*@ requires asdu_there(asdu) && \valid(o) && 0 <= direction <= 1;
    requires \separated(o, asdu);
    requires asdu->objects != \null ==> \separated(o, asdu->type);
    assigns *o;
    ensures \result ==> \valid_read(asdu->type) &&
      \valid_read(o->element + (0 .. asdu->type->size - 1));
    ensures \result ==> o->direction == direction && o->who == who && o->asdu == asdu &&
      o->type_id == \old(asdu->type_id) && o->ca == \old(asdu->ca) &&
      o->ioa == \old(object_ioa(asdu, i)) &&
      o->no_address == \old(asdu->type->ioa == TYPE_IOA_ZERO ? 1 : 0); */
static bool make_object(const struct policy_asker *who, enum direction direction,
                        const struct asdu *asdu, unsigned int i, struct policy_object *o)
{
    const uint8_t *element = NULL;
    uint32_t ioa = 0;

    if (!asdu_object(asdu, i, &ioa, &element))
        return false;
    o->direction = (uint8_t)direction;
    o->type_id = asdu->type_id;
    o->ca = asdu->ca;
    o->ioa = ioa;
    o->no_address = asdu->type->ioa == TYPE_IOA_ZERO;
    o->who = who;
    o->asdu = asdu;
    o->element = element;
    return true;
}

/*@ requires policy_loaded(p) && asdu_there(asdu) && \valid_read(who) && \valid(out);
    requires 0 <= direction <= 1;
    assigns *out;
    ensures by_default: out->rule < 0 ==> out->rule == POLICY_DEFAULT &&
      (out->action == \old(p->fallback[direction]) || out->action >= POLICY_REFUSE); */
static void decide_nth(const struct policy *p, const struct policy_asker *who,
                       enum direction direction, const struct asdu *asdu, unsigned int i,
                       struct policy_decision *out)
{
    struct policy_object o;

    if (make_object(who, direction, asdu, i, &o)) {
        take_value(&o);
        decide_object(p, &o, out);
    } else {
        decide_default(p, direction, out);
        refuse_at_least(out);
    }
    out->object = i;
}

/* The strictest of `first` and of what the others get. */
/*@ requires policy_loaded(p) && asdu_there(asdu) && \valid_read(who) && \valid(out);
    requires 0 <= direction <= 1;
    assigns *out;
    ensures out->action >= \old(out->action);
    ensures no_rule: out->rule < 0 && out->action < POLICY_REFUSE ==>
      \old(out->rule) < 0 || out->action == \old(p->fallback[direction]); */
static void decide_others(const struct policy *p, const struct policy_asker *who,
                          enum direction direction, const struct asdu *asdu,
                          struct policy_decision *out)
{
    struct policy_decision worst = *out;

    /*@ loop invariant 1 <= i && worst.action >= \at(out->action, Pre);
        loop invariant worst.rule < 0 && worst.action < POLICY_REFUSE ==>
          \at(out->rule, Pre) < 0 || worst.action == \at(p->fallback[direction], Pre);
        loop assigns i, worst;
        loop variant 256 - i; */
    for (unsigned int i = 1; i < asdu->count; i++) {
        struct policy_decision d;
        decide_nth(p, who, direction, asdu, i, &d);
        if (d.action > worst.action)
            worst = d;
    }
    *out = worst;
}

void policy_decide_for(const struct policy *p, const struct policy_asker *who,
                       enum direction direction, const struct asdu *asdu,
                       struct policy_decision *out)
{
    if (asdu->objects == NULL || asdu->count == 0) {
        decide_default(p, direction, out);
        refuse_at_least(out);
        return;
    }
    const bool several = asdu->count > 1;
    decide_nth(p, who, direction, asdu, 0, out);
    if (several)
        decide_others(p, who, direction, asdu, out);
}

/* What a master without a role may ask for, as far as the rules let everybody: nothing
 * that changes anything: C_IC_NA_1, C_RD_NA_1, C_TS_TA_1. */
bool policy_is_harmless(uint8_t type_id)
{
    return type_id == 100 || type_id == 102 || type_id == 107;
}

void policy_decide_without_role(const struct policy *p, const struct policy_asker *who,
                                enum direction direction, const struct asdu *asdu,
                                struct policy_decision *out)
{
    const struct policy_asker bare = {
        .peers = who->peers, .sources = who->sources, .times = who->times};

    policy_decide_for(p, &bare, direction, asdu, out);
    if (p->role_count == 0 || direction != DIR_CONTROL || out->action >= POLICY_REFUSE ||
        policy_is_harmless(asdu->type_id))
        return;
    /* A rule that is for everybody, or a default that passes, is not meant for a master
     * of whom nobody said what it may do. */
    out->action = POLICY_REFUSE;
    out->rule = POLICY_NO_ROLE;
    out->name = "no_role";
}
