/* APDUs of a session log: each record that has one. */
#include "proxy/cli/log.h"
#include "proxy/cli/log_files.h"
#include "proxy/cli/log_filter.h"
#include "proxy/cli/traffic.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct session {
    bool used;
    long long id;
    uint64_t number, heard; /* heard: record in which it was heard of last */
    char source[64];        /* without its port */
    struct traffic_peer peer;
    /* A frame may have several records (what a quirk let through, what came of a command
     * that waited); they follow each other. */
    size_t last_n[DIRECTIONS];
    uint8_t last[DIRECTIONS][APDU_SIZE_MAX];
};

struct reader {
    struct traffic *t;
    const char *path;
    struct log_files files;
    struct log_sessions people;
    struct session session[TRAFFIC_SESSIONS];
    uint64_t records;
    bool stop;
};

/* ---- fields ------------------------------------------------------------------------ */

/* False: not the hex of 1 to `room` octets. */
static bool read_hex(const char *text, uint8_t *out, size_t room, size_t *n)
{
    static const char digits[] = "0123456789abcdef";
    const size_t length = strlen(text);

    if (length == 0 || length % 2 != 0 || length / 2 > room)
        return false;
    for (size_t i = 0; i < length; i += 2) {
        const char *high = strchr(digits, text[i]), *low = strchr(digits, text[i + 1]);

        if (!high || !low)
            return false;
        out[i / 2] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    *n = length / 2;
    return true;
}

static bool read_direction(const json_t *record, enum direction *out)
{
    const char *text = log_text(record, "direction");

    for (int d = 0; text && d < DIRECTIONS; d++) {
        if (strcmp(text, direction_name((enum direction)d)) == 0) {
            *out = (enum direction)d;
            return true;
        }
    }
    return false;
}

/* ---- sessions ---------------------------------------------------------------------- */

static struct session *session_of(struct reader *r, long long id)
{
    struct session *oldest = &r->session[0];

    for (size_t i = 0; i < TRAFFIC_SESSIONS; i++) {
        if (r->session[i].used && r->session[i].id == id)
            return &r->session[i];
        if (r->session[i].heard < oldest->heard)
            oldest = &r->session[i];
    }
    memset(oldest, 0, sizeof *oldest);
    oldest->used = true;
    oldest->id = id;
    oldest->number = ++r->t->counts.sessions;
    return oldest;
}

/* "10.0.0.1:2404", "[fe80::1]:2404" */
static void learn_source(struct session *s, const char *source)
{
    struct traffic_peer *p = &s->peer;
    struct in6_addr six;
    struct in_addr four;
    char *port;

    (void)snprintf(s->source, sizeof s->source, "%s", source);
    port = strrchr(s->source, ':');
    if (port)
        *port = '\0';
    memset(p->address, 0, sizeof p->address);
    if (inet_pton(AF_INET, s->source, &four) == 1) {
        p->address[10] = p->address[11] = 0xFF;
        memcpy(p->address + 12, &four, sizeof four);
        p->has_address = true;
    } else if (s->source[0] == '[' && s->source[strlen(s->source) - 1] == ']') {
        char bare[64];

        (void)snprintf(bare, sizeof bare, "%.*s", (int)strlen(s->source) - 2,
                       s->source + 1);
        p->has_address = inet_pton(AF_INET6, bare, &six) == 1;
        if (p->has_address)
            memcpy(p->address, &six, sizeof six);
    }
}

/* The session's begin tells the certificate. */
static void learn_peer(struct session *s, const json_t *record)
{
    const char *source = log_text(record, "source");
    const char *print = log_text(record, "fingerprint_sha256");
    const char *subject = log_text(record, "subject"),
               *issuer = log_text(record, "issuer");
    const char *san = log_text(record, "san");
    struct traffic_peer *p = &s->peer;
    size_t n;

    if (source)
        learn_source(s, source);
    if (!print || !read_hex(print, p->fingerprint, sizeof p->fingerprint, &n) ||
        n != sizeof p->fingerprint)
        return;
    p->has_certificate = true;
    (void)snprintf(p->subject, sizeof p->subject, "%s", subject ? subject : "");
    (void)snprintf(p->issuer, sizeof p->issuer, "%s", issuer ? issuer : "");
    (void)snprintf(p->san, sizeof p->san, "%s", san ? san : "");
}

static bool is_repeated(struct session *s, enum direction dir, const uint8_t *octets,
                        size_t n)
{
    if (s->last_n[dir] == n && memcmp(s->last[dir], octets, n) == 0)
        return true;
    s->last_n[dir] = n;
    memcpy(s->last[dir], octets, n);
    return false;
}

/* ---- records ----------------------------------------------------------------------- */

/* False: the record is of another route. */
static bool is_wanted(struct reader *r, const json_t *record)
{
    struct traffic *t = r->t;
    const char *route = log_text(record, "route");
    char what[2 * TRAFFIC_WHO_MAX + 96];

    if (!route)
        return false;
    if (t->route)
        return strcmp(t->route, route) == 0;
    if (t->only[0] == '\0')
        (void)snprintf(t->only, sizeof t->only, "%s", route);
    if (strncmp(t->only, route, sizeof t->only - 1) == 0)
        return true;
    (void)snprintf(
        what, sizeof what,
        "has records of the routes %.64s and %.64s: name one with --route NAME", t->only,
        route);
    r->stop = true;
    return traffic_complain(t, r->path, what);
}

static void who_text(const struct reader *r, const struct session *s,
                     const json_t *record, char out[TRAFFIC_WHO_MAX])
{
    const char *who = log_sessions_who(&r->people, record);
    const size_t n = strlen(s->source);

    /* Who has no certificate goes by address and port. */
    if (n > 0 && strncmp(who, s->source, n) == 0 && (who[n] == ':' || who[n] == '\0'))
        (void)snprintf(out, TRAFFIC_WHO_MAX, "%s", s->source);
    else if (n > 0)
        (void)snprintf(out, TRAFFIC_WHO_MAX, "%.*s (%.48s)", (int)LOG_WHO_MAX, who,
                       s->source);
    else
        (void)snprintf(out, TRAFFIC_WHO_MAX, "%s", who);
}

static void tell(struct reader *r, struct session *s, const json_t *record,
                 struct traffic_apdu *a)
{
    const char *event = log_text(record, "event");
    const char *time = log_text(record, "time");
    const long long ms = time ? log_time_ms(time) : -1;
    char who[TRAFFIC_WHO_MAX];
    long long seq = 0, permit = 0;
    size_t size;

    who_text(r, s, record, who);
    (void)log_number(record, "seq", &seq);
    a->number = (uint64_t)seq;
    a->permitted = log_number(record, "permit", &permit) && permit > 0;
    a->time_ms = ms > 0 ? (uint64_t)ms : 0;
    a->slot = (uint32_t)(s - r->session);
    a->session = s->number;
    a->framing = apci_scan(a->octets, a->n, &size);
    if (a->framing.reason == REASON_OK && size != a->n)
        a->framing = (struct verdict){.reason = REASON_BAD_LENGTH, .offset = 1};
    a->who = who;
    a->peer = &s->peer;
    a->event = event ? event : "";
    if (!traffic_tell(r->t, a))
        r->stop = true;
}

/* Of the link a log tells when transfer began and ended. */
static bool read_link(const char *event, struct traffic_apdu *a, uint8_t *octets)
{
    const bool start = strcmp(event, "session.startdt") == 0;

    if (!start && strcmp(event, "session.stopdt") != 0)
        return false;
    apci_put_u(octets, start ? APCI_STARTDT_ACT : APCI_STOPDT_ACT);
    a->n = APDU_SIZE_MIN;
    a->dir = DIR_CONTROL;
    return true;
}

/* What a guard or a quirk had to say of a command stands before the record that says what
 * became of it, and by which permit; only with "close" there is no such record. */
static bool is_foreword(const json_t *record, const char *event, enum direction dir)
{
    const char *verdict = log_text(record, "verdict");
    const bool told =
        log_text(record, "guard") || (event && strcmp(event, "asdu.tolerated") == 0);

    return told && dir == DIR_CONTROL && !(verdict && strcmp(verdict, "close") == 0);
}

/* False: no APDU, or one that was told. */
static bool read_apdu(const json_t *record, const char *hex, struct session *s,
                      struct traffic_apdu *a, uint8_t octets[APDU_SIZE_MAX])
{
    return read_direction(record, &a->dir) &&
           !is_foreword(record, log_text(record, "event"), a->dir) &&
           read_hex(hex, octets, APDU_SIZE_MAX, &a->n) &&
           !is_repeated(s, a->dir, octets, a->n);
}

static void take_record(struct reader *r, const json_t *record)
{
    const char *event = log_text(record, "event");
    const char *hex = log_text(record, "apdu");
    uint8_t octets[APDU_SIZE_MAX];
    struct traffic_apdu a = {.octets = octets};
    struct session *s;
    long long id, count;

    log_sessions_learn(&r->people, record);
    if (!log_number(record, "session", &id) || !is_wanted(r, record))
        return;
    r->records++;
    s = session_of(r, id);
    s->heard = r->t->counts.records;
    learn_peer(s, record);
    if (event && strcmp(event, "log.thinned") == 0 &&
        log_number(record, "count", &count) && count > 0)
        r->t->counts.thinned += (uint64_t)count;
    if (event && strcmp(event, "session.close") == 0)
        traffic_end(r->t, (uint32_t)(s - r->session), s->number);
    else if ((event && read_link(event, &a, octets)) ||
             (hex && read_apdu(record, hex, s, &a, octets)))
        tell(r, s, record, &a);
}

static void take_line(struct reader *r, const char *line, size_t n)
{
    json_t *record = log_record_parse(line, n);

    r->t->counts.records++;
    if (record)
        take_record(r, record);
    else
        r->t->counts.bad_lines++;
    json_decref(record);
}

static bool read_all(struct reader *r)
{
    while (!r->stop) { /* ends with the files */
        const char *line;
        size_t n;

        switch (log_files_next(&r->files, &line, &n)) {
        case AUDIT_READ_LINE: take_line(r, line, n); break;
        case AUDIT_READ_LONG: r->t->counts.bad_lines++; break;
        case AUDIT_READ_TORN:
        case AUDIT_READ_END: return true;
        case AUDIT_READ_ERROR: return traffic_complain(r->t, r->path, "cannot be read");
        }
    }
    return false;
}

bool traffic_log(struct traffic *t, const char *path)
{
    static struct reader r;
    char *paths[] = {(char *)(uintptr_t)path};
    const uint64_t bad = t->counts.bad_lines, records = t->counts.records;
    bool good;

    memset(&r, 0, sizeof r);
    r.t = t;
    r.path = path;
    if (!log_files_open(&r.files, paths, 1))
        return false;
    t->counts.logs++;
    good = read_all(&r);
    t->counts.missing = t->counts.missing || r.files.missing;
    log_files_close(&r.files);
    if (!good)
        return false;
    if (t->counts.records - records == t->counts.bad_lines - bad)
        return traffic_complain(t, path, "has no record of a session log");
    if (r.records == 0)
        return traffic_complain(t, path,
                                t->route ? "has no session of the route"
                                         : "has no session of any route");
    return true;
}
