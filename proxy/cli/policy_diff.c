/* gate104 policy diff: what another policy lets pass. */
#include "policy/policy_diff.h"
#include "policy/guard.h"

#include "certs/role_name.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/points.h"
#include "proxy/cli/policy.h"

#include <jansson.h>
#include <string.h>

struct run {
    struct policy_read was, is;
    bool json;
    uint64_t count[POLICY_CHANGES];
};

static const char *const KINDS[POLICY_CHANGES] = {
    [POLICY_NEWLY_ALLOWED] = "newly allowed",
    [POLICY_NO_LONGER] = "no longer allowed",
    [POLICY_OTHER_CONDITIONS] = "allowed under other conditions",
    [POLICY_OTHER_ANSWER] = "the same passes; otherwise answered or recorded",
};

/* Names of private roles may differ between the files, their numbers do not. */
static void name_role(int16_t role, char *out, size_t cap)
{
    const char *name = role_standard_name(role);

    if (name)
        (void)snprintf(out, cap, "%s", name);
    else
        (void)snprintf(out, cap, "%d", role);
}

/* ---- text -------------------------------------------------------------------------- */

#define NAMES_MAX 8u /* more types than these are told by number */

static bool has_type(const struct policy_difference *c, const struct type_info *t)
{
    return (c->types[t->id / 8] >> t->id % 8 & 1) != 0;
}

/* Numbers of types that follow each other in the table, as ranges. */
static void put_type_numbers(const struct policy_difference *c)
{
    const char *gap = " types ";
    uint8_t first = 0, last = 0;

    for (size_t i = 0; i <= TYPE_COUNT; i++) {
        const struct type_info *t = type_at(i);

        if (t && !policy_speaks_of(t, c->direction))
            continue;
        if (t && has_type(c, t)) {
            first = first == 0 ? t->id : first;
            last = t->id;
            continue;
        }
        if (first == 0)
            continue;
        (void)printf("%s%u", gap, first);
        if (last > first)
            (void)printf("-%u", last);
        gap = ",";
        first = 0;
    }
}

static void put_types(const struct policy_difference *c)
{
    size_t all = 0, set = 0;

    for (size_t i = 0; i < TYPE_COUNT; i++) {
        all += policy_speaks_of(type_at(i), c->direction);
        set += has_type(c, type_at(i));
    }
    if (all == set) {
        (void)fputs(" all types", stdout);
        return;
    }
    if (set > NAMES_MAX) {
        put_type_numbers(c);
        return;
    }
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (has_type(c, type_at(i)))
            (void)printf(" %s", type_at(i)->name);
    }
}

static void put_range(const struct policy_range *r, const char *gap)
{
    if (r->first == r->last)
        (void)printf("%s%u", gap, r->first);
    else
        (void)printf("%s%u-%u", gap, r->first, r->last);
}

static void put_addresses(const struct policy_difference *c)
{
    if (c->ca.first > 1 || c->ca.last < ASDU_CA_ALL - 1)
        put_range(&c->ca, ", CA ");
    else
        (void)fputs(", any CA", stdout);
    if (c->ioa_count == 1 && c->ioa[0].first == 0 && c->ioa[0].last == ASDU_IOA_MAX) {
        (void)fputs(", any IOA", stdout);
        return;
    }
    for (size_t i = 0; i < c->ioa_count; i++)
        put_range(&c->ioa[i], i == 0 ? ", IOA " : ",");
}

static void put_side(const char *label, const struct policy_read *r, const char *text,
                     int32_t rule)
{
    (void)printf("    %s: %s", label, text);
    if (rule >= 0) {
        (void)fputs("  [", stdout);
        policy_cli_rule(r, rule);
        (void)fputs("]", stdout);
    }
    (void)putchar('\n');
}

static void put_text(const struct run *run, const struct policy_difference *c)
{
    (void)printf("%s: %s:", KINDS[c->kind], direction_name(c->direction));
    put_types(c);
    put_addresses(c);
    (void)putchar('\n');
    put_side("old", &run->was, c->was, c->was_rule);
    put_side("new", &run->is, c->is, c->is_rule);
}

/* ---- guards ------------------------------------------------------------------------ */

static void put_guard(const char *label, const struct guard_rule *r)
{
    (void)printf("    %s: %s", label, guard_action_name((enum guard_action)r->action));
    if (r->action != GUARD_OFF && r->limit > 0)
        (void)printf(", limit %u", r->limit);
    if (r->action != GUARD_OFF && r->reads > 0)
        (void)printf(", reads %u", r->reads);
    if (r->action != GUARD_OFF && r->window_ms > 0)
        (void)printf(", in %u ms", r->window_ms);
    (void)putchar('\n');
}

