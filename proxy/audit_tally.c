#include "proxy/audit_tally.h"

#include <stdio.h>
#include <string.h>

void audit_tally_add(struct audit_tally *t, const struct event_info *event)
{
    t->commands += event->event == EVENT_COMMAND;
    t->refusals += event->event == EVENT_REFUSED;
    t->gaps += event->event == EVENT_LOG_GAP;
    t->alarms += event->severity == SEVERITY_ALARM;
}

bool audit_tally_config(const uint8_t *payload, size_t n, uint8_t hash[AUDIT_HASH_SIZE])
{
    struct record_head head;
    struct record_field f;
    size_t pos = 0;

    if (!record_check(payload, n, &head) ||
        (head.event->event != EVENT_SYSTEM_START && head.event->event != EVENT_RELOAD))
        return false;
    while (record_next(payload, n, &pos, &f)) {
        if (f.tag->tag == RECORD_CONFIG_HASH && f.size == AUDIT_HASH_SIZE) {
            memcpy(hash, f.octets, AUDIT_HASH_SIZE);
            return true;
        }
    }
    return false;
}

void audit_tally_sealed(struct audit_tally *t, uint64_t seq, uint64_t epoch,
                        const uint8_t hash[AUDIT_HASH_SIZE])
{
    t->first_seq = seq + 1;
    t->commands = t->refusals = t->alarms = t->gaps = 0;
    t->epoch = epoch;
    memcpy(t->seal_hash, hash, AUDIT_HASH_SIZE);
}

/* Behind ,"key": */
static const char *member(const char *line, size_t size, const char *key)
{
    char want[64];
    int n = snprintf(want, sizeof want, ",\"%s\":", key);
    const char *at =
        n > 0 && (size_t)n < sizeof want ? memmem(line, size, want, (size_t)n) : NULL;

    return at ? at + n : NULL;
}

const char *audit_member_text(const char *line, size_t size, const char *key, size_t *n)
{
    const char *at = member(line, size, key);
    const char *end = line + size;
    const char *quote;

    if (!at || at == end || *at++ != '"')
        return NULL;
    quote = memchr(at, '"', (size_t)(end - at));
    if (!quote)
        return NULL;
    *n = (size_t)(quote - at);
    return at;
}

bool audit_member_number(const char *line, size_t size, const char *key, uint64_t *v)
{
    const char *at = member(line, size, key);
    const char *end = line + size;
    unsigned int digits = 0;

    *v = 0;
    for (; at && at < end && *at >= '0' && *at <= '9' && digits < 16; digits++)
        *v = *v * 10 + (uint64_t)(*at++ - '0');
    return digits > 0 && at < end && (*at == ',' || *at == '}');
}
