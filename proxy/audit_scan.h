/* Takes the octets of a log line apart, from left to right, without a JSON parser: every
 * text stands where doc/log-format.md says, or the line is none.  Inline, as a verifier
 * does this for millions of lines.  Pure. */
#ifndef GATE104_PROXY_AUDIT_SCAN_H
#define GATE104_PROXY_AUDIT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Numbers are below this (RFC 8259 section 6: what every reader holds exactly). */
#define AUDIT_NUMBER_END (UINT64_C(1) << 53)

struct audit_scan {
    const char *p;
    const char *end;
};

static inline bool audit_scan_skip(struct audit_scan *s, const char *text, size_t n)
{
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
        return false;
    s->p += n;
    return true;
}

/* Of a string literal, so that its length is known to the compiler. */
#define AUDIT_SKIP(s, literal) audit_scan_skip((s), "" literal, sizeof(literal) - 1)

/* A number as JSON writes it: no sign, no leading zero. */
static inline bool audit_scan_number(struct audit_scan *s, uint64_t *out)
{
    const char *begin = s->p;
    uint64_t v = 0;

    while (s->p < s->end && *s->p >= '0' && *s->p <= '9' && s->p - begin < 16)
        v = v * 10 + (uint64_t)(*s->p++ - '0');
    *out = v;
    return s->p > begin && (*begin != '0' || s->p == begin + 1) && v < AUDIT_NUMBER_END;
}

/* Octets up to a quote, which is taken too, copied with a NUL; none of them a backslash.
 */
static inline bool audit_scan_word(struct audit_scan *s, char *out, size_t cap)
{
    size_t room = (size_t)(s->end - s->p) < cap ? (size_t)(s->end - s->p) : cap;
    size_t n = 0;

    while (n < room && s->p[n] != '"' && s->p[n] != '\\')
        n++;
    if (n == 0 || n == room || s->p[n] != '"')
        return false;
    memcpy(out, s->p, n);
    out[n] = '\0';
    s->p += n + 1;
    return true;
}

#endif
