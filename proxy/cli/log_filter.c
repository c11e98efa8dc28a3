#include "proxy/cli/log_filter.h"

#include "policy/types.h"
#include "proxy/audit_text.h"
#include "proxy/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void log_filter_init(struct log_filter *f)
{
    *f = (struct log_filter){
        .session = LOG_ANY, .ca = LOG_ANY, .ioa = LOG_ANY, .type = LOG_ANY};
}

bool log_number_parse(const char *text, long long *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out >= 0;
}

static bool wrong(const char *value, const char *expected)
{
    (void)fprintf(stderr, "gate104 log: ");
    cli_put_safe(stderr, value, 0, false);
    (void)fprintf(stderr, ": expected %s\n", expected);
    return false;
}

static bool take_time(const char *value, char out[AUDIT_TIME_SIZE + 1])
{
    return log_time_parse(value, log_time_now_ms(), out) ||
           wrong(value, "a time (UTC) like 2026-11-21T02:59, or an age like 30m, 2h, 7d");
}

static bool take_number(const char *value, long long *out)
{
    return log_number_parse(value, out) || wrong(value, "a number");
}

static bool take_type(const char *value, long long *out)
{
    const struct type_info *type = type_by_name(value);

    if (type)
        *out = type->id;
    return type || log_number_parse(value, out) ||
           wrong(value, "a type like C_SC_NA_1 or its number");
}

/* A name, or what names begin with and an asterisk. */
static bool take_point(const char *value, char out[LOG_POINT_MAX + 1])
{
    return (*value && audit_text_escape((const uint8_t *)value, strlen(value), out,
                                        LOG_POINT_MAX)) ||
           wrong(value, "the name of a point");
}

bool log_filter_take(struct log_filter *f, int option, const char *value)
{
    switch (option) {
    case 'S': return take_time(value, f->since);
    case 'U': return take_time(value, f->until);
    case 's': return take_number(value, &f->session);
    case 'C': return take_number(value, &f->ca);
    case 'I': return take_number(value, &f->ioa);
    case 'T': return take_type(value, &f->type);
    case 'N': return take_point(value, f->point);
    case 'r': f->route = value; return true;
    case 'e': f->event = value; return true;
    case 'p': f->peer = value; return true;
    case 'V': f->verdict = value; return true;
    default: return false;
    }
}

bool log_session(const json_t *record, long long *full, long long *running)
{
    if (!log_number(record, "session", full))
        return false;
    *running = *full & 0xFFFFF;
    return true;
}

bool log_session_is(const json_t *record, long long wanted)
{
    long long full, running;

    return log_session(record, &full, &running) && (wanted == full || wanted == running);
}

static bool number_is(const json_t *record, const char *key, long long wanted)
{
    long long value;

    return wanted == LOG_ANY || (log_number(record, key, &value) && value == wanted);
}

static bool text_is(const json_t *record, const char *key, const char *wanted)
{
    const char *value = log_text(record, key);

    return !wanted || (value && strcmp(value, wanted) == 0);
}

static bool point_is(const json_t *record, const char *wanted)
{
    const char *name = log_text(record, "point");
    const size_t n = strlen(wanted);

    if (n == 0)
        return true;
    if (wanted[n - 1] == '*')
        return name && strncmp(name, wanted, n - 1) == 0;
    return name && strcmp(name, wanted) == 0;
}

static bool holds(const char *text, const char *part)
{
    return text && strstr(text, part);
}

static bool in_time(const struct log_filter *f, const char *time)
{
    if (!f->since[0] && !f->until[0])
        return true;
    return time && (!f->since[0] || strcmp(time, f->since) >= 0) &&
           (!f->until[0] || strcmp(time, f->until) < 0);
}

bool log_filter_wants(const struct log_filter *f, const json_t *record, const char *who)
{
    const char *event = log_text(record, "event");

    if (!in_time(f, log_text(record, "time")))
        return false;
    if (f->session != LOG_ANY && !log_session_is(record, f->session))
        return false;
    if (!number_is(record, "ca", f->ca) || !number_is(record, "ioa", f->ioa) ||
        !number_is(record, "type_id", f->type) || !point_is(record, f->point))
        return false;
    if (!text_is(record, "route", f->route) || !text_is(record, "verdict", f->verdict))
        return false;
    if (f->peer && !holds(log_text(record, "subject"), f->peer) &&
        !holds(log_text(record, "source"), f->peer) && !holds(who, f->peer))
        return false;
    return !f->event || (event && strncmp(event, f->event, strlen(f->event)) == 0);
}
