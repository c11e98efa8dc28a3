#include "proxy/record.h"

#include <assert.h>
#include <string.h>

/* On the way: u16 event, u8 sync (0 or 1), u64 ticket; then per field u8 tag and, by its
 * kind, u64 or a blob (u16 length and octets). */
#define HEAD_SIZE 11u
/* Tags are below this; u8 on the way. */
#define RECORD_TAG_LIMIT 128

static const struct event_info events[] = {
#define X(symbol, id, group, name, severity) {symbol, group, name, SEVERITY_##severity},
#include "proxy/event.def"
#undef X
};

static const struct record_tag_info tags[] = {
#define X(symbol, id, key, kind, max) {symbol, key, RECORD_KIND_##kind, max},
#include "proxy/record_tag.def"
#undef X
};

#define X(symbol, id, group, name, severity)                                             \
    static_assert((id) > 0 && (id) <= UINT16_MAX, #symbol " fits its place on the way");
#include "proxy/event.def"
#undef X
#define X(symbol, id, key, kind, max)                                                    \
    static_assert((id) > 0 && (id) < RECORD_TAG_LIMIT, #symbol " fits its place");
#include "proxy/record_tag.def"
#undef X

const struct event_info *event_info(unsigned int id)
{
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if ((unsigned int)events[i].event == id)
            return &events[i];
    }
    return NULL;
}

const struct record_tag_info *record_tag_info(unsigned int id)
{
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if ((unsigned int)tags[i].tag == id)
            return &tags[i];
    }
    return NULL;
}

/* ---- writing ---- */

static bool has_tag(const struct record *r, enum record_tag tag)
{
    struct record_field f;
    size_t pos = 0;

    while (record_next(r->buf, r->w.len, &pos, &f)) {
        if (f.tag->tag == tag)
            return true;
    }
    return false;
}

static const struct record_tag_info *begin_field(struct record *r, enum record_tag tag)
{
    const struct record_tag_info *info = record_tag_info(tag);

    assert(info && !has_tag(r, tag));
    wire_put_u8(&r->w, (uint8_t)tag);
    return info;
}

void record_begin(struct record *r, enum event event, uint64_t ticket, bool sync)
{
    assert(event_info(event));
    wire_writer_init(&r->w, r->buf, sizeof r->buf);
    wire_put_u16(&r->w, (uint16_t)event);
    wire_put_u8(&r->w, sync ? 1 : 0);
    wire_put_u64(&r->w, ticket);
}

void record_u64(struct record *r, enum record_tag tag, uint64_t v)
{
    const struct record_tag_info *info = begin_field(r, tag);

    assert(info->kind == RECORD_KIND_U64);
    (void)info;
    wire_put_u64(&r->w, v);
}

static void put_octets(struct record *r, enum record_tag tag, enum record_kind kind,
                       const void *p, size_t n)
{
    const struct record_tag_info *info = begin_field(r, tag);
    bool cut = n > info->max;

    assert(info->kind == kind);
    (void)kind;
    wire_put_blob(&r->w, p, cut ? info->max : n);
    if (cut && !has_tag(r, RECORD_CUT))
        record_u64(r, RECORD_CUT, 1);
}

void record_text(struct record *r, enum record_tag tag, const char *s)
{
    put_octets(r, tag, RECORD_KIND_TEXT, s, strlen(s));
}

void record_octets(struct record *r, enum record_tag tag, const void *p, size_t n)
{
    put_octets(r, tag, RECORD_KIND_OCTETS, p, n);
}

size_t record_end(struct record *r, const uint8_t **payload)
{
    *payload = r->buf;
    return r->w.bad ? 0 : r->w.len;
}

/* ---- reading ---- */

/* The next field, or false at the end and when the octets make no field; then r->bad says
 * which. */
static bool read_field(struct wire_reader *r, struct record_field *f)
{
    unsigned int id;

    if (r->bad || wire_left(r) == 0)
        return false;
    id = wire_get_u8(r);
    f->tag = record_tag_info(id);
    f->u64 = 0;
    f->octets = NULL;
    f->size = 0;
    if (!f->tag) {
        r->bad = true;
        return false;
    }
    if (f->tag->kind == RECORD_KIND_U64)
        f->u64 = wire_get_u64(r);
    else
        f->octets = wire_get_blob(r, &f->size);
    if (f->size > f->tag->max)
        r->bad = true;
    return !r->bad;
}

bool record_check(const uint8_t *payload, size_t n, struct record_head *head)
{
    bool seen[RECORD_TAG_LIMIT] = {false};
    struct record_field f;
    struct wire_reader r;
    unsigned int sync;

    wire_reader_init(&r, payload, n);
    head->event = event_info(wire_get_u16(&r));
    sync = wire_get_u8(&r);
    head->sync = sync == 1;
    head->ticket = wire_get_u64(&r);
    if (r.bad || !head->event || sync > 1)
        return false;
    while (read_field(&r, &f)) {
        if (seen[f.tag->tag])
            return false;
        seen[f.tag->tag] = true;
    }
    return wire_end(&r);
}

bool record_next(const uint8_t *payload, size_t n, size_t *pos, struct record_field *f)
{
    struct wire_reader r;
    bool found;

    if (*pos < HEAD_SIZE)
        *pos = HEAD_SIZE;
    if (*pos >= n)
        return false;
    wire_reader_init(&r, payload, n);
    r.pos = *pos;
    found = read_field(&r, f);
    *pos = r.pos;
    return found;
}

bool record_ack_valid(const struct msg_record_ack *ack)
{
    static const uint8_t zero[sizeof ack->zero];

    return ack->ticket != 0 && ack->durable <= 1 &&
           memcmp(ack->zero, zero, sizeof zero) == 0;
}
