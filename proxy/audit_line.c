#include "proxy/audit_line.h"

#include "policy/quirk.h"
#include "policy/reason.h"
#include "proxy/audit_apdu.h"
#include "proxy/audit_operation.h"
#include "proxy/audit_security.h"
#include "proxy/audit_text.h"
#include "proxy/record.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A place for each tag, to count them. */
enum {
#define X(symbol, id, key, kind, max) PLACE_##symbol,
#include "proxy/record_tag.def"
#undef X
    TAG_COUNT
};

/* A text may take this much more room in the line than in the record. */
#define TEXT_GROWTH   2u
#define TEXT_SIZE_MAX (255u * TEXT_GROWTH)

struct draft {
    const struct audit_place *place;
    const struct audit_sender *sender;
    const struct audit_stamp *stamp;
    uint64_t ticket;                   /* of this record */
    struct audit_apdu_context apdu;    /* its direction, and what its route speaks */
    const struct audit_points *points; /* of its route */
    json_t *line;
    enum event event;
    bool security_told; /* by the sender */
    bool cut;
    bool bad; /* out of memory */
};

static void put(struct draft *d, const char *key, json_t *value)
{
    if (json_object_set_new_nocheck(d->line, key, value) != 0)
        d->bad = true;
}

static void put_text(struct draft *d, const char *key, const char *text)
{
    put(d, key, json_string_nocheck(text));
}

/* A number that every JSON reader keeps exactly, or its digits. */
static void put_u64(struct draft *d, const char *key, uint64_t v)
{
    char digits[24];

    if (v < UINT64_C(1) << 53) {
        put(d, key, json_integer((json_int_t)v));
        return;
    }
    (void)snprintf(digits, sizeof digits, "%" PRIu64, v);
    put_text(d, key, digits);
}

/* ---- fields that are written in words ---- */

static void put_route(struct draft *d, const struct record_field *f)
{
    char name[ROUTE_NAME_MAX * TEXT_GROWTH + 1];

    if (f->u64 >= d->place->route_count) {
        (void)snprintf(name, sizeof name, "#%" PRIu64, f->u64);
    } else {
        const struct audit_route *route = &d->place->route[f->u64];
        (void)audit_text_escape((const uint8_t *)route->name, strlen(route->name), name,
                                sizeof name - 1);
        d->apdu.profile = &route->profile;
        d->points = route->points;
        d->apdu.names = route->points ? &route->points->names : NULL;
    }
    put_text(d, f->tag->key, name);
}

static void put_direction(struct draft *d, const struct record_field *f)
{
    const bool known = f->u64 < DIRECTIONS;

    if (known)
        d->apdu.dir = (enum direction)f->u64;
    put_text(d, f->tag->key, known ? direction_name(d->apdu.dir) : "unknown");
}

static void put_reason(struct draft *d, const struct record_field *f)
{
    unsigned int id = f->u64 <= UINT16_MAX ? (unsigned int)f->u64 : UINT16_MAX;
    const struct reason_info *info = reason_info(id);

    put_text(d, "reason", info ? info->name : "unknown");
    put_text(d, "reason_class", info ? reason_class_name(info->class) : "none");
    put_text(d, "reason_text", info ? info->text : "");
}

static void put_quirk(struct draft *d, const struct record_field *f)
{
    put_text(d, f->tag->key, quirk_name(f->u64 <= QUIRK_MAX ? (unsigned int)f->u64 : 0));
}

static void put_octets(struct draft *d, const struct record_field *f)
{
    char hex[2 * 255 + 1];

    assert(f->size <= 255);
    audit_hex(f->octets, f->size, hex);
    put_text(d, f->tag->key, hex);
}

static void put_apdu(struct draft *d, const struct record_field *f)
{
    put_octets(d, f);
    if (!audit_apdu_describe(d->line, f->octets, f->size, &d->apdu))
        d->bad = true;
}

