#include "proxy/audit_envelope.h"

#include <string.h>

struct cursor {
    const char *p;
    const char *end;
};

static bool skip(struct cursor *c, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
        return false;
    c->p += n;
    return true;
}

/* A number as JSON writes it: no sign, no leading zero, below 2^53. */
static bool number(struct cursor *c, uint64_t *out)
{
    const char *begin = c->p;
    uint64_t v = 0;

    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - begin < 16)
        v = v * 10 + (uint64_t)(*c->p++ - '0');
    *out = v;
    return c->p > begin && (*begin != '0' || c->p == begin + 1) && v < UINT64_C(1) << 53;
}

/* Octets up to a quote; none of them a backslash, as no envelope text has one. */
static bool word(struct cursor *c, char *out, size_t cap)
{
    size_t n = 0;

    while (c->p < c->end && *c->p != '"' && *c->p != '\\' && n + 1 < cap)
        out[n++] = *c->p++;
    out[n] = '\0';
    return n > 0 && skip(c, "\"");
}

static bool time_good(const char *s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    for (size_t i = 0; i < AUDIT_TIME_SIZE; i++) {
        bool digit = s[i] >= '0' && s[i] <= '9';

        if (form[i] == 'd' ? !digit : s[i] != form[i])
            return false;
    }
    return s[AUDIT_TIME_SIZE] == '\0';
}

static const char *parse_head(struct cursor *c, struct audit_envelope *e)
{
    uint8_t boot[AUDIT_BOOT_SIZE / 2];

    if (!skip(c, "{\"v\":"))
        return "not a log record";
    if (!skip(c, "1,"))
        return "unknown format version";
    if (!skip(c, "\"seq\":") || !number(c, &e->seq) || e->seq == 0)
        return "no sequence number";
    if (!skip(c, ",\"time\":\"") || !word(c, e->time, sizeof e->time) ||
        !time_good(e->time))
        return "no time";
    if (!skip(c, ",\"mono_ms\":") || !number(c, &e->mono_ms))
        return "no monotonic time";
    if (!skip(c, ",\"boot\":\"") || !word(c, e->boot, sizeof e->boot) ||
        strlen(e->boot) != AUDIT_BOOT_SIZE || !audit_unhex(e->boot, boot, sizeof boot))
        return "no boot id";
    if (!skip(c, ",\"from\":\"") || !word(c, e->from, sizeof e->from))
        return "no sender";
    if (!skip(c, ",\"event\":\"") || !word(c, e->event, sizeof e->event))
        return "no event";
    if (!skip(c, ",\"severity\":\"") || !word(c, e->severity, sizeof e->severity))
        return "no severity";
    return NULL;
}

static bool printable(const char *s, size_t n)
{
    bool good = true;

    for (size_t i = 0; i < n; i++)
        good &= (unsigned char)s[i] - 0x20u < 0x5Fu;
    return good;
}

const char *audit_envelope_parse(const char *line, size_t n, struct audit_envelope *e)
{
    static const size_t tail =
        sizeof ",\"prev\":\"" - 1 + AUDIT_HASH_HEX_SIZE + sizeof "\"}\n" - 1;
    struct cursor c = {line, line + n};
    const char *fault;

    if (n > AUDIT_LINE_MAX)
        return "longer than a record may be";
    if (n < tail || line[n - 1] != '\n')
        return "not a whole line";
    if (!printable(line, n - 1))
        return "an octet that is not printable ASCII";
    c.end = line + n - tail;
    fault = parse_head(&c, e);
    if (fault)
        return fault;
    if (c.p < c.end && *c.p != ',')
        return "not a log record";
    c.p = c.end;
    c.end = line + n;
    if (!skip(&c, ",\"prev\":\"") || !audit_unhex(c.p, e->prev, AUDIT_HASH_SIZE))
        return "no hash of the record before";
    c.p += AUDIT_HASH_HEX_SIZE;
    return skip(&c, "\"}\n") ? NULL : "no hash of the record before";
}
