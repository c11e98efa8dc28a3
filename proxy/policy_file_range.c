#include "proxy/policy_file_range.h"

#include <stdlib.h>
#include <string.h>

static const struct space {
    uint32_t min, max;
    const char *form;
} spaces[] = {
    [POLICY_FILE_CA] = {1, 65534,
                        "write 1 to 65534, \"1-5\", or \"broadcast\" for all stations"},
    [POLICY_FILE_IOA] = {0, ASDU_IOA_MAX, "write 0 to 16777215 or \"1001-1100\""},
    [POLICY_FILE_COT] = {1, 63, "write 1 to 63 or \"6-10\""},
    [POLICY_FILE_QUALIFIER] = {0, 255, "write 0 to 255 or \"20-36\""},
    [POLICY_FILE_OA] = {0, 255, "write 0 to 255 or \"1-5\""},
};

/* Digits at *text, at most eight; moves behind them. */
static bool take_number(const char **text, uint32_t *value)
{
    size_t n = strspn(*text, "0123456789");
    uint32_t v = 0;

    if (n == 0 || n > 8)
        return false;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (uint32_t)((*text)[i] - '0');
    *text += n;
    *value = v;
    return true;
}

static bool parse_text(const char *text, enum policy_file_space space,
                       struct policy_range *range)
{
    if (space == POLICY_FILE_CA && strcmp(text, "broadcast") == 0) {
        range->first = range->last = ASDU_CA_ALL;
        return true;
    }
    if (!take_number(&text, &range->first))
        return false;
    range->last = range->first;
    if (*text == '-') {
        text++;
        if (!take_number(&text, &range->last))
            return false;
    }
    return *text == '\0';
}

static bool check(const struct config_reader *r, const config_setting_t *s,
                  enum policy_file_space space, const struct policy_range *range)
{
    const struct space *sp = &spaces[space];

    if (range->first > range->last) {
        config_report(r, CONFIG_ERROR, s, "write the smaller number first",
                      "%u is larger than %u", range->first, range->last);
        return false;
    }
    if (space == POLICY_FILE_CA && range->last == ASDU_CA_ALL) {
        if (range->first == ASDU_CA_ALL)
            return true;
        config_report(r, CONFIG_ERROR, s, "end the range at 65534 and list \"broadcast\"",
                      "65535 stands for all stations and is in no range");
        return false;
    }
    if (range->first >= sp->min && range->last <= sp->max)
        return true;
    config_report(r, CONFIG_ERROR, s, sp->form, "%u is out of range",
                  range->first < sp->min ? range->first : range->last);
    return false;
}

bool policy_file_range(const struct config_reader *r, const config_setting_t *s,
                       enum policy_file_space space, struct policy_range *range)
{
    const char *text;
    int v;

    if (s->type == CONFIG_TYPE_INT) {
        v = config_setting_get_int(s);
        if (v < 0) {
            config_report(r, CONFIG_ERROR, s, spaces[space].form, "%d is out of range",
                          v);
            return false;
        }
        range->first = range->last = (uint32_t)v;
        return check(r, s, space, range);
    }
    if (s->type != CONFIG_TYPE_STRING) {
        config_report(r, CONFIG_ERROR, s, spaces[space].form, "wrong type of value");
        return false;
    }
    text = config_string(r, s);
    if (!text)
        return false;
    if (parse_text(text, space, range))
        return check(r, s, space, range);
    config_report(r, CONFIG_ERROR, s, spaces[space].form,
                  "\"%s\" is neither a number nor a range", text);
    return false;
}

bool policy_file_ranges(const struct config_reader *r, const config_setting_t *list,
                        enum policy_file_space space, struct policy_range **out,
                        size_t *count)
{
    size_t n = config_count(list);
    bool good = true;

    *out = NULL;
    *count = 0;
    /* No range at all would mean "any". */
    if (!config_count_check(r, list, 1, POLICY_RANGES_MAX))
        return false;
    *out = calloc(n, sizeof **out);
    if (!*out) {
        config_report(r, CONFIG_ERROR, list, "free some memory", "out of memory");
        return false;
    }
    for (size_t i = 0; i < n; i++)
        good = policy_file_range(r, config_elem(list, i), space, &(*out)[i]) && good;
    *count = n;
    return good;
}
