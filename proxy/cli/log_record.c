#include "proxy/cli/log.h"

#include <stdio.h>
#include <string.h>

json_t *log_record_parse(const char *line, size_t n)
{
    struct audit_envelope e;
    json_t *record;

    if (audit_envelope_parse(line, n, &e))
        return NULL;
    record = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(record))
        return record;
    json_decref(record);
    return NULL;
}

const char *log_text(const json_t *record, const char *key)
{
    return json_string_value(json_object_get(record, key));
}

bool log_number(const json_t *record, const char *key, long long *out)
{
    const json_t *v = json_object_get(record, key);

    if (!json_is_integer(v))
        return false;
    *out = json_integer_value(v);
    return true;
}

/* A collision only forgets an older session. */
static size_t slot_of(long long id)
{
    return (size_t)((unsigned long long)id % LOG_SESSIONS);
}

/* True for a comma that parts two attributes: in RFC 2253 one in a value has a backslash
 * in front, and the log writes that as \x5C. */
static bool is_separator(const char *begin, const char *p)
{
    return *p == ',' && !(p - begin >= 4 && memcmp(p - 4, "\\x5C", 4) == 0);
}

/* The value of CN in a name, or the whole name. */
static void common_name(const char *subject, char out[LOG_WHO_MAX])
{
    const char *value = NULL;
    const char *end;

    for (const char *p = subject; *p && !value; p++) {
        if ((p == subject || is_separator(subject, p - 1)) && strncmp(p, "CN=", 3) == 0)
            value = p + 3;
    }
    if (!value)
        value = subject;
    for (end = value; *end && (value == subject || !is_separator(value, end));)
        end++;
    (void)snprintf(out, LOG_WHO_MAX, "%.*s", (int)(end - value), value);
}

void log_sessions_learn(struct log_sessions *s, const json_t *record)
{
    const char *subject = log_text(record, "subject");
    const char *source = log_text(record, "source");
    long long id;
    size_t slot;

    if (!log_number(record, "session", &id) || (!subject && !source))
        return;
    slot = slot_of(id);
    s->slot[slot].id = id;
    if (subject && *subject)
        common_name(subject, s->slot[slot].who);
    else
        (void)snprintf(s->slot[slot].who, LOG_WHO_MAX, "%s", source ? source : "");
}

const char *log_sessions_who(const struct log_sessions *s, const json_t *record)
{
    const char *who = log_text(record, "source");
    long long id;

    if (log_number(record, "session", &id) && s->slot[slot_of(id)].who[0] &&
        s->slot[slot_of(id)].id == id)
        return s->slot[slot_of(id)].who;
    if (!who)
        who = log_text(record, "from");
    return who ? who : "";
}
