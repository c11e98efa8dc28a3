#include "proxy/policy_file_value.h"

#include "policy/type_value.h"

#include <math.h>

bool policy_file_number(const struct config_reader *r, const config_setting_t *s,
                        double *v)
{
    if (s->type == CONFIG_TYPE_INT)
        *v = config_setting_get_int(s);
    else if (s->type == CONFIG_TYPE_FLOAT)
        *v = config_setting_get_float(s);
    else
        *v = NAN;
    if (isfinite(*v))
        return true;
    config_report(r, CONFIG_ERROR, s, "write a number such as 110 or 110.0",
                  "this is not a finite number");
    return false;
}

/* A range that no number of the type can leave limits nothing: likely the wrong unit. */
static void check_unit(const struct config_reader *r, const config_setting_t *value,
                       const struct type_info *type, double min, double max)
{
    double low, high;

    if (type->value == VALUE_NONE) {
        config_report(r, CONFIG_ERROR, value, "put it into a rule of its own",
                      "%s carries no number", type->name);
        return;
    }
    if (type->value == VALUE_R32 ||
        !type_value_range((enum type_value)type->value, &low, &high))
        return;
    if (min < low || max > high)
        config_report(r, CONFIG_WARNING, value, "check the unit",
                      "numbers of %s go from %.10g to %.10g only", type->name, low, high);
}

static void check_units(const struct config_reader *r, const config_setting_t *value,
                        const struct policy_rule *rule, double min, double max)
{
    for (unsigned int id = 0; id < 256; id++) {
        if (rule->types[id / 8] >> id % 8 & 1)
            check_unit(r, value, type_info((uint8_t)id), min, max);
    }
}

static bool read_range(const struct config_reader *r, const config_setting_t *s,
                       struct policy_rule *rule)
{
    const config_setting_t *list = config_member(s, "value", CONFIG_KIND_SEQUENCE);
    size_t before = r->errs->errors;

    if (!list)
        return !config_setting_get_member(s, "value");
    if (config_count(list) != 2) {
        config_report(r, CONFIG_ERROR, list, "write [ SMALLEST, LARGEST ]",
                      "the range has not two numbers");
        return false;
    }
    if (!policy_file_number(r, config_elem(list, 0), &rule->value_min) ||
        !policy_file_number(r, config_elem(list, 1), &rule->value_max))
        return false;
    if (rule->value_min > rule->value_max)
        config_report(r, CONFIG_ERROR, list, "write the smaller number first",
                      "%g is larger than %g", rule->value_min, rule->value_max);
    rule->has_value = true;
    check_units(r, list, rule, rule->value_min, rule->value_max);
    return r->errs->errors == before;
}

static bool read_values(const struct config_reader *r, const config_setting_t *s,
                        struct policy_rule *rule)
{
    const config_setting_t *list = config_member(s, "values", CONFIG_KIND_SEQUENCE);
    const size_t before = r->errs->errors;
    struct policy_when *w = &rule->when;

    if (!list)
        return !config_setting_get_member(s, "values");
    if (!config_count_check(r, list, 1, POLICY_WHEN_VALUES))
        return false;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);
        double v;

        if (!policy_file_number(r, e, &v))
            continue;
        w->value[w->value_count++] = v;
        check_units(r, e, rule, v, v);
    }
    return r->errs->errors == before;
}

bool policy_file_value(const struct config_reader *r, const config_setting_t *rule,
                       struct policy_rule *out)
{
    const bool good = read_range(r, rule, out);

    return read_values(r, rule, out) && good;
}
