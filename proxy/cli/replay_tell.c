/* What would have been refused, in words and as JSON. */
#include "proxy/cli/replay_tell.h"

#include "proxy/cli/cli.h"
#include "proxy/cli/traffic_text.h"

#include <jansson.h>
#include <string.h>

struct telling {
    const struct replay *replay;
    const struct policy_read *read;
    const struct traffic_counts *counts;
};

static const char *rule_text(const struct telling *run, int32_t rule, char out[160])
{
    const char *name = policy_rule_name(run->read->policy, rule);

    if (rule == POLICY_DEFAULT)
        (void)snprintf(out, 160, "no rule matches");
    else if (rule == POLICY_NO_ROLE)
        (void)snprintf(out, 160, "the master has no role");
    else if (name[0])
        (void)snprintf(out, 160, "rule \"%s\", line %u", name,
                       run->read->file.line[rule]);
    else
        (void)snprintf(out, 160, "rule of line %u", run->read->file.line[rule]);
    return out;
}

static void put_reason(FILE *out, const struct verdict *v)
{
    const struct reason_info *info = reason_info((unsigned int)v->reason);

    (void)fprintf(out, ": %s, octet %u: %s", reason_name((unsigned int)v->reason),
                  v->offset, info ? info->text : "");
    if (v->quirk != QUIRK_NONE)
        (void)fprintf(out, "; %s lets it through", quirk_name(v->quirk));
}

/* What a guard saw; of those that tripped before, nothing. */
static void put_trips(const struct telling *run, const struct traffic_apdu *t,
                      const struct replay_word *w)
{
    char time[TRAFFIC_TIME_TEXT];

    traffic_time_text(t->time_ms, time);
    for (size_t i = 0; i < w->trips.count; i++) {
        const struct guard_trip *trip = &w->trips.trip[i];

        if (!trip->news)
            continue;
        (void)printf("%s %llu %s ", time, (unsigned long long)t->number,
                     direction_name(t->dir));
        traffic_put_apdu(stdout, t, &run->replay->profile, run->replay->names);
        (void)printf(" -> guard %s (%s): %llu, limit %llu", guard_name(trip->guard),
                     guard_action_name(trip->action), (unsigned long long)trip->count,
                     (unsigned long long)trip->limit);
        if (trip->window_ms > 0)
            (void)printf(" in %llu ms", (unsigned long long)trip->window_ms);
        (void)printf("; by ");
        cli_put_safe(stdout, t->who, 0, false);
        (void)putchar('\n');
    }
}

static void put_text(const struct telling *run, const struct traffic_apdu *t,
                     const struct replay_word *w)
{
    char time[TRAFFIC_TIME_TEXT], rule[160];

    traffic_time_text(t->time_ms, time);
    (void)printf("%s %llu %s ", time, (unsigned long long)t->number,
                 direction_name(t->dir));
    traffic_put_apdu(stdout, t, &run->replay->profile, run->replay->names);
    (void)printf(" -> %s", w->verdict);
    if (!w->decided) {
        put_reason(stdout, &w->fault);
    } else {
        (void)fputs(": ", stdout);
        cli_put_safe(stdout, rule_text(run, w->decision.rule, rule), 0, false);
        if (w->why)
            (void)printf(": %s", w->why);
    }
    (void)putchar('\n');
}

static void add(json_t *to, const char *key, json_t *value)
{
    (void)json_object_set_new(to, key, value);
}

/* What stopped something: of an APDU, or of a kind of them. */
static void add_cause(const struct telling *run, json_t *to, bool decided, int32_t rule,
                      enum reason reason, const char *why)
{
    if (!decided && reason == REASON_OK)
        return;
    if (decided)
        add(to, "rule", json_string(policy_rule_name(run->read->policy, rule)));
    if (decided && rule >= 0)
        add(to, "line", json_integer(run->read->file.line[rule]));
    if (!decided)
        add(to, "reason", json_string(reason_name((unsigned int)reason)));
    if (why)
        add(to, "why", json_string(why));
}

