/* The policy, with what it was learned from. */
#include "proxy/cli/cli.h"
#include "proxy/cli/learn.h"
#include "proxy/cli/traffic_text.h"

#include <string.h>

#define PROPOSED "#+ "

/* ---- evidence ---------------------------------------------------------------------- */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void put_count(FILE *out, const char *gap, uint64_t n, const char *what)
{
    if (n > 0)
        (void)fprintf(out, "%s%s %llu", gap, what, (unsigned long long)n);
}

static void put_values(FILE *out, const struct learn_rule *r)
{
    char low[LEARN_NUMBER_TEXT], high[LEARN_NUMBER_TEXT];

    if (!r->has_value)
        return;
    learn_number_text(r->min, low);
    learn_number_text(r->max, high);
    if (r->min < r->max)
        (void)fprintf(out, "; values %s to %s", low, high);
    else
        (void)fprintf(out, "; value %s", low);
}

static void put_causes(FILE *out, uint64_t causes)
{
    (void)fputs("; cause", out);
    for (unsigned int c = 0; c <= COT_MAX; c++) {
        if ((causes >> c & 1) != 0)
            (void)fprintf(out, " %s", cot_name(c));
    }
}

static void put_selects(FILE *out, const struct learn_rule *r)
{
    const struct learn_command *c = &r->sum;

    if (c->selects == 0 && c->executes == 0)
        return;
    (void)fprintf(out, "  # %llu execute%s, %llu select%s",
                  (unsigned long long)c->executes, plural(c->executes),
                  (unsigned long long)c->selects, plural(c->selects));
    if (r->select == LEARN_SOME_SELECT)
        (void)fprintf(out, "; select = \"required\" would have refused %llu of them",
                      (unsigned long long)c->unselected);
    (void)fputc('\n', out);
}

static void put_evidence(FILE *out, const struct learn *l, const struct learn_rule *r)
{
    const struct learn_command *c = &r->sum;
    char first[TRAFFIC_TIME_TEXT], last[TRAFFIC_TIME_TEXT];

    traffic_time_text(r->first_ms, first);
    traffic_time_text(r->last_ms, last);
    (void)fprintf(out, "  # seen %llu time%s, %s to %s, at %llu point%s\n  # by ",
                  (unsigned long long)r->seen, plural(r->seen), first, last,
                  (unsigned long long)r->points, plural(r->points));
    learn_put_people(out, l, c->who);
    put_causes(out, c->causes);
    put_values(out, r);
    (void)fputs("; OA ", out);
    learn_put_octets(out, c->originators);
    (void)fputc('\n', out);
    put_selects(out, r);
    if (r->stopped)
        (void)fputs("  # ALL OF THEM were refused by the policy of then\n", out);
    else if (c->stopped > 0)
        (void)fprintf(out, "  # %llu of them were refused by the policy of then\n",
                      (unsigned long long)c->stopped);
    if (c->confirmed + c->rejected == 0)
        return;
    (void)fputs("  # the RTU", out);
    put_count(out, " ", c->confirmed, "confirmed");
    put_count(out, c->confirmed > 0 ? ", " : " ", c->rejected, "rejected");
    (void)fputc('\n', out);
}

/* ---- rules ------------------------------------------------------------------------- */

static void put_addresses(FILE *out, const struct learn_rule *r, const char *before)
{
    char indent[32];
    const struct policy_range ca = {r->ca, r->ca};

    (void)snprintf(indent, sizeof indent, "%s      ", before);
    (void)fputs(" ca = ", out);
    if (r->over_ca) {
        learn_put_ranges(out, r->range, r->ranges, true, indent);
        (void)fputc(';', out);
        return;
    }
    learn_put_ranges(out, &ca, 1, true, indent);
    (void)fprintf(out, ";\n%s    ioa = ", before);
    learn_put_ranges(out, r->range, r->ranges, false, indent);
    (void)fputc(';', out);
}

