/* What a route says of the records of its operations and points. */
#include "proxy/config_build.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* An address at the start of a text; NULL if there is none. */
static const char *take_address(const char *text, uint32_t *out)
{
    char *end;
    unsigned long v;

    if (!isdigit((unsigned char)*text))
        return NULL;
    v = strtoul(text, &end, 10);
    *out = v <= FEEDBACK_IOA_MAX ? (uint32_t)v : 0;
    return end;
}

/* "1001 -> 2001", "1001-1100 -> 2001" */
static bool parse_feedback(const char *text, struct feedback *f)
{
    text = take_address(text, &f->first);
    if (!text)
        return false;
    f->last = f->first;
    if (*text == '-')
        text = take_address(text + 1, &f->last);
    if (!text || strncmp(text, " -> ", 4) != 0)
        return false;
    text = take_address(text + 4, &f->to);
    return text && *text == '\0' && feedback_is_legal(f);
}

static bool overlaps(const struct record_settings *s, const struct feedback *f)
{
    for (size_t i = 0; i < s->feedback_count; i++) {
        if (f->first <= s->feedback[i].last && s->feedback[i].first <= f->last)
            return true;
    }
    return false;
}

static void read_feedback(const struct config_build *b, const config_setting_t *s,
                          struct record_settings *out)
{
    const config_setting_t *list = config_member(s, "feedback", CONFIG_KIND_SEQUENCE);

    if (!list || !config_count_check(&b->r, list, 0, FEEDBACKS_MAX))
        return;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);
        const char *text = config_string(&b->r, e);
        struct feedback f;

        if (!text)
            continue;
        if (!parse_feedback(text, &f))
            config_report(&b->r, CONFIG_ERROR, e,
                          "write \"IOA -> IOA\" or \"IOA-IOA -> IOA\", each from 1 to "
                          "16777215",
                          "\"%s\" does not lead from commands to their states", text);
        else if (overlaps(out, &f))
            config_report(&b->r, CONFIG_ERROR, e, "name each command once",
                          "\"%s\" names commands that have a feedback already", text);
        else
            out->feedback[out->feedback_count++] = f;
    }
}

void config_record_read(struct config_build *b, const config_setting_t *s,
                        struct record_settings *out)
{
    static const char *const points[] = {"none", "changes", "all"};
    static const char *const apdus[] = {"none", "pcapng"};
    size_t which = RECORD_POINTS_NONE;
    size_t recorded = 0;

    (void)config_word_read(&b->r, s, "record_points", points,
                           sizeof points / sizeof points[0], &which);
    out->points = (uint8_t)which;
    (void)config_word_read(&b->r, s, "record", apdus, sizeof apdus / sizeof apdus[0],
                           &recorded);
    out->apdus = recorded == 1;
    read_feedback(b, s, out);
}