static void put_seq_of(struct draft *d, const struct record_field *f, const char *instead)
{
    const struct audit_tickets *t = &d->sender->tickets;

    if (f->u64 == d->ticket) {
        put_u64(d, f->tag->key, d->stamp->seq);
        return;
    }
    for (unsigned int i = 0; i < AUDIT_TICKETS; i++) {
        if (t->ticket[i] == f->u64 && t->seq[i] != 0) {
            put_u64(d, f->tag->key, t->seq[i]);
            return;
        }
    }
    put_u64(d, instead, f->u64);
}

static void put_command_seq(struct draft *d, const struct record_field *f)
{
    put_seq_of(d, f, "command_ticket");
}

static void put_select_seq(struct draft *d, const struct record_field *f)
{
    put_seq_of(d, f, "select_ticket");
}

static void put_operation(struct draft *d, const struct record_field *f)
{
    if (!audit_operation_put(d->line, d->apdu.names, f->octets, f->size))
        d->bad = true;
}

/* The names of the record's points are of a file, too. */
static void put_policy_hash(struct draft *d, const struct record_field *f)
{
    char hex[2 * sizeof d->points->hash + 1];

    put_octets(d, f);
    if (!d->points)
        return;
    audit_hex(d->points->hash, sizeof d->points->hash, hex);
    put_text(d, "points_sha256", hex);
}

/* Says itself, once, with what the line cut. */
static void put_cut(struct draft *d, const struct record_field *f)
{
    d->cut = d->cut || f->u64 != 0;
}

static void put_plain_text(struct draft *d, const struct record_field *f)
{
    char text[TEXT_SIZE_MAX + 1];
    size_t limit = f->tag->max * TEXT_GROWTH;

    assert(limit <= TEXT_SIZE_MAX);
    if (!audit_text_escape(f->octets, f->size, text, limit))
        d->cut = true;
    put_text(d, f->tag->key, text);
}

static void put_event_words(struct draft *d, const char *key,
                            const struct security_event_info *info)
{
    if (info && !audit_security_put(d->line, key, info))
        d->bad = true;
}

/* An id that is in no table is told as it is, without words. */
static void put_security(struct draft *d, const struct record_field *f)
{
    d->security_told = d->security_told || f->tag->tag == RECORD_EVENT_ID;
    put_plain_text(d, f);
    put_event_words(d, f->tag->key, security_event_of_id(f->octets, f->size));
}

/* What this kind of record is when its sender names no event. */
static void put_security_of(struct draft *d, enum event event)
{
    const struct security_event_info *info =
        security_event_info(audit_security_of(event));

    if (d->security_told || !info)
        return;
    put_text(d, "iec62351", info->id);
    put_event_words(d, "iec62351", info);
}

static void put_field(struct draft *d, const struct record_field *f)
{
    static const struct {
        enum record_tag tag;
        void (*put)(struct draft *d, const struct record_field *f);
    } special[] = {
        {RECORD_ROUTE, put_route},
        {RECORD_DIRECTION, put_direction},
        {RECORD_REASON, put_reason},
        {RECORD_APDU, put_apdu},
        {RECORD_POLICY_HASH, put_policy_hash},
        {RECORD_QUIRK, put_quirk},
        {RECORD_COMMAND_SEQ, put_command_seq},
        {RECORD_SELECT_SEQ, put_select_seq},
        {RECORD_OPERATION, put_operation},
        {RECORD_CUT, put_cut},
        {RECORD_EVENT_ID, put_security},
        {RECORD_EVENT_WARNING, put_security},
    };

    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (special[i].tag == f->tag->tag) {
            special[i].put(d, f);
            return;
        }
    }
    switch (f->tag->kind) {
    case RECORD_KIND_U64: put_u64(d, f->tag->key, f->u64); return;
    case RECORD_KIND_TEXT: put_plain_text(d, f); return;
    case RECORD_KIND_OCTETS: put_octets(d, f); return;
    }
}

/* ---- the line ---- */

