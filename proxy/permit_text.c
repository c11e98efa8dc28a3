#include "proxy/permit_text.h"

#include "proxy/config_errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* Octets of one value, its NUL included. */
#define VALUE_CAP 1024u

struct reading {
    struct permit_request *out;
    const char *key, *value;
    char *err;
    size_t errcap;
};

__attribute__((format(printf, 2, 3))) static bool fault(const struct reading *r,
                                                        const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(r->err, r->errcap, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- numbers ---- */

/* Digits at *text, at most eight; moves behind them. */
static bool take_number(const char **text, uint32_t *value)
{
    const size_t n = strspn(*text, "0123456789");

    if (n == 0 || n > 8)
        return false;
    *value = 0;
    for (size_t i = 0; i < n; i++)
        *value = *value * 10 + (uint32_t)((*text)[i] - '0');
    *text += n;
    return true;
}

bool permit_duration(const char *text, uint32_t *seconds)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    uint32_t many;

    if (!take_number(&text, &many))
        return false;
    for (size_t i = 0; i < COUNT(units); i++) {
        const uint64_t all = (uint64_t)many * units[i].seconds;

        if (strcmp(text, units[i].name) != 0 || all < 1 || all > PERMIT_MS_MAX / 1000)
            continue;
        *seconds = (uint32_t)all;
        return true;
    }
    return false;
}

static bool read_ranges(const struct reading *r, uint32_t min, uint32_t max,
                        struct policy_range *out, uint8_t *count)
{
    const char *at = r->value;

    for (*count = 0; *count < PERMIT_RANGES_MAX;) {
        struct policy_range *range = &out[*count];

        if (!take_number(&at, &range->first))
            return fault(r, "%s \"%s\" is no list of numbers like 1001-1100,1200", r->key,
                         r->value);
        range->last = range->first;
        if (*at == '-' && (at++, !take_number(&at, &range->last)))
            return fault(r, "%s \"%s\" has a range without an end", r->key, r->value);
        if (range->first > range->last)
            return fault(r, "%s %u-%u is reversed", r->key, range->first, range->last);
        if (range->first < min || range->last > max)
            return fault(r, "%s %u is out of range: %u to %u", r->key,
                         range->first < min ? range->first : range->last, min, max);
        ++*count;
        if (*at == '\0')
            return true;
        if (*at++ != ',')
            return fault(r, "%s \"%s\" is no list of numbers like 1001-1100,1200", r->key,
                         r->value);
    }
    return fault(r, "%s has more than %u ranges", r->key, PERMIT_RANGES_MAX);
}

/* ---- the fields ---- */

static bool read_route(const struct reading *r)
{
    if (strlen(r->value) >= sizeof r->out->route)
        return fault(r, "there is no route with so long a name");
    (void)snprintf(r->out->route, sizeof r->out->route, "%s", r->value);
    return true;
}

static bool add_type(const struct reading *r, const char *name)
{
    const struct type_info *type = type_by_name(name);
    const char *near = type ? NULL : type_closest_name(name);

    if (!type && near)
        return fault(r, "\"%s\" is no type; did you mean %s?", name, near);
    if (!type)
        return fault(r, "\"%s\" is no type; write names like C_SC_NA_1", name);
    if (type->layout != TYPE_LAYOUT_OBJECTS || !policy_speaks_of(type, DIR_CONTROL))
        return fault(r, "%s is nothing a master sends", name);
    policy_types_set(r->out->scope.types, type->id);
    return true;
}

static bool read_types(const struct reading *r)
{
    char list[VALUE_CAP];
    char *rest = list;
    char *name;

    (void)snprintf(list, sizeof list, "%s", r->value);
    while ((name = strsep(&rest, ",")) != NULL) {
        if (!add_type(r, name))
            return false;
    }
    return true;
}

static bool read_ca(const struct reading *r)
{
    struct permit_scope *s = &r->out->scope;

    return read_ranges(r, 1, ASDU_CA_ALL, s->ca, &s->ca_count);
}

static bool read_ioa(const struct reading *r)
{
    struct permit_scope *s = &r->out->scope;

    return read_ranges(r, 0, ASDU_IOA_MAX, s->ioa, &s->ioa_count);
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = strchr(digits, c | 0x20);

    return c != '\0' && at ? (int)(at - digits) : -1;
}

static bool read_fingerprint(const char *hex, struct permit_scope *s)
{
    for (size_t i = 0; i < PERMIT_FINGERPRINT_LEN; i++) {
        const int high = digit(hex[2 * i]);
        const int low = digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        s->fingerprint[i] = (uint8_t)(high << 4 | low);
    }
    return s->has_fingerprint = true;
}

/* A subject that was cut could be anybody's. */
static bool read_peer(const struct reading *r)
{
    struct permit_scope *s = &r->out->scope;
    const size_t n = strlen(r->value);

    if (n == (size_t)2 * PERMIT_FINGERPRINT_LEN && read_fingerprint(r->value, s))
        return true;
    if (!strchr(r->value, '='))
        return fault(r,
                     "peer \"%s\" is neither a SHA-256 of a certificate nor a subject "
                     "like CN=Master,O=Utility",
                     r->value);
    if (n >= sizeof s->subject || (n >= 3 && strcmp(r->value + n - 3, "...") == 0))
        return fault(r, "the subject is too long to be told from others: name the "
                        "SHA-256 of the certificate");
    (void)snprintf(s->subject, sizeof s->subject, "%s", r->value);
    return true;
}

static bool read_for(const struct reading *r)
{
    return permit_duration(r->value, &r->out->seconds) ||
           fault(r, "\"%s\" is no time from 1 second to 7 days: write 90s, 15m or 8h",
                 r->value);
}

static bool read_commands(const struct reading *r)
{
    const char *at = r->value;

    if (take_number(&at, &r->out->commands) && *at == '\0' && r->out->commands >= 1 &&
        r->out->commands <= PERMIT_COMMANDS_MAX)
        return true;
    return fault(r, "commands \"%s\" is no number from 1 to %u", r->value,
                 PERMIT_COMMANDS_MAX);
}

static bool read_persist(const struct reading *r)
{
    r->out->persist = strcmp(r->value, "yes") == 0;
    return r->out->persist || fault(r, "persist is yes or not there");
}

static bool read_reason(const struct reading *r)
{
    if (strlen(r->value) > PERMIT_REASON_MAX)
        return fault(r, "the reason has more than %u octets", PERMIT_REASON_MAX);
    if (strspn(r->value, " ") == strlen(r->value))
        return fault(r, "a permit needs a reason");
    (void)snprintf(r->out->reason, sizeof r->out->reason, "%s", r->value);
    return true;
}

static const struct {
    const char *key;
    bool (*read)(const struct reading *r);
} keys[] = {
    {"route", read_route},       {"types", read_types},     {"ca", read_ca},
    {"ioa", read_ioa},           {"peer", read_peer},       {"for", read_for},
    {"commands", read_commands}, {"persist", read_persist}, {"reason", read_reason},
};

/* UTF-8 without control characters: C0, DEL and C1. */
static bool is_text(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = strlen(text);

    while (left > 0) {
        const size_t n = config_utf8_size(p, left);

        if (n == 0 || p[0] < 0x20 || p[0] == 0x7F || (p[0] == 0xC2 && p[1] < 0xA0))
            return false;
        p += n;
        left -= n;
    }
    return true;
}

static bool read_field(struct reading *r, const char *field, unsigned int *seen)
{
    const char *value = strchr(field, '=');

    for (size_t i = 0; value && i < COUNT(keys); i++) {
        const size_t n = (size_t)(value - field);

        if (strlen(keys[i].key) != n || strncmp(keys[i].key, field, n) != 0)
            continue;
        r->key = keys[i].key;
        r->value = value + 1;
        if ((*seen >> i & 1u) != 0)
            return fault(r, "%s is there twice", r->key);
        *seen |= 1u << i;
        if (*r->value == '\0')
            return fault(r, "%s is empty", r->key);
        if (!is_text(r->value))
            return fault(r, "%s has control characters in it, or is not UTF-8", r->key);
        return keys[i].read(r);
    }
    return fault(r, "a permit has no such field");
}

static bool is_whole(const struct reading *r)
{
    if (r->out->route[0] == '\0')
        return fault(r, "a permit is for a route: name it");
    if (r->out->seconds == 0)
        return fault(r, "a permit ends: say for how long, as 15m");
    if (r->out->reason[0] == '\0')
        return fault(r, "a permit needs a reason");
    permit_scope_normalise(&r->out->scope);
    if (!permit_scope_is_good(&r->out->scope))
        return fault(r, "common address 65535 (all stations) stands on its own, not in "
                        "a range, and a subject is printable ASCII");
    return true;
}

bool permit_request_read(const char *fields, struct permit_request *out, char *err,
                         size_t errcap)
{
    struct reading r = {.out = out, .err = err, .errcap = errcap};
    char text[4 * VALUE_CAP];
    char *rest = text;
    unsigned int seen = 0;
    char *field;

    memset(out, 0, sizeof *out);
    if (strlen(fields) >= sizeof text)
        return fault(&r, "that is too long");
    (void)snprintf(text, sizeof text, "%s", fields);
    while ((field = strsep(&rest, "\t")) != NULL) {
        if (strlen(field) >= VALUE_CAP)
            return fault(&r, "that is too long");
        if (!read_field(&r, field, &seen))
            return false;
    }
    return is_whole(&r);
}

/* ---- in words ---- */

struct text {
    char *out;
    size_t used;
    bool bad;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt,
                                                      ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->out + t->used, PERMIT_TEXT_CAP - t->used, fmt, ap);
    va_end(ap);
    t->bad = t->bad || n < 0 || t->used + (size_t)n >= PERMIT_TEXT_CAP;
    if (!t->bad)
        t->used += (size_t)n;
}

static void put_types(struct text *t, const uint8_t types[32])
{
    const char *before = "types ";

    for (unsigned int id = 0; id < 256; id++) {
        if ((types[id / 8] >> id % 8 & 1u) == 0)
            continue;
        put(t, "%s%s", before, type_info((uint8_t)id)->name);
        before = ",";
    }
    if (before[0] != ',')
        put(t, "all types");
}

static void put_ranges(struct text *t, const char *what, const struct policy_range *r,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i == 0)
            put(t, " %s %u", what, r[i].first);
        else
            put(t, ",%u", r[i].first);
        if (r[i].last > r[i].first)
            put(t, "-%u", r[i].last);
    }
}

bool permit_scope_text(const struct permit_scope *s, uint32_t commands,
                       char out[PERMIT_TEXT_CAP])
{
    struct text t = {.out = out};

    put_types(&t, s->types);
    put_ranges(&t, "ca", s->ca, s->ca_count);
    put_ranges(&t, "ioa", s->ioa, s->ioa_count);
    if (commands > 0)
        put(&t, " commands %u", commands);
    return !t.bad;
}
