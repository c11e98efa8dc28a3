#include "proxy/audit_syslog.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* RFC 5424 6.2.1: 13 is "log audit". */
#define FACILITY 13

/* Shortest text that is worth sending of a line that is cut. */
#define TEXT_MIN 64u

/* ---- reading the line ---- */

/* Within a string every quote stands behind a backslash, so this finds members only; the
 * line's own come before those of an object in it that have the same name. */
static const char *find(const struct audit_syslog_line *line, const char *key)
{
    char pattern[64];
    int n = snprintf(pattern, sizeof pattern, ",\"%s\":", key);
    const char *at = n > 0 && (size_t)n < sizeof pattern
                         ? memmem(line->text, line->n, pattern, (size_t)n)
                         : NULL;

    return at ? at + n : NULL;
}

bool audit_syslog_member(const struct audit_syslog_line *line, const char *key, char *out,
                         size_t cap)
{
    const char *end = line->text + line->n;
    const char *p = find(line, key);
    bool text = p && p < end && *p == '"';
    size_t n = 0;

    if (!p)
        return false;
    for (p += text; p < end && n + 1 < cap; p++) {
        if (text ? *p == '"' : *p == ',' || *p == '}')
            break;
        if (text && *p == '\\' && p + 1 < end)
            p++;
        out[n++] = *p;
    }
    out[n] = '\0';
    return n > 0;
}

/* ---- which ---- */

/* What has to do with security though it is a mere notice. */
static const char *const security_groups[] = {"system.", "session.", "tls.",
                                              "role.",   "log.",     "policy.refused"};

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

bool audit_syslog_wanted(enum ship_what what, const struct audit_syslog_line *line)
{
    if (what != SHIP_SECURITY)
        return what == SHIP_ALL;
    if (strcmp(line->head.severity, "notice") != 0 || find(line, "iec62351"))
        return true;
    for (size_t i = 0; i < COUNT(security_groups); i++) {
        if (begins(line->head.event, security_groups[i]))
            return true;
    }
    return false;
}

/* ---- writing ---- */

struct text {
    char *p;
    size_t n, cap;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt,
                                                      ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->p + t->n, t->cap - t->n, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->n += (size_t)n < t->cap - t->n ? (size_t)n : t->cap - t->n - 1;
}

/* RFC 5424 6.3.3: these three are escaped in a value. */
static void put_param(struct text *t, const char *name, const char *value)
{
    put(t, " %s=\"", name);
    for (const char *c = value; *c != '\0' && t->n + 2 < t->cap; c++) {
        if (*c == '"' || *c == '\\' || *c == ']')
            t->p[t->n++] = '\\';
        t->p[t->n++] = *c;
    }
    put(t, "\"");
}

static void put_member(struct text *t, const struct audit_syslog_line *line,
                       const char *key, const char *name, size_t most)
{
    char value[160];

    if (audit_syslog_member(line, key, value, most < sizeof value ? most + 1 : 160))
        put_param(t, name, value);
}

static int priority(const char *severity)
{
    static const struct {
        const char *word;
        int severity; /* RFC 5424 6.2.1 */
    } rows[] = {{"alarm", 1}, {"error", 3}, {"warning", 4}, {"notice", 5}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (strcmp(severity, rows[i].word) == 0)
            return FACILITY * 8 + rows[i].severity;
    }
    return FACILITY * 8 + 5;
}

/* An event of the IEC 62351 series has its number and name there, others ours. */
static void put_event(struct text *t, const struct audit_syslog_line *line,
                      uint32_t enterprise)
{
    char id[80];
    char mnemonic[80];
    char severity[16];

    if (!audit_syslog_member(line, "iec62351", id, sizeof id))
        (void)snprintf(id, sizeof id, "%" PRIu32 ":%s", enterprise, line->head.event);
    if (!audit_syslog_member(line, "iec62351_mnemonic", mnemonic, sizeof mnemonic)) {
        (void)snprintf(mnemonic, sizeof mnemonic, "%s", line->head.event);
        for (char *c = mnemonic; *c != '\0'; c++)
            *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    }
    put_param(t, "ID", id);
    put_param(t, "MNEMONIC", mnemonic);
    if (!audit_syslog_member(line, "iec62351_severity", severity, sizeof severity))
        (void)snprintf(severity, sizeof severity, "%s", line->head.severity);
    put_param(t, "SEVERITY", severity);
}

static void put_data(struct text *t, const struct audit_syslog_line *line,
                     uint32_t enterprise)
{
    put(t, "[gate104@%" PRIu32, enterprise);
    put_event(t, line, enterprise);
    put(t, " SqNum=\"%" PRIu64 "\"", (line->head.seq - 1) % UINT32_MAX + 1);
    put_member(t, line, "source", "PeerInfo", 64);
    put_member(t, line, "subject", "UsrID", 128);
    put_member(t, line, "roles", "Role", 128);
    put_member(t, line, "route", "X.ROUTE", 64);
    put_member(t, line, "session", "X.SESSION", 24);
}

static void put_clock(struct text *t, const struct audit_syslog_line *line)
{
    char state[24];

    /* RFC 5424 7.1 */
    if (audit_syslog_member(line, "clock", state, sizeof state))
        put(t, "[timeQuality tzKnown=\"1\" isSynced=\"%d\"]",
            strcmp(state, "synchronized") == 0);
}

/* Size and hash name the whole line, in the log and in the record behind it. */
static void put_cut(struct text *t, const struct audit_syslog_line *line)
{
    char hex[AUDIT_HASH_HEX_SIZE + 1] = "";
    uint8_t hash[AUDIT_HASH_SIZE];

    if (audit_hash(line->text, line->n, hash))
        audit_hex(hash, sizeof hash, hex);
    put(t, " X.CUT=\"1\" X.SEQ=\"%" PRIu64 "\" X.SIZE=\"%zu\" X.SHA256=\"%s\"",
        line->head.seq, line->n, hex);
}

static void put_front(struct text *t, const struct audit_syslog_line *line,
                      const char *host, uint32_t enterprise, bool cut)
{
    t->n = 0;
    put(t, "<%d>1 %s %s gate104 - %.32s ", priority(line->head.severity), line->head.time,
        host[0] ? host : "-", line->head.event);
    put_data(t, line, enterprise);
    if (cut)
        put_cut(t, line);
    put(t, "]");
    put_clock(t, line);
    put(t, " ");
}

size_t audit_syslog_format(const struct audit_syslog_line *line, const char *host,
                           uint32_t enterprise, size_t most, char out[AUDIT_SYSLOG_MAX])
{
    struct text t = {out, 0, AUDIT_SYSLOG_MAX - AUDIT_LINE_MAX};
    size_t n = line->n - 1;

    most = most < AUDIT_SYSLOG_MAX ? most : AUDIT_SYSLOG_MAX;
    put_front(&t, line, host, enterprise, false);
    if (t.n + n > most) {
        put_front(&t, line, host, enterprise, true);
        n = most > t.n + TEXT_MIN ? most - t.n : TEXT_MIN;
        n = n < line->n - 1 ? n : line->n - 1;
    }
    memcpy(out + t.n, line->text, n);
    return t.n + n;
}