static void put_fields(struct draft *d, const uint8_t *payload, size_t n)
{
    struct record_field field[TAG_COUNT];
    struct record_field f;
    size_t count = 0;
    size_t pos = 0;

    /* Sorted by tag, so that a line looks the same whoever sends it, and route and
     * direction are known when the APDU comes. */
    while (count < TAG_COUNT && record_next(payload, n, &pos, &f)) {
        size_t i = count++;

        for (; i > 0 && field[i - 1].tag->tag > f.tag->tag; i--)
            field[i] = field[i - 1];
        field[i] = f;
    }
    for (size_t i = 0; i < count; i++)
        put_field(d, &field[i]);
    put_security_of(d, d->event);
    if (d->cut)
        put_u64(d, "cut", 1);
}

void audit_line_time(const struct timespec *utc, char out[AUDIT_LINE_TIME_SIZE])
{
    struct tm tm;
    size_t n;

    memset(&tm, 0, sizeof tm);
    (void)gmtime_r(&utc->tv_sec, &tm);
    n = strftime(out, AUDIT_LINE_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, AUDIT_LINE_TIME_SIZE - n, ".%03ldZ", utc->tv_nsec / 1000000);
}

static void put_time(struct draft *d, const struct timespec *utc)
{
    char text[AUDIT_LINE_TIME_SIZE];

    audit_line_time(utc, text);
    put_text(d, "time", text);
}

static void put_envelope(struct draft *d, const struct event_info *event)
{
    static const char *const severities[] = {
        [SEVERITY_NOTICE] = "notice",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_ERROR] = "error",
        [SEVERITY_ALARM] = "alarm",
    };
    char name[48];

    (void)snprintf(name, sizeof name, "%s.%s", event->group, event->name);
    put_u64(d, "v", AUDIT_FORMAT_VERSION);
    put_u64(d, "seq", d->stamp->seq);
    put_time(d, &d->stamp->utc);
    put_u64(d, "mono_ms", d->stamp->mono_ms);
    put_text(d, "boot", d->place->boot);
    put_text(d, "from", d->sender->name);
    put_text(d, "event", name);
    put_text(d, "severity", severities[event->severity]);
}

static size_t dump(const json_t *line, char out[AUDIT_LINE_MAX])
{
    static const size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9);
    size_t n = json_dumpb(line, out, AUDIT_LINE_MAX - 1, flags);

    /* The growth of texts is bounded and so is the number of fields. */
    assert(n < AUDIT_LINE_MAX);
    if (n == 0 || n >= AUDIT_LINE_MAX)
        return 0;
    out[n] = '\n';
    return n + 1;
}

static void remember(struct audit_tickets *t, uint64_t ticket, uint64_t seq)
{
    t->ticket[t->next] = ticket;
    t->seq[t->next] = seq;
    t->next = (t->next + 1) % AUDIT_TICKETS;
}

size_t audit_line_build(const struct audit_place *place, const struct audit_stamp *stamp,
                        struct audit_sender *sender, const uint8_t *payload, size_t n,
                        char out[AUDIT_LINE_MAX])
{
    struct draft d = {
        .place = place,
        .sender = sender,
        .stamp = stamp,
        .apdu = {.profile = &PROFILE_104},
    };
    char prev[AUDIT_HASH_HEX_SIZE + 1];
    struct record_head head;
    size_t size;

    if (!record_check(payload, n, &head))
        return 0;
    d.ticket = head.ticket;
    d.event = head.event->event;
    d.line = json_object();
    if (!d.line)
        return 0;
    put_envelope(&d, head.event);
    if (head.ticket != 0)
        put_u64(&d, "ticket", head.ticket);
    put_fields(&d, payload, n);
    audit_hex(stamp->prev, sizeof stamp->prev, prev);
    put_text(&d, "prev", prev);
    size = d.bad ? 0 : dump(d.line, out);
    json_decref(d.line);
    if (size > 0 && head.ticket != 0)
        remember(&sender->tickets, head.ticket, stamp->seq);
    return size;
}
