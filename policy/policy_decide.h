/* A decision on one object, and what of it is proved (doc/proof.md): whatever the indexes
 * lead to, nothing passes but by a rule that is about the object, or by the default.
 * Private to the files of the policy. */
#ifndef GATE104_POLICY_POLICY_DECIDE_H
#define GATE104_POLICY_POLICY_DECIDE_H

#include "policy/policy_private.h"

/* What rules may ask of an object. */
struct policy_object {
    uint8_t direction; /* enum direction */
    uint8_t type_id;
    uint16_t ca;
    uint32_t ioa;
    bool no_address; /* object addresses of its type are always 0 */
    bool has_value;
    double value;
    const struct policy_asker *who;
    const struct asdu *asdu; /* NULL: of rules only the addresses count */
    const uint8_t *element;
};

#define POLICY_NO_CANDIDATE UINT32_MAX

/*@ predicate object_there(struct policy_object *o) =
      \valid_read(o) && (o->asdu != \null ==> \valid_read(o->who));
    // What policy_load makes: tables as long as they say.
    predicate policy_loaded(struct policy *p) =
      \valid_read(p) && p->rule_count <= POLICY_RULES_MAX &&
      \valid_read(p->rule + (0 .. p->rule_count - 1)) &&
      \valid_read(p->candidates + (0 .. p->candidate_count - 1)) &&
      \valid_read(p->places + (0 .. p->place_count - 1)) &&
      \valid_read(p->ranges + (0 .. p->range_count - 1));
    predicate type_named(struct policy_entry *r, integer type) =
      0 <= type < 128 && in_set(r->types[type / 64], type % 64);
    predicate ioa_named(struct policy *p, struct policy_place *s, integer ioa) =
      s->range_count == 0 ||
      \exists integer k; s->range <= k < s->range + s->range_count &&
        k < p->range_count && p->ranges[k].first <= ioa <= p->ranges[k].last;
    predicate place_named(struct policy *p, struct policy_place *s, integer type,
                          integer ca, integer ioa, integer no_address) =
      (s->type == 0 || s->type == type) && s->ca_first <= ca <= s->ca_last &&
      (no_address != 0 || ioa_named(p, s, ioa));
    // The rule's own words are about this direction, type and place.
    predicate rule_names(struct policy *p, integer rule, integer direction,
                         integer type, integer ca, integer ioa, integer no_address) =
      0 <= rule < p->rule_count && p->rule[rule].direction == direction &&
      type_named(&p->rule[rule], type) &&
      \exists integer j;
        p->rule[rule].place <= j < p->rule[rule].place + p->rule[rule].place_count &&
        j < p->place_count &&
        place_named(p, &p->places[j], type, ca, ioa, no_address);
    // The rule is about the object and for who asks, and gives it this action.
    predicate decided_by_rule(struct policy *p, integer action, integer rule,
                              struct policy_object *o) =
      rule_names(p, rule, o->direction, o->type_id, o->ca, o->ioa, o->no_address) &&
      asker_meets(&p->rule[rule].asked, o->who) && p->rule[rule].action == action;
    // What asdu_parse leaves of a sound ASDU.
    predicate asdu_there(struct asdu *a) =
      \valid_read(a) && a->ioa <= 0xFFFFFF && (a->objects != \null ==> objects_there(a));
 */

/* ---- policy_find.c: the indexes ---- */

/* The number of the candidate that decides; POLICY_NO_CANDIDATE if there is none. */
/*@ assigns \nothing; */
uint32_t policy_find(const struct policy *p, const struct policy_object *o);

/* ---- policy_decide.c ---- */

/* policy.h says what these do; there the policy is a name only. */
/*@ requires policy_loaded(p) && asdu_there(asdu) && \valid_read(who) && \valid(out);
    requires 0 <= direction <= 1;
    requires \separated(out, p, who, asdu);
    requires \separated(out, p->rule + (0 .. p->rule_count - 1));
    requires asdu->objects != \null ==> \separated(out, asdu->type) &&
      \separated(out, asdu->objects + (0 .. asdu->objects_size - 1));
    assigns *out;
    ensures unsound: \old(asdu->objects == \null || asdu->count == 0) ==>
      out->action >= POLICY_REFUSE;
    ensures no_rule: \old(p->fallback[direction]) >= POLICY_REFUSE &&
      out->action < POLICY_REFUSE ==> out->rule >= 0; */
void policy_decide_for(const struct policy *p, const struct policy_asker *who,
                       enum direction direction, const struct asdu *asdu,
                       struct policy_decision *out);

/*@ requires policy_loaded(p) && asdu_there(asdu) && \valid_read(who) && \valid(out);
    requires 0 <= direction <= 1;
    requires \separated(out, p, who, asdu);
    requires \separated(out, p->rule + (0 .. p->rule_count - 1));
    requires asdu->objects != \null ==> \separated(out, asdu->type) &&
      \separated(out, asdu->objects + (0 .. asdu->objects_size - 1));
    assigns *out;
    ensures harmless: direction == DIR_CONTROL && p->role_count > 0 &&
      out->action < POLICY_REFUSE ==> harmless(asdu->type_id);
    ensures no_rule: \old(p->fallback[direction]) >= POLICY_REFUSE &&
      out->action < POLICY_REFUSE ==> out->rule >= 0; */
void policy_decide_without_role(const struct policy *p, const struct policy_asker *who,
                                enum direction direction, const struct asdu *asdu,
                                struct policy_decision *out);

/* True if the object meets what the rule asks beside addresses. */
/*@ requires \valid_read(r) && object_there(o);
    assigns \nothing;
    ensures who: \result && o->asdu != \null ==> asker_meets(&r->asked, o->who);
    ensures value: \result && o->asdu != \null && r->has_value != 0 ==>
      o->has_value != 0; */
bool policy_conditions_hold(const struct policy_entry *r, const struct policy_object *o);

#endif
