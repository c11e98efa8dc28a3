#include "proxy/policy_file_limits.h"

#include "proxy/policy_file_value.h"

#include <string.h>

static const char *const SELECTS[POLICY_SELECTS] = {
    [POLICY_SELECT_ALLOWED] = "allowed",
    [POLICY_SELECT_REQUIRED] = "required",
    [POLICY_SELECT_FORBIDDEN] = "forbidden",
};

static const char *const PERMITS[] = {"none", "required"};

static const char *const PERS[POLICY_PERS] = {
    [POLICY_PER_SESSION] = "session",
    [POLICY_PER_POINT] = "point",
    [POLICY_PER_PEER] = "peer",
    [POLICY_PER_ROUTE] = "route",
};

static const char *const FIRSTS[POLICY_FIRSTS] = {
    [POLICY_FIRST_PASS] = "pass",
    [POLICY_FIRST_REFUSE] = "refuse",
};

/* Reads a word of a list; *at stays as it is if the key is not there. */
static bool read_word(const struct config_reader *r, const config_setting_t *rule,
                      const char *key, const char *const *words, size_t count,
                      const char *remedy, uint8_t *at)
{
    const char *text = config_member_string(r, rule, key);

    if (!text)
        return !config_setting_get_member(rule, key);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) != 0)
            continue;
        *at = (uint8_t)i;
        return true;
    }
    config_report_key(r, CONFIG_ERROR, rule, key, remedy, "\"%s\" is none of its words",
                      text);
    return false;
}

static bool read_select(const struct config_reader *r, const config_setting_t *rule,
                        struct policy_rule *out)
{
    if (!read_word(r, rule, "select", SELECTS, POLICY_SELECTS,
                   "write \"required\", \"allowed\" or \"forbidden\"",
                   &out->limits.select))
        return false;
    for (unsigned int id = 0; id < 256; id++) {
        if ((out->types[id / 8] >> id % 8 & 1) == 0 ||
            type_info((uint8_t)id)->has_select ||
            !config_setting_get_member(rule, "select"))
            continue;
        config_report_key(r, CONFIG_ERROR, rule, "select",
                          "put it into a rule of its own", "%s has no S/E bit",
                          type_info((uint8_t)id)->name);
        return false;
    }
    return true;
}

/* Digits at *text, at most six; moves behind them. */
static bool take_number(const char **text, uint32_t *value)
{
    const size_t n = strspn(*text, "0123456789");

    if (n == 0 || n > 6)
        return false;
    *value = 0;
    for (size_t i = 0; i < n; i++)
        *value = *value * 10 + (uint32_t)((*text)[i] - '0');
    *text += n;
    return true;
}

/* "10/min", "3/30s" */
static bool parse_rate(const char *text, struct policy_limits *out)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    uint32_t many = 1;

    if (!take_number(&text, &out->rate_count) || *text++ != '/')
        return false;
    if (*text >= '0' && *text <= '9' && !take_number(&text, &many))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text, units[i].name) == 0) {
            /* 0, which is out of range, for what would not fit. */
            out->rate_seconds = many <= POLICY_RATE_SECONDS_MAX / units[i].seconds
                                    ? many * units[i].seconds
                                    : 0;
            return many <= POLICY_RATE_SECONDS_MAX;
        }
    }
    return false;
}

static bool read_rate(const struct config_reader *r, const config_setting_t *rule,
                      struct policy_rule *out)
{
    static const char remedy[] = "write a number, \"/\" and s, min, h, d or a number of "
                                 "them: \"10/min\", \"3/30s\"";
    const char *text = config_member_string(r, rule, "rate");
    struct policy_limits *l = &out->limits;

    if (!text)
        return !config_setting_get_member(rule, "rate");
    if (!parse_rate(text, l)) {
        config_report_key(r, CONFIG_ERROR, rule, "rate", remedy, "\"%s\" is no rate",
                          text);
        return false;
    }
    if (l->rate_count >= 1 && l->rate_count <= POLICY_RATE_COUNT_MAX &&
        l->rate_seconds >= 1 && l->rate_seconds <= POLICY_RATE_SECONDS_MAX)
        return true;
    config_report_key(r, CONFIG_ERROR, rule, "rate",
                      l->rate_count == 0 ? "remove the rule if nothing shall pass"
                                         : "write 1 to 100000 in at most a day",
                      "\"%s\" is out of range", text);
    return false;
}

/* ---- step ---- */

