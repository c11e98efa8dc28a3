#include "proxy/policy_file_when.h"

#include "proxy/policy_file_range.h"

#include <stdlib.h>
#include <string.h>

static bool has_type(const struct policy_rule *rule, unsigned int id)
{
    return (rule->types[id / 8] >> id % 8 & 1) != 0;
}

/* ---- cot ---- */

static const char *cause_names(const void *ctx, size_t i)
{
    (void)ctx;
    return cot_name((unsigned int)i);
}

/* Of all types of the rule together. */
static uint64_t legal_causes(const struct policy_rule *rule)
{
    uint64_t causes = 0;

    for (unsigned int id = 0; id < 256; id++) {
        if (has_type(rule, id))
            causes |= type_info((uint8_t)id)->cot[rule->direction];
    }
    return causes;
}

/* True for a name of one cause; "reserved" and "private" are of many. */
static bool cause_by_name(const char *text, uint64_t *causes)
{
    unsigned int found = 0;

    for (unsigned int c = 0; c <= COT_MAX; c++) {
        if (strcmp(text, cot_name(c)) == 0) {
            *causes = COT_BIT(c);
            found++;
        }
    }
    return found == 1;
}

static bool read_cause(const struct config_reader *r, const config_setting_t *s,
                       uint64_t *causes)
{
    struct policy_range range;
    const char *text = s->type == CONFIG_TYPE_STRING ? config_string(r, s) : NULL;
    const char *near;
    char remedy[96];

    if (s->type == CONFIG_TYPE_STRING && !text)
        return false;
    if (text && cause_by_name(text, causes))
        return true;
    if (text && strspn(text, "0123456789-") != strlen(text)) {
        near = config_nearest(text, cause_names, NULL, COT_MAX + 1);
        (void)snprintf(remedy, sizeof remedy,
                       near ? "did you mean \"%s\"?"
                            : "write a number or a name such as \"activation\"",
                       near);
        config_report(r, CONFIG_ERROR, s, remedy, "\"%s\" is no cause of transmission",
                      text);
        return false;
    }
    if (!policy_file_range(r, s, POLICY_FILE_COT, &range))
        return false;
    *causes = COT_RANGE(range.first, range.last);
    return true;
}

static bool read_causes(const struct config_reader *r, const config_setting_t *rule,
                        struct policy_rule *out)
{
    const config_setting_t *list = config_member(rule, "cot", CONFIG_KIND_SEQUENCE);
    const uint64_t legal = legal_causes(out);
    bool good = true;

    if (!list)
        return !config_setting_get_member(rule, "cot");
    if (!config_count_check(r, list, 1, COT_MAX + 1))
        return false;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);
        uint64_t causes = 0;

        if (!read_cause(r, e, &causes)) {
            good = false;
        } else if ((causes & legal) == 0) {
            config_report(r, CONFIG_ERROR, e, "remove it",
                          "no type of the rule has this cause in %s direction",
                          direction_name(out->direction));
            good = false;
        }
        out->when.causes |= causes;
    }
    return good;
}

/* ---- se ---- */

static bool read_phase(const struct config_reader *r, const config_setting_t *rule,
                       struct policy_rule *out)
{
    const char *text = config_member_string(r, rule, "se");

    if (!text)
        return !config_setting_get_member(rule, "se");
    if (strcmp(text, "select") == 0)
        out->when.phases = POLICY_PHASE_SELECT;
    else if (strcmp(text, "execute") == 0)
        out->when.phases = POLICY_PHASE_EXECUTE;
    else
        config_report_key(r, CONFIG_ERROR, rule, "se",
                          "write \"select\" or \"execute\", or remove the key for both",
                          "\"%s\" is not what an S/E bit says", text);
    for (unsigned int id = 0; id < 256; id++) {
        if (!has_type(out, id) || type_info((uint8_t)id)->has_select)
            continue;
        config_report_key(r, CONFIG_ERROR, rule, "se", "put it into a rule of its own",
                          "%s has no S/E bit", type_info((uint8_t)id)->name);
        return false;
    }
    return out->when.phases != 0;
}

/* ---- qualifier and oa ---- */

static bool read_octets(const struct config_reader *r, const config_setting_t *list,
                        enum policy_file_space space, uint8_t set[POLICY_OCTET_SET])
{
    struct policy_range *range;
    size_t count;
    bool good = policy_file_ranges(r, list, space, &range, &count);

    for (size_t i = 0; good && i < count; i++) {
        for (uint32_t n = range[i].first; n <= range[i].last; n++)
            policy_octet_add(set, (uint8_t)n);
    }
    free(range);
    return good;
}

static bool check_qualifiers(const struct config_reader *r, const config_setting_t *list,
                             const struct policy_rule *rule)
{
    for (unsigned int id = 0; id < 256; id++) {
        const struct type_info *type = type_info((uint8_t)id);
        uint8_t most;

        if (!has_type(rule, id))
            continue;
        if (!policy_has_qualifier(type, &most)) {
            config_report(r, CONFIG_ERROR, list, "put it into a rule of its own",
                          "%s has no qualifier", type->name);
            return false;
        }
        for (unsigned int n = most + 1u; n < 256; n++) {
            if (!policy_octet_in(rule->when.qualifiers, (uint8_t)n))
                continue;
            config_report(r, CONFIG_ERROR, list, "leave the S/E bit and the value out",
                          "qualifiers of %s go to %u only", type->name, most);
            return false;
        }
    }
    return true;
}

static bool read_qualifiers(const struct config_reader *r, const config_setting_t *rule,
                            struct policy_rule *out)
{
    const config_setting_t *list = config_member(rule, "qualifier", CONFIG_KIND_SEQUENCE);

    if (!list)
        return !config_setting_get_member(rule, "qualifier");
    return read_octets(r, list, POLICY_FILE_QUALIFIER, out->when.qualifiers) &&
           check_qualifiers(r, list, out);
}

static bool read_originators(const struct config_reader *r, const config_setting_t *rule,
                             struct policy_rule *out)
{
    const config_setting_t *list = config_member(rule, "oa", CONFIG_KIND_SEQUENCE);

    if (!list)
        return !config_setting_get_member(rule, "oa");
    return read_octets(r, list, POLICY_FILE_OA, out->when.originators);
}

/* ---- negative and test ---- */

static void read_bit(const config_setting_t *rule, const char *key, uint8_t no,
                     uint8_t yes, uint8_t *bits)
{
    const config_setting_t *s = config_member(rule, key, CONFIG_KIND_BOOL);

    if (s)
        *bits |= config_setting_get_bool(s) ? yes : no;
}

/* 101 clause 7.2.3: only who confirms can be negative. */
static bool read_bits(const struct config_reader *r, const config_setting_t *rule,
                      struct policy_rule *out)
{
    read_bit(rule, "negative", POLICY_BIT_POSITIVE, POLICY_BIT_NEGATIVE, &out->when.bits);
    read_bit(rule, "test", POLICY_BIT_NO_TEST, POLICY_BIT_TEST, &out->when.bits);
    if (out->direction == DIR_MONITOR || !config_setting_get_member(rule, "negative"))
        return true;
    config_report_key(r, CONFIG_ERROR, rule, "negative",
                      "move the rule to monitor, where commands are confirmed",
                      "no command is negative");
    return false;
}

bool policy_file_when(const struct config_reader *r, const config_setting_t *rule,
                      struct policy_rule *out)
{
    bool good = read_causes(r, rule, out);

    good = read_phase(r, rule, out) && good;
    good = read_qualifiers(r, rule, out) && good;
    good = read_bits(r, rule, out) && good;
    return read_originators(r, rule, out) && good;
}
