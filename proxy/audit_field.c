#include "proxy/audit_field.h"

#include "proxy/audit_hash.h"
#include "proxy/audit_scan.h"

#include <string.h>

/* Behind the text that begins at s->p, its quotes included. */
static bool skip_text(struct audit_scan *s)
{
    const char *p = s->p + 1;

    while (p < s->end && *p != '"')
        p += *p == '\\' ? 2 : 1;
    if (p >= s->end)
        return false;
    s->p = p + 1;
    return true;
}

static bool skip_value(struct audit_scan *s)
{
    const char *begin = s->p;

    if (s->p < s->end && *s->p == '"')
        return skip_text(s);
    while (s->p < s->end &&
           ((*s->p >= '0' && *s->p <= '9') || (*s->p >= 'a' && *s->p <= 'z') ||
            *s->p == '-' || *s->p == '+' || *s->p == '.'))
        s->p++;
    return s->p > begin;
}

/* The first member behind `from`, `event` and `severity`. */
static bool to_members(struct audit_scan *s, const char *line, size_t n)
{
    static const char mark[] = "\",\"severity\":\"";
    const char *at = memmem(line, n, mark, sizeof mark - 1);
    const char *end = at ? memchr(at + sizeof mark - 1, '"',
                                  (size_t)(line + n - at) - (sizeof mark - 1))
                         : NULL;

    if (!end)
        return false;
    s->p = end + 1;
    s->end = line + n;
    return true;
}

const char *audit_field(const char *line, size_t n, const char *name, size_t *size)
{
    struct audit_scan s;
    char key[32];

    if (!to_members(&s, line, n))
        return NULL;
    while (AUDIT_SKIP(&s, ",\"") && audit_scan_word(&s, key, sizeof key) &&
           AUDIT_SKIP(&s, ":") && strcmp(key, "prev") != 0) {
        const char *value = s.p;

        if (!skip_value(&s))
            return NULL;
        if (strcmp(key, name) == 0) {
            *size = (size_t)(s.p - value);
            return value;
        }
    }
    return NULL;
}

bool audit_field_number(const char *line, size_t n, const char *name, uint64_t *out)
{
    size_t size;
    const char *value = audit_field(line, n, name, &size);
    struct audit_scan s = {value, value ? value + size : NULL};

    return value && audit_scan_number(&s, out) && s.p == s.end;
}

bool audit_field_hex(const char *line, size_t n, const char *name, uint8_t *out,
                     size_t size)
{
    size_t got;
    const char *value = audit_field(line, n, name, &got);

    return value && got == 2 * size + 2 && *value == '"' &&
           audit_unhex(value + 1, out, size);
}

bool audit_field_text(const char *line, size_t n, const char *name, char *out, size_t cap)
{
    size_t size;
    const char *value = audit_field(line, n, name, &size);
    struct audit_scan s = {value, value ? value + size : NULL};

    return value && AUDIT_SKIP(&s, "\"") && audit_scan_word(&s, out, cap) && s.p == s.end;
}