static bool is_set_point(const struct type_info *type)
{
    return type->value == VALUE_NVA || type->value == VALUE_SVA ||
           type->value == VALUE_R32;
}

static bool check_types(const struct config_reader *r, const config_setting_t *rule,
                        const char *key, const struct policy_rule *out,
                        bool (*fits)(const struct type_info *type), const char *lack)
{
    for (unsigned int id = 0; id < 256; id++) {
        if ((out->types[id / 8] >> id % 8 & 1) == 0 || fits(type_info((uint8_t)id)))
            continue;
        config_report_key(r, CONFIG_ERROR, rule, key, "put it into a rule of its own",
                          "%s %s", type_info((uint8_t)id)->name, lack);
        return false;
    }
    return true;
}

static bool read_step(const struct config_reader *r, const config_setting_t *rule,
                      struct policy_rule *out)
{
    const config_setting_t *s = config_setting_get_member(rule, "step");

    if (!s && config_setting_get_member(rule, "step_first")) {
        config_report_key(r, CONFIG_ERROR, rule, "step_first", "add step or remove this",
                          "there is no step");
        return false;
    }
    if (!s)
        return true;
    if (!policy_file_number(r, s, &out->limits.step))
        return false;
    if (out->limits.step <= 0) {
        config_report(r, CONFIG_ERROR, s, "write how far a value may be from the last",
                      "%g is no step", out->limits.step);
        return false;
    }
    if (!read_word(r, rule, "step_first", FIRSTS, POLICY_FIRSTS,
                   "write \"pass\" or \"refuse\"", &out->limits.step_first) ||
        !check_types(r, rule, "step", out, is_set_point, "is no set point"))
        return false;
    if (!out->has_value && out->limits.step_first == POLICY_FIRST_PASS)
        config_report(r, CONFIG_WARNING, s,
                      "add value = [ SMALLEST, LARGEST ]; or step_first = \"refuse\";",
                      "the first set point after a start may be any number");
    return true;
}

/* ---- max_age ---- */

/* "5s", "500ms", "2min" */
static bool parse_age(const char *text, uint32_t *ms)
{
    static const struct {
        const char *name;
        uint32_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
    uint32_t many;

    if (!take_number(&text, &many))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text, units[i].name) != 0)
            continue;
        if (many < 1 || many > POLICY_AGE_MS_MAX / units[i].ms)
            return false;
        *ms = many * units[i].ms;
        return true;
    }
    return false;
}

static bool read_age(const struct config_reader *r, const config_setting_t *rule,
                     struct policy_rule *out)
{
    const char *text = config_member_string(r, rule, "max_age");

    if (!text)
        return !config_setting_get_member(rule, "max_age");
    if (!parse_age(text, &out->limits.age_ms)) {
        config_report_key(r, CONFIG_ERROR, rule, "max_age",
                          "write a number and ms, s, min or h, at most 24h: \"5s\"",
                          "\"%.40s\" is no age", text);
        return false;
    }
    return check_types(r, rule, "max_age", out, policy_has_tag, "has no time tag");
}

bool policy_file_limits(const struct config_reader *r, const config_setting_t *rule,
                        struct policy_rule *out)
{
    static const char *const keys[] = {"select",     "rate",    "rate_per", "step",
                                       "step_first", "max_age", "permit"};
    bool good = read_select(r, rule, out);
    uint8_t permit = 0;

    good = read_step(r, rule, out) && good;
    good = read_age(r, rule, out) && good;
    good = read_rate(r, rule, out) && good;
    good = read_word(r, rule, "rate_per", PERS, POLICY_PERS,
                     "write \"session\", \"point\", \"peer\" or \"route\"",
                     &out->limits.per) &&
           good;
    good = read_word(r, rule, "permit", PERMITS, 2, "write \"required\" or \"none\"",
                     &permit) &&
           good;
    out->limits.permit = permit == 1;
    if (config_setting_get_member(rule, "rate_per") &&
        !config_setting_get_member(rule, "rate")) {
        config_report_key(r, CONFIG_ERROR, rule, "rate_per", "add rate or remove this",
                          "there is no rate");
        good = false;
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!config_setting_get_member(rule, keys[i]) ||
            (out->direction == DIR_CONTROL && policy_action_passes(out->action)))
            continue;
        config_report_key(r, CONFIG_ERROR, rule, keys[i], "remove it",
                          "it is for rules that let commands pass");
        good = false;
    }
    return good;
}
