#include "policy/policy_asker_blob.h"
#include "policy/policy_cursor.h"
#include "policy/policy_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one rule ------------------------------------------------------------------------
 */

/* Octets of the UTF-8 letter at p, 0 if it is none; control characters are none. */
static size_t utf8_letter(const uint8_t *p)
{
    static const uint8_t lead[] = {0x00, 0x00, 0xC0, 0xE0, 0xF0};
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t n = p[0] < 0xC0 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t c = p[0];

    if (n == 1)
        return c >= 0x20 && c < 0x7F ? 1 : 0;
    c -= lead[n];
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if (c < smallest[n] || c < 0xA0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    return n;
}

static bool name_is_good(const char *name)
{
    const size_t n = strlen(name);
    size_t at = 0;

    if (n > POLICY_NAME_MAX)
        return false;
    while (at < n) { /* the NUL at the end is no continuation octet */
        const size_t step = utf8_letter((const uint8_t *)name + at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

static bool ranges_are_good(const struct policy_range *r, size_t n, uint32_t min,
                            uint32_t max)
{
    if (n > POLICY_RANGES_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (r[i].first < min || r[i].last > max || r[i].first > r[i].last)
            return false;
        if (i > 0 && r[i].first <= r[i - 1].last)
            return false;
    }
    return true;
}

static bool all_stations_is_alone(const struct policy_range *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (r[i].last == ASDU_CA_ALL && r[i].first != ASDU_CA_ALL)
            return false;
    return true;
}

static const char *types_fault(const struct policy_rule *rule)
{
    bool any = false;

    for (unsigned int id = 0; id < 256; id++) {
        if (rule->types[id / 8] == 0)
            id |= 7; /* none of these eight */
        if ((rule->types[id / 8] >> id % 8 & 1) == 0)
            continue;
        const struct type_info *type = type_info((uint8_t)id);
        if (type == NULL || type->layout != TYPE_LAYOUT_OBJECTS)
            return "it names a type that is not one of 104";
        if (!policy_speaks_of(type, rule->direction))
            return "it names a type that does not occur in its direction";
        any = true;
    }
    return any ? NULL : "it names no type";
}

static const char *value_fault(const struct policy_rule *rule)
{
    if (!rule->has_value)
        return NULL;
    if (!isfinite(rule->value_min) || !isfinite(rule->value_max))
        return "its value range is not finite";
    return rule->value_min <= rule->value_max ? NULL : "its value range is empty";
}

static const char *roles_fault(const struct policy_rule *rule)
{
    if (rule->role_count > POLICY_RULE_ROLES_MAX)
        return "it names more than 16 roles";
    for (size_t i = 1; i < rule->role_count; i++) {
        if (rule->role[i] <= rule->role[i - 1])
            return "its roles are not in order";
    }
    return NULL;
}

static const char *limits_fault(const struct policy_rule *rule)
{
    const struct policy_limits *l = &rule->limits;
    const bool rated = l->rate_count != 0 || l->rate_seconds != 0;

    if (l->select >= POLICY_SELECTS || l->per >= POLICY_PERS)
        return "its limits are none that there are";
    if (rated && (l->rate_count < 1 || l->rate_count > POLICY_RATE_COUNT_MAX ||
                  l->rate_seconds < 1 || l->rate_seconds > POLICY_RATE_SECONDS_MAX))
        return "its rate is not 1..100000 in 1..86400 seconds";
    if (!isfinite(l->step) || l->step < 0 || l->step_first >= POLICY_FIRSTS ||
        l->age_ms > POLICY_AGE_MS_MAX)
        return "its step or age is none";
    if (!policy_limits_are_none(l) &&
        (rule->direction != DIR_CONTROL || !policy_action_passes(rule->action)))
        return "it limits what it does not let pass, or what is no command";
    return NULL;
}

static const char *rule_fault(const struct policy_rule *rule)
{
    const char *fault = types_fault(rule);

    if (!name_is_good(rule->name))
        return "its name is longer than 63 octets or not UTF-8 without control "
               "characters";
    if (fault != NULL)
        return fault;
    if (!all_stations_is_alone(rule->ca, rule->ca_count))
        return "a range includes common address 65535 (all stations): list it on its own";
    if (!ranges_are_good(rule->ca, rule->ca_count, POLICY_CA_FIRST, ASDU_CA_ALL))
        return "its common addresses are not ranges within 1..65535";
    fault = policy_areas_fault(rule);
    if (fault != NULL)
        return fault;
    if (rule->area_count == 0 &&
        !ranges_are_good(rule->ioa, rule->ioa_count, 0, ASDU_IOA_MAX))
        return "its object addresses are not ranges within 0..16777215";
    fault = limits_fault(rule);
    if (fault != NULL)
        return fault;
    fault = policy_when_fault(&rule->when);
    if (fault != NULL)
        return fault;
    if ((rule->times & POLICY_TIME_UNKNOWN) != 0)
        return "it names a time that is none";
    fault = roles_fault(rule);
    return fault != NULL ? fault : value_fault(rule);
}

bool policy_rule_check(const struct policy_rule *rule, char *err, size_t errcap)
{
    const char *fault = rule_fault(rule);

    if (fault != NULL)
        snprintf(err, errcap, "%s", fault);
    return fault == NULL;
}

/* ---- the blob
 * -------------------------------------------------------------------------- */

static const struct policy_range *take_ranges(struct policy_reading *rd, size_t n,
                                              size_t octets)
{
    struct policy_range *r = rd->out->ranges + rd->ranges_used;

    if (n > rd->c.left / (2 * octets)) {
        rd->c.bad = true;
        return r;
    }
    for (size_t i = 0; i < n; i++) {
        r[i].first = policy_take_number(&rd->c, octets);
        r[i].last = policy_take_number(&rd->c, octets);
    }
    rd->ranges_used += n;
    return r;
}

static const char *take_name(struct policy_reading *rd, size_t n)
{
    char *name = rd->out->names + rd->names_used;

    if (n > POLICY_NAME_MAX || n > rd->c.left) {
        rd->c.bad = true;
        n = 0;
    }
    memcpy(name, policy_take(&rd->c, n), n);
    name[n] = '\0';
    if (strlen(name) != n)
        rd->c.bad = true;
    rd->names_used += n + 1;
    return name;
}

static void take_roles(struct policy_cursor *c, struct policy_rule *rule)
{
    const uint32_t n = policy_take_number(c, 1);

    /* A rule that seems to name roles and names none would be for everybody. */
    if (n == 0 || n > POLICY_RULE_ROLES_MAX) {
        c->bad = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint16_t bits = (uint16_t)policy_take_number(c, 2);
        memcpy(&rule->role[i], &bits, sizeof bits);
    }
    rule->role_count = n;
}

static void take_when(struct policy_cursor *c, struct policy_when *w)
{
    w->causes = policy_take_u64(c);
    w->phases = (uint8_t)policy_take_number(c, 1);
    memcpy(w->qualifiers, policy_take(c, sizeof w->qualifiers), sizeof w->qualifiers);
    memcpy(w->originators, policy_take(c, sizeof w->originators), sizeof w->originators);
    w->bits = (uint8_t)policy_take_number(c, 1);
    w->value_count = (uint8_t)policy_take_number(c, 1);
    if (w->value_count > POLICY_WHEN_VALUES) {
        c->bad = true;
        return;
    }
    for (size_t i = 0; i < w->value_count; i++)
        w->value[i] = policy_take_double(c);
    /* A rule that seems to ask and asks for nothing would be wider than it looks. */
    if (policy_when_is_empty(w))
        c->bad = true;
}

static void take_limits(struct policy_cursor *c, struct policy_limits *l)
{
    l->select = (uint8_t)policy_take_number(c, 1);
    l->per = (uint8_t)policy_take_number(c, 1);
    l->rate_count = policy_take_number(c, 4);
    l->rate_seconds = policy_take_number(c, 4);
    if (!policy_limits_have_first(l))
        c->bad = true;
}

static void take_asker(struct policy_cursor *c, struct policy_rule *rule)
{
    rule->peers = policy_take_u64(c);
    rule->sources = policy_take_u64(c);
    rule->times = policy_take_u64(c);
    if ((rule->peers | rule->sources | rule->times) == 0)
        c->bad = true;
}

static void take_more(struct policy_cursor *c, struct policy_limits *l)
{
    l->step_first = (uint8_t)policy_take_number(c, 1);
    l->step = policy_take_double(c);
    l->age_ms = policy_take_number(c, 4);
    if (!policy_limits_have_more(l))
        c->bad = true;
}

/* A rule that seems to name points and names none would be for all of them. */
static void take_areas(struct policy_reading *rd, struct policy_rule *rule)
{
    const uint32_t n = policy_take_number(&rd->c, 4);
    struct policy_area *areas = rd->out->areas + rd->areas_used;
    uint32_t ranges = 0;

    if (n == 0 || n > rd->c.left / POLICY_AREA_SIZE || rule->ioa_count > 0) {
        rd->c.bad = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        areas[i].type = (uint8_t)policy_take_number(&rd->c, 1);
        areas[i].ca = (uint16_t)policy_take_number(&rd->c, 2);
        areas[i].count = policy_take_number(&rd->c, 4);
        areas[i].first = ranges;
        if (areas[i].count > POLICY_AREAS_MAX - ranges) {
            rd->c.bad = true;
            return;
        }
        ranges += areas[i].count;
    }
    rule->area = areas;
    rule->area_count = n;
    rd->areas_used += n;
    rule->ioa = take_ranges(rd, ranges, 4);
    rule->ioa_count = ranges;
}

static bool take_rule(struct policy_reading *rd, struct policy_rule *rule)
{
    const uint32_t direction = policy_take_number(&rd->c, 1),
                   action = policy_take_number(&rd->c, 1);
    const uint32_t has = policy_take_number(&rd->c, 1),
                   name = policy_take_number(&rd->c, 1);

    if (direction >= DIRECTIONS || action >= POLICY_ACTIONS ||
        (has & ~POLICY_HAS_ALL) != 0)
        return false;
    rule->direction = (enum direction)direction;
    rule->action = (enum policy_action)action;
    rule->has_value = (has & POLICY_HAS_VALUE) != 0;
    rule->name = take_name(rd, name);
    memcpy(rule->types, policy_take(&rd->c, sizeof rule->types), sizeof rule->types);
    rule->ca_count = policy_take_number(&rd->c, 2);
    rule->ioa_count = policy_take_number(&rd->c, 2);
    rule->ca = take_ranges(rd, rule->ca_count, 2);
    rule->ioa = take_ranges(rd, rule->ioa_count, 4);
    if (rule->has_value) {
        rule->value_min = policy_take_double(&rd->c);
        rule->value_max = policy_take_double(&rd->c);
    }
    if (has & POLICY_HAS_ROLES)
        take_roles(&rd->c, rule);
    if (has & POLICY_HAS_WHEN)
        take_when(&rd->c, &rule->when);
    rule->limits.permit = (has & POLICY_HAS_PERMIT) != 0;
    if (has & POLICY_HAS_LIMITS)
        take_limits(&rd->c, &rule->limits);
    if (has & POLICY_HAS_ASKER)
        take_asker(&rd->c, rule);
    if (has & POLICY_HAS_MORE)
        take_more(&rd->c, &rule->limits);
    if (has & POLICY_HAS_AREAS)
        take_areas(rd, rule);
    return !rd->c.bad;
}

/* FNV-1a, 64 bits. */
static uint64_t number_of(uint64_t h, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001B3);
    return h;
}

/* What the rule's octets from `p` on say, its name left out. */
static uint64_t content_of(const uint8_t *p, const uint8_t *end, const char *name)
{
    const uint64_t h = number_of(UINT64_C(0xCBF29CE484222325), p, 3);

    p += 4 + strlen(name);
    return number_of(h, p, (size_t)(end - p));
}

bool policy_source_rules(struct policy_reading *rd, size_t n, char *err, size_t errcap)
{
    for (; n > 0 && rd->rules < rd->out->count; n--, rd->rules++) {
        char fault[160] = "it is cut off or malformed";
        struct policy_rule *rule = &rd->out->rule[rd->rules];
        const uint8_t *from = rd->c.p;

        if (take_rule(rd, rule) && policy_rule_check(rule, fault, sizeof fault)) {
            for (size_t k = 0; k < sizeof rule->types; k++)
                rd->out->types[rule->direction][k] |= rule->types[k];
            rd->out->whens += !policy_when_is_empty(&rule->when);
            rd->out->limits += !policy_limits_are_none(&rule->limits);
            if (!policy_limits_are_none(&rule->limits))
                rd->out->content[rd->rules] = content_of(from, rd->c.p, rule->name);
            continue;
        }
        snprintf(err, errcap, "rule %zu: %s", rd->rules + 1, fault);
        return false;
    }
    return true;
}

/* With what stands behind the rules. */
bool policy_source_end(struct policy_reading *rd, char *err, size_t errcap)
{
    struct policy_source *s = rd->out;

    if (rd->c.left > 0 && rd->c.p[0] == POLICY_SECTION_ASKERS) {
        (void)policy_take_number(&rd->c, 1);
        s->askers = malloc(sizeof *s->askers);
        if (s->askers == NULL) {
            snprintf(err, errcap, "out of memory");
            return false;
        }
        if (!policy_askers_take(&rd->c, s->askers)) {
            snprintf(err, errcap, "its certificates, networks and times are malformed");
            return false;
        }
    }
    if (rd->c.left > 0 && rd->c.p[0] == POLICY_SECTION_GUARDS) {
        s->has_guards = rd->c.left > GUARD_SETTINGS_SIZE &&
                        guard_settings_decode(&s->guards, rd->c.p + 1);
        (void)policy_take(&rd->c, 1 + GUARD_SETTINGS_SIZE);
        if (!s->has_guards) {
            snprintf(err, errcap, "its guards are malformed");
            return false;
        }
    }
    if (rd->c.left != 0)
        snprintf(err, errcap, "octets behind the last rule");
    s->names_size = rd->names_used;
    return rd->c.left == 0;
}

static bool take_head(struct policy_cursor *c, struct policy_source *out)
{
    const bool magic =
        memcmp(policy_take(c, POLICY_MAGIC_SIZE), POLICY_MAGIC, POLICY_MAGIC_SIZE) == 0;

    out->count = policy_take_number(c, 4);
    for (size_t d = 0; d < DIRECTIONS; d++) {
        const uint32_t action = policy_take_number(c, 1);
        if (action >= POLICY_ACTIONS)
            return false;
        out->fallback[d] = (enum policy_action)action;
    }
    out->select_timeout = (uint16_t)policy_take_number(c, 2);
    return magic && out->select_timeout >= 1 &&
           out->select_timeout <= POLICY_SELECT_TIMEOUT_MAX && !c->bad &&
           out->count <= POLICY_RULES_MAX && out->count <= c->left / POLICY_RULE_SIZE;
}

/* Room for the worst a blob of n octets can hold: all ranges, all names. */
static bool source_allocate(struct policy_source *s, size_t n)
{
    s->names_size = n + s->count + 1;
    s->rule = calloc(s->count + 1, sizeof *s->rule);
    s->names = calloc(s->names_size, 1);
    s->ranges = calloc(n / 4 + 1, sizeof *s->ranges);
    s->areas = calloc(n / POLICY_AREA_SIZE + 1, sizeof *s->areas);
    s->content = calloc(s->count + 1, sizeof *s->content);
    return s->rule != NULL && s->names != NULL && s->ranges != NULL && s->areas != NULL &&
           s->content != NULL;
}

bool policy_source_begin(struct policy_reading *rd, const uint8_t *blob, size_t n,
                         struct policy_source *out, char *err, size_t errcap)
{
    *rd = (struct policy_reading){.c = {.p = blob, .left = n}, .out = out};
    memset(out, 0, sizeof *out);
    if (n > POLICY_BLOB_MAX || !take_head(&rd->c, out)) {
        out->count = 0;
        snprintf(err, errcap, "this is no policy: its head is malformed");
        return false;
    }
    if (source_allocate(out, n))
        return true;
    snprintf(err, errcap, "out of memory");
    return false;
}

bool policy_source_read(const uint8_t *blob, size_t n, struct policy_source *out,
                        char *err, size_t errcap)
{
    struct policy_reading rd;

    if (policy_source_begin(&rd, blob, n, out, err, errcap) &&
        policy_source_rules(&rd, SIZE_MAX, err, errcap) &&
        policy_source_end(&rd, err, errcap))
        return true;
    policy_source_free(out);
    return false;
}

void policy_source_free(struct policy_source *s)
{
    free(s->rule);
    free(s->names);
    free(s->ranges);
    free(s->areas);
    free(s->askers);
    free(s->content);
    memset(s, 0, sizeof *s);
}
