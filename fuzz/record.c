/* A log record from a process that may lie: taken exactly if it is one, walked without a
 * field missed, and written again it is the same octets.
 *
 * Target functions: record_check record_next record_begin record_u64 record_text
 *   record_octets record_end event_info record_tag_info
 * Options: -max_len=4092
 *
 * Input: the payload of a RECORD message. */
#include "fuzz/lib/fuzz.h"

#include "proxy/record.h"

#include <string.h>

#define HEAD 11u /* event, sync, ticket */

/* ---- an opinion of its own on the form ---- */

/* Octets of the field at p, 0 if there is none. */
static size_t field_size(const uint8_t *p, size_t left)
{
    const struct record_tag_info *tag = left > 0 ? record_tag_info(p[0]) : NULL;

    if (tag == NULL)
        return 0;
    if (tag->kind == RECORD_KIND_U64)
        return left >= 9 ? 9 : 0;
    if (left < 3)
        return 0;
    const size_t size = fuzz_get16(p + 1);
    return size <= tag->max && size <= left - 3 ? 3 + size : 0;
}

static bool is_record(const uint8_t *p, size_t n)
{
    bool seen[256] = {false};

    if (n < HEAD || event_info(fuzz_get16(p)) == NULL || p[2] > 1)
        return false;
    for (size_t at = HEAD; at < n;) { /* a field takes at least three octets */
        const size_t size = field_size(p + at, n - at);
        if (size == 0 || seen[p[at]])
            return false;
        seen[p[at]] = true;
        at += size;
    }
    return true;
}

/* ---- writing it again ---- */

/* A text with a NUL in it is legal on the way, but nobody here writes one. */
static bool put_field(struct record *r, const struct record_field *f)
{
    char text[256];

    if (f->tag->kind == RECORD_KIND_U64) {
        record_u64(r, f->tag->tag, f->u64);
    } else if (f->tag->kind == RECORD_KIND_OCTETS) {
        record_octets(r, f->tag->tag, f->octets, f->size);
    } else {
        FUZZ_CHECK(f->size < sizeof text);
        if (f->size > 0 && memchr(f->octets, '\0', f->size) != NULL)
            return false;
        if (f->size > 0)
            memcpy(text, f->octets, f->size);
        text[f->size] = '\0';
        record_text(r, f->tag->tag, text);
    }
    return true;
}

static void check_walk(const uint8_t *p, size_t n, const struct record_head *head)
{
    static struct record again;
    const uint8_t *payload;
    struct record_field f;
    size_t pos = 0, at = HEAD;
    bool same = true;

    record_begin(&again, head->event->event, head->ticket, head->sync);
    while (record_next(p, n, &pos, &f)) { /* moves on by a field each time */
        FUZZ_CHECK((unsigned int)f.tag->tag == p[at] &&
                   pos == at + field_size(p + at, n - at));
        FUZZ_CHECK(f.tag->kind == RECORD_KIND_U64 ||
                   (f.octets == p + at + 3 && f.size == pos - at - 3));
        at = pos;
        same = same && put_field(&again, &f);
    }
    FUZZ_CHECK(at == n);
    const size_t size = record_end(&again, &payload);
    if (same)
        FUZZ_CHECK(size == n && memcmp(payload, p, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record_head head;
    const bool good = record_check(data, size, &head);

    FUZZ_CHECK(good == is_record(data, size));
    if (!good)
        return 0;
    FUZZ_CHECK((unsigned int)head.event->event == fuzz_get16(data));
    FUZZ_CHECK(head.sync == (data[2] == 1));
    FUZZ_CHECK((uint32_t)head.ticket == fuzz_get32(data + 3));
    FUZZ_CHECK((uint32_t)(head.ticket >> 32) == fuzz_get32(data + 7));
    check_walk(data, size, &head);
    return 0;
}