/* Types whose qualifier says what is done, see learn_group.c; others are reported. */
static bool writes_qualifier(uint8_t type)
{
    return type == 100 || type == 101 || type == 105 || (type >= 110 && type <= 113);
}

static bool writes_value(uint8_t type)
{
    const enum type_value v = (enum type_value)type_info(type)->value;

    return v == VALUE_NVA || v == VALUE_SVA || v == VALUE_R32;
}

static void put_rate(FILE *out, const struct learn_rule *r, const char *before)
{
    if (r->sum.most > LEARN_RING)
        (void)fprintf(out, "%s    # more than %u a minute were seen for a point\n",
                      before, LEARN_RING);
    else if (r->sum.most > 0)
        (void)fprintf(out, "%s    # rate = \"%u/min\"; rate_per = \"point\";\n", before,
                      r->sum.most);
}

static void put_conditions(FILE *out, const struct learn_rule *r, const char *before)
{
    char low[LEARN_NUMBER_TEXT], high[LEARN_NUMBER_TEXT];

    if (writes_qualifier(r->type)) {
        (void)fprintf(out, "\n%s    qualifier = ", before);
        learn_put_octets(out, r->sum.qualifiers);
        (void)fputc(';', out);
    }
    if (r->has_value && writes_value(r->type)) {
        learn_number_text(r->min, low);
        learn_number_text(r->max, high);
        (void)fprintf(out, "\n%s    value = [ %s, %s ];", before, low, high);
    }
    if (r->select == LEARN_EVERY_SELECT)
        (void)fprintf(out, "\n%s    select = \"required\";", before);
    (void)fputc('\n', out);
}

static void put_rule(FILE *out, const struct learn *l, const struct learn_rule *r,
                     const struct learn_about *about, bool first, const char *before)
{
    const char *name = type_info(r->type)->name;

    (void)fputc('\n', out);
    put_evidence(out, l, r);
    learn_put_names(out, r, about, "  # points: ");
    (void)fprintf(out, "%s  %s{ name = \"", before, first ? "" : ", ");
    if (r->over_ca)
        (void)fprintf(out, "%s", name);
    else
        (void)fprintf(out, "%s ca %u", name, r->ca);
    (void)fprintf(out, "\"; types = [ \"%s\" ];", name);
    put_addresses(out, r, before);
    put_conditions(out, r, before);
    put_rate(out, r, before);
    (void)fprintf(out, "%s  }\n", before);
}

/* True if there was one. */
static bool put_class(FILE *out, const struct learn *l, const struct learn_rules *rules,
                      const struct learn_about *about, enum learn_class class, bool first,
                      const char *before)
{
    bool any = false;

    for (size_t i = 0; i < rules->count; i++) {
        if (rules->rule[i].class != class)
            continue;
        put_rule(out, l, &rules->rule[i], about, first && !any, before);
        any = true;
    }
    return any;
}

static size_t count_class(const struct learn_rules *rules, enum learn_class class)
{
    size_t n = 0;

    for (size_t i = 0; i < rules->count; i++)
        n += rules->rule[i].class == class;
    return n;
}

/* Proposals begin with the comma that parts them from the rule before; where nothing but
 * proposals was seen they need one. */
static void put_anchor(FILE *out)
{
    (void)fputs(
        "\n  # Nothing that only reads was seen.  This rule changes nothing; it "
        "keeps the commas\n  # of what follows right.\n"
        "  { name = \"no tests\"; types = [ \"C_TS_TA_1\" ]; action = \"refuse\"; "
        "}\n",
        out);
}