static void put_json(const struct telling *run, const struct traffic_apdu *t,
                     const struct replay_word *w)
{
    char time[TRAFFIC_TIME_TEXT], hex[2 * APDU_SIZE_MAX + 1] = "";
    json_t *o = json_object(), *guards = json_array();

    for (size_t i = 0; i < t->n && i < APDU_SIZE_MAX; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", t->octets[i]);
    traffic_time_text(t->time_ms, time);
    for (size_t i = 0; i < w->trips.count; i++) {
        if (w->trips.trip[i].news)
            (void)json_array_append_new(guards,
                                        json_string(guard_name(w->trips.trip[i].guard)));
    }
    add(o, "time", json_string(time));
    add(o, "number", json_integer((json_int_t)t->number));
    add(o, "session", json_integer((json_int_t)t->session));
    add(o, "who", json_string(t->who));
    add(o, "direction", json_string(direction_name(t->dir)));
    add(o, "apdu", json_string(hex));
    add(o, "verdict", json_string(w->verdict));
    add_cause(run, o, w->decided, w->decision.rule, w->fault.reason, w->why);
    if (json_array_size(guards) > 0)
        add(o, "guards", json_incref(guards));
    json_decref(guards);
    if (!w->decided)
        add(o, "offset", json_integer(w->fault.offset));
    if (w->fault.quirk != QUIRK_NONE)
        add(o, "quirk", json_string(quirk_name(w->fault.quirk)));
    (void)json_dumpf(o, stdout, JSON_ENSURE_ASCII | JSON_COMPACT);
    (void)putchar('\n');
    json_decref(o);
}

/* ---- the summary ------------------------------------------------------------------- */

static void summary_text(const struct telling *run)
{
    const struct replay *r = run->replay;
    const uint64_t all = r->passed + r->stopped;
    char rule[160];

    (void)printf("%llu APDUs: %llu pass", (unsigned long long)all,
                 (unsigned long long)r->passed);
    (void)printf(", %llu would not", (unsigned long long)r->stopped);
    if (r->tolerated > 0)
        (void)printf("; %llu need a quirk", (unsigned long long)r->tolerated);
    (void)putchar('\n');
    for (size_t i = 0; i < r->kinds; i++) {
        const struct replay_kind *k = &r->kind[i];

        (void)printf("%8llu  %s: ", (unsigned long long)k->count, k->verdict);
        if (k->decided)
            cli_put_safe(stdout, rule_text(run, k->rule, rule), 0, false);
        else
            (void)fputs(reason_name((unsigned int)k->reason), stdout);
        if (k->why)
            (void)printf(": %s", k->why);
        (void)putchar('\n');
    }
    for (int g = 0; g < GUARDS; g++) {
        if (r->trips[g] > 0)
            (void)printf("%8llu  guard %s tripped\n", (unsigned long long)r->trips[g],
                         guard_name((enum guard_id)g));
    }
    if (r->other_kinds > 0)
        (void)printf("%8llu  for other reasons\n", (unsigned long long)r->other_kinds);
}

static void summary_json(const struct telling *run)
{
    const struct replay *r = run->replay;
    const uint64_t all = r->passed + r->stopped;
    json_t *o = json_object(), *kinds = json_array(), *guards = json_object();

    for (int g = 0; g < GUARDS; g++) {
        if (r->trips[g] > 0)
            add(guards, guard_name((enum guard_id)g),
                json_integer((json_int_t)r->trips[g]));
    }

    for (size_t i = 0; i < r->kinds; i++) {
        const struct replay_kind *k = &r->kind[i];
        json_t *one = json_object();

        add(one, "count", json_integer((json_int_t)k->count));
        add(one, "verdict", json_string(k->verdict));
        add_cause(run, one, k->decided, k->rule, k->reason, k->why);
        (void)json_array_append_new(kinds, one);
    }
    add(o, "summary", json_true());
    add(o, "apdus", json_integer((json_int_t)all));
    add(o, "passed", json_integer((json_int_t)r->passed));
    add(o, "stopped", json_integer((json_int_t)r->stopped));
    add(o, "tolerated", json_integer((json_int_t)r->tolerated));
    add(o, "bad_lines", json_integer((json_int_t)run->counts->bad_lines));
    add(o, "cut", json_boolean(run->counts->cut));
    add(o, "kinds", kinds);
    add(o, "guards", guards);
    (void)json_dumpf(o, stdout, JSON_ENSURE_ASCII | JSON_COMPACT);
    (void)putchar('\n');
    json_decref(o);
}

/* ---- from outside ------------------------------------------------------------------ */

void replay_tell(const struct replay *r, const struct policy_read *read, bool json,
                 const struct traffic_apdu *t, const struct replay_word *w)
{
    const struct telling run = {r, read, NULL};

    if (json) {
        put_json(&run, t, w);
        return;
    }
    put_trips(&run, t, w);
    if (strcmp(w->verdict, "pass") != 0)
        put_text(&run, t, w);
}

void replay_tell_summary(const struct replay *r, const struct policy_read *read,
                         bool json, const struct traffic_counts *counts)
{
    const struct telling run = {r, read, counts};

    if (json)
        summary_json(&run);
    else
        summary_text(&run);
}
