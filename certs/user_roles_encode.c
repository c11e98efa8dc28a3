#include "certs/user_roles_encode.h"

#include <string.h>

#define TAG_INTEGER    0x02u
#define TAG_ENUMERATED 0x0Au
#define TAG_UTF8       0x0Cu
#define TAG_SEQUENCE   0x30u

/* DER is written from its end to its start: a length is then known when it is needed. */
struct der {
    uint8_t *start;
    uint8_t *at;
    bool full;
};

static void put(struct der *d, const void *octets, size_t n)
{
    if (d->full || (size_t)(d->at - d->start) < n) {
        d->full = true;
        return;
    }
    d->at -= n;
    memcpy(d->at, octets, n);
}

static void put_octet(struct der *d, unsigned int octet)
{
    uint8_t o = (uint8_t)octet;

    put(d, &o, 1);
}

/* X.690 clauses 8.1.3 and 10.1; nothing here is longer than 65535. */
static void put_header(struct der *d, unsigned int tag, size_t n)
{
    put_octet(d, (unsigned int)(n & 0xFF));
    if (n > 0xFF)
        put_octet(d, (unsigned int)(n >> 8));
    if (n > 0x7F)
        put_octet(d, n > 0xFF ? 0x82 : 0x81);
    put_octet(d, tag);
}

/* The content between `end` and here. */
static void close_header(struct der *d, unsigned int tag, const uint8_t *end)
{
    put_header(d, tag, (size_t)(end - d->at));
}

static void put_text(struct der *d, const char *text)
{
    put(d, text, strlen(text));
    put_header(d, TAG_UTF8, strlen(text));
}

/* The fewest octets that keep the sign (X.690 clause 8.3.2). */
static void put_number(struct der *d, unsigned int tag, int64_t number)
{
    const uint8_t *end = d->at;

    for (size_t i = 0; i < sizeof number; i++) {
        const int64_t rest = number >> 8;
        const bool negative = (number & 0x80) != 0;

        put_octet(d, (unsigned int)(number & 0xFF));
        if (rest == (negative ? -1 : 0))
            break;
        number = rest;
    }
    close_header(d, tag, end);
}

static void put_entry(struct der *d, const struct user_role_info *e)
{
    const uint8_t *end = d->at;
    const uint8_t *roles_end;

    if (e->has_sequence)
        put_number(d, TAG_INTEGER, e->sequence);
    if (e->operation != USER_ROLE_NO_OPERATION)
        put_number(d, TAG_ENUMERATED, e->operation);
    if (e->has_definition)
        put_text(d, e->definition);
    put_number(d, TAG_INTEGER, e->revision);
    put_text(d, e->area);
    roles_end = d->at;
    for (size_t i = e->role_count; i > 0; i--)
        put_number(d, TAG_INTEGER, e->role[i - 1]);
    close_header(d, TAG_SEQUENCE, roles_end);
    close_header(d, TAG_SEQUENCE, end);
}

static bool text_good(const char *text, size_t least, size_t cap)
{
    const size_t n = strnlen(text, cap);

    return n >= least && n < cap && user_roles_text_good((const uint8_t *)text, n);
}

static bool entry_good(const struct user_role_info *e)
{
    return e->role_count >= 1 && e->role_count <= USER_ROLES_PER_ENTRY &&
           text_good(e->area, 1, sizeof e->area) && e->operation <= USER_ROLE_CHANGE &&
           (!e->has_definition || text_good(e->definition, 0, sizeof e->definition));
}

size_t user_roles_encode(const struct user_roles *roles, uint8_t *out, size_t cap)
{
    uint8_t buf[USER_ROLES_DER_MAX];
    struct der d = {buf, buf + sizeof buf, false};
    size_t n;

    if (roles->count == 0 || roles->count > USER_ROLES_ENTRIES_MAX)
        return 0;
    for (size_t i = roles->count; i > 0; i--) {
        if (!entry_good(&roles->entry[i - 1]))
            return 0;
        put_entry(&d, &roles->entry[i - 1]);
    }
    close_header(&d, TAG_SEQUENCE, buf + sizeof buf);
    n = (size_t)(buf + sizeof buf - d.at);
    if (d.full || n > cap)
        return 0;
    memcpy(out, d.at, n);
    return n;
}