static void put_control(FILE *out, const struct learn *l, const struct learn_rules *rules,
                        const struct learn_about *about)
{
    bool any;

    (void)fputs("control = { default = \"refuse\"; rules = (\n", out);
    any = put_class(out, l, rules, about, LEARN_READS, true, "");
    if (about->accept) {
        if (count_class(rules, LEARN_PROPOSED) > 0)
            (void)fputs("\n  # These change something.  They pass because learn was "
                        "called with --accept-commands.\n",
                        out);
        (void)put_class(out, l, rules, about, LEARN_PROPOSED, !any, "");
    } else if (count_class(rules, LEARN_PROPOSED) > 0) {
        if (!any)
            put_anchor(out);
        (void)fputs("\n  # PROPOSED: these change something.  None passes until somebody "
                    "takes \"" PROPOSED "\" away.\n",
                    out);
        (void)put_class(out, l, rules, about, LEARN_PROPOSED, false, PROPOSED);
    }
    (void)fputs(") };\n", out);
}

/* ---- what is around ---------------------------------------------------------------- */

static void put_rejected(FILE *out, const struct learn *l,
                         const struct learn_rules *rules)
{
    bool told = false;

    for (size_t i = 0; i < rules->count; i++) {
        const struct learn_rule *r = &rules->rule[i];

        if (r->class != LEARN_REJECTED)
            continue;
        if (!told)
            (void)fputs("\n# Not proposed: the RTU never accepted these, or no rule can "
                        "name common address 0.\n",
                        out);
        told = true;
        (void)fprintf(out, "#   %s, CA %u%s ", type_info(r->type)->name, r->ca,
                      r->over_ca ? " and so on" : ", IOA");
        if (!r->over_ca)
            learn_put_ranges(out, r->range, r->ranges, false, "#     ");
        (void)fprintf(out, ": %llu times, by ", (unsigned long long)r->seen);
        learn_put_people(out, l, r->sum.who);
        (void)fputc('\n', out);
    }
}

static void put_inputs(FILE *out, const struct learn_about *about)
{
    const struct traffic_counts *c = &about->traffic->counts;
    char first[TRAFFIC_TIME_TEXT], last[TRAFFIC_TIME_TEXT];

    traffic_time_text(c->first_ms, first);
    traffic_time_text(c->last_ms, last);
    (void)fprintf(out,
                  "# Written by gate104 policy learn.\n# %s to %s, %llu APDUs in %llu "
                  "session%s, from\n",
                  first, last, (unsigned long long)c->apdus,
                  (unsigned long long)c->sessions, c->sessions == 1 ? "" : "s");
    for (size_t i = 0; i < about->input_count; i++) {
        (void)fputs("#   ", out);
        cli_put_safe(out, about->inputs[i], 0, false);
        (void)fputc('\n', out);
    }
}

static void put_head(FILE *out, const struct learn *l, const struct learn_about *about)
{
    put_inputs(out, about);
    if (!about->accept)
        (void)fputs(
            "#\n# What only reads may pass.  What changes something is proposed and does "
            "not pass.\n# Read each proposal.  To accept one, take \"" PROPOSED
            "\" away from its lines; to accept all:\n#   sed -i 's/^" PROPOSED
            "//' THIS-FILE\n",
            out);
    (void)fputs("# Then: gate104 policy check, and gate104 policy replay with the same "
                "traffic.\n",
                out);
    (void)fputs("#\n# Quirks that this RTU needs, for its route in gate104.conf:\n", out);
    if (!learn_put_quirks(out, l, "#   "))
        (void)fputs("#   none\n", out);
    if (l->faults > 0) {
        (void)fputs("#\n# Would never pass, whatever rules and quirks say:\n", out);
        learn_put_faults(out, l, "#   ");
    }
    if (l->untold > 0)
        (void)fprintf(out,
                      "#\n# INCOMPLETE: %llu objects lie beyond the limits of learning "
                      "(%u points, %u of commands).\n",
                      (unsigned long long)l->untold, LEARN_POINTS, LEARN_COMMANDS);
}

void learn_write(FILE *out, const struct learn *l, const struct learn_rules *rules,
                 const struct learn_about *about)
{
    put_head(out, l, about);
    (void)fputs("\nmonitor = { default = \"pass\"; };\n\n", out);
    put_control(out, l, rules, about);
    put_rejected(out, l, rules);
}
