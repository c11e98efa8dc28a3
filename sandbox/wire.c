#include "sandbox/wire.h"

#include <string.h>

void wire_writer_init(struct wire_writer *w, void *buf, size_t cap)
{
    w->buf = buf;
    w->cap = cap;
    w->len = 0;
    w->bad = false;
}

void wire_put_bytes(struct wire_writer *w, const void *p, size_t n)
{
    if (w->bad || n > w->cap - w->len) {
        w->bad = true;
        return;
    }
    if (n > 0)
        memcpy(w->buf + w->len, p, n);
    w->len += n;
}

static void put_le(struct wire_writer *w, uint64_t v, size_t octets)
{
    uint8_t tmp[8];

    for (size_t i = 0; i < octets; i++)
        tmp[i] = (uint8_t)(v >> (8 * i));
    wire_put_bytes(w, tmp, octets);
}

void wire_put_u8(struct wire_writer *w, uint8_t v)
{
    put_le(w, v, 1);
}

void wire_put_u16(struct wire_writer *w, uint16_t v)
{
    put_le(w, v, 2);
}

void wire_put_u32(struct wire_writer *w, uint32_t v)
{
    put_le(w, v, 4);
}

void wire_put_u64(struct wire_writer *w, uint64_t v)
{
    put_le(w, v, 8);
}

void wire_put_blob(struct wire_writer *w, const void *p, size_t n)
{
    if (n > UINT16_MAX) {
        w->bad = true;
        return;
    }
    wire_put_u16(w, (uint16_t)n);
    wire_put_bytes(w, p, n);
}

void wire_put_str(struct wire_writer *w, const char *s)
{
    wire_put_blob(w, s, strlen(s));
}

void wire_reader_init(struct wire_reader *r, const void *buf, size_t len)
{
    r->buf = buf;
    r->len = len;
    r->pos = 0;
    r->bad = false;
}

/* The next n octets, or NULL when they are not there. */
static const uint8_t *take(struct wire_reader *r, size_t n)
{
    const uint8_t *p;

    if (r->bad || n > r->len - r->pos) {
        r->bad = true;
        return NULL;
    }
    p = r->buf + r->pos;
    r->pos += n;
    return p;
}

void wire_get_bytes(struct wire_reader *r, void *p, size_t n)
{
    const uint8_t *src = take(r, n);

    if (n == 0)
        return;
    if (src)
        memcpy(p, src, n);
    else
        memset(p, 0, n);
}

static uint64_t get_le(struct wire_reader *r, size_t octets)
{
    const uint8_t *p = take(r, octets);
    uint64_t v = 0;

    if (!p)
        return 0;
    for (size_t i = 0; i < octets; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t wire_get_u8(struct wire_reader *r)
{
    return (uint8_t)get_le(r, 1);
}

uint16_t wire_get_u16(struct wire_reader *r)
{
    return (uint16_t)get_le(r, 2);
}

uint32_t wire_get_u32(struct wire_reader *r)
{
    return (uint32_t)get_le(r, 4);
}

uint64_t wire_get_u64(struct wire_reader *r)
{
    return get_le(r, 8);
}

const uint8_t *wire_get_blob(struct wire_reader *r, size_t *n)
{
    size_t len = wire_get_u16(r);
    const uint8_t *p = take(r, len);

    *n = p ? len : 0;
    return p;
}

void wire_get_str(struct wire_reader *r, char *s, size_t cap)
{
    size_t n;
    const uint8_t *p = wire_get_blob(r, &n);

    s[0] = '\0';
    if (!p)
        return;
    if (n >= cap || memchr(p, '\0', n)) {
        r->bad = true;
        return;
    }
    memcpy(s, p, n);
    s[n] = '\0';
}

size_t wire_left(const struct wire_reader *r)
{
    return r->len - r->pos;
}

bool wire_end(const struct wire_reader *r)
{
    return !r->bad && r->pos == r->len;
}