static bool same_guard(const struct guard_settings *a, const struct guard_settings *b,
                       int guard)
{
    const struct guard_rule *x = &a->rule[guard], *y = &b->rule[guard];

    if (x->action == GUARD_OFF && y->action == GUARD_OFF)
        return true;
    return x->action == y->action && x->limit == y->limit && x->reads == y->reads &&
           x->window_ms == y->window_ms &&
           (guard != GUARD_OPENING ||
            (a->expect_count == b->expect_count &&
             memcmp(a->expect, b->expect, sizeof a->expect) == 0));
}

/* Guards that are others, which may stop what rules let pass.  Their number. */
static uint64_t compare_guards(const struct run *run)
{
    static const struct guard_settings none;
    const struct guard_settings *a = policy_guards(run->was.policy);
    const struct guard_settings *b = policy_guards(run->is.policy);
    uint64_t count = 0;

    a = a ? a : &none;
    b = b ? b : &none;
    for (int g = 0; g < GUARDS; g++) {
        if (same_guard(a, b, g))
            continue;
        count++;
        if (run->json) {
            (void)printf("{\"change\":\"other guard\",\"guard\":\"%s\"}\n",
                         guard_name((enum guard_id)g));
            continue;
        }
        (void)printf("other guard: %s\n", guard_name((enum guard_id)g));
        put_guard("old", &a->rule[g]);
        put_guard("new", &b->rule[g]);
    }
    return count;
}

/* ---- JSON -------------------------------------------------------------------------- */

static json_t *range_json(const struct policy_range *r)
{
    return json_pack("[I, I]", (json_int_t)r->first, (json_int_t)r->last);
}

static void put_json(const struct policy_difference *c)
{
    json_t *types = json_array(), *ioa = json_array(), *o;

    for (size_t i = 0; i < TYPE_COUNT; i++) {
        const struct type_info *t = type_at(i);

        if (has_type(c, t))
            (void)json_array_append_new(types, json_string(t->name));
    }
    for (size_t i = 0; i < c->ioa_count; i++)
        (void)json_array_append_new(ioa, range_json(&c->ioa[i]));
    o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s}", "change", KINDS[c->kind],
                  "direction", direction_name(c->direction), "types", types, "ca",
                  range_json(&c->ca), "ioa", ioa, "old", c->was, "new", c->is);
    if (o)
        (void)json_dumpf(o, stdout, JSON_ENSURE_ASCII | JSON_COMPACT);
    (void)putchar('\n');
    json_decref(o);
}

/* ---- the command ------------------------------------------------------------------- */

static bool told(void *ctx, const struct policy_difference *c)
{
    struct run *run = ctx;

    run->count[c->kind]++;
    if (run->json)
        put_json(c);
    else
        put_text(run, c);
    return ferror(stdout) == 0;
}

static int complain(const char *what)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "gate104 policy diff: %s\n", what);
    return LEARN_EXIT_UNUSABLE;
}

static int diff(struct run *run)
{
    char err[256] = "out of memory";
    const enum policy_diff_end end =
        policy_diff(run->was.file.blob, run->was.file.size, run->is.file.blob,
                    run->is.file.size, name_role, told, run, err, sizeof err);
    uint64_t passing;

    if (end == POLICY_DIFF_BAD)
        return complain(err);
    if (end == POLICY_DIFF_LARGE)
        return complain("too much to compare; what was told is not all");
    passing = compare_guards(run);
    for (int k = 0; k < POLICY_OTHER_ANSWER; k++)
        passing += run->count[k];
    if (passing == 0 && !run->json)
        (void)puts("no difference in what may pass");
    if (end == POLICY_DIFF_STOPPED || fflush(stdout) != 0 || ferror(stdout) != 0)
        return complain("the output could not be written in full");
    return passing == 0 ? POLICY_EXIT_OK : POLICY_EXIT_FINDING;
}

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: gate104 policy diff [--json] [--points FILE] OLD NEW\n"
                  "  --points  a list of points, which rules of both may name\n"
                  "exit status: 0 no difference in what may pass, 1 differences, 3 no "
                  "policy\n");
    return LEARN_EXIT_UNUSABLE;
}

static int read_and_diff(struct run *run, const struct point_list *points,
                         char *const *paths)
{
    int status = LEARN_EXIT_UNUSABLE;

    if (policy_cli_read_points(paths[0], points, &run->was)) {
        if (policy_cli_read_points(paths[1], points, &run->is)) {
            status = diff(run);
            policy_cli_free(&run->is);
        }
        policy_cli_free(&run->was);
    }
    return status;
}

int policy_diff_files(int argc, char **argv)
{
    static struct run run;
    struct point_list list = {.count = 0};
    const char *points = NULL;
    int at = 1, status;

    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--json") == 0)
            run.json = true;
        else if (strcmp(argv[at], "--points") == 0 && at + 1 < argc)
            points = argv[++at];
        else
            return usage();
    }
    if (argc - at != 2)
        return usage();
    if (points && !cli_points_read(points, &list))
        return LEARN_EXIT_UNUSABLE;
    status = read_and_diff(&run, points ? &list : NULL, argv + at);
    if (points)
        point_list_free(&list);
    return status;
}
