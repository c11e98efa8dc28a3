#include "proxy/role_config_wire.h"

#include "proxy/endpoint.h"

#include <stdlib.h>
#include <string.h>

uint8_t *role_config_begin(struct wire_writer *w, size_t size, enum role_config_kind kind)
{
    uint8_t *buf = size <= CFG_SIZE_MAX ? malloc(size) : NULL;

    wire_writer_init(w, buf, buf ? size : 0);
    wire_put_u8(w, (uint8_t)kind);
    return buf;
}

size_t role_config_finish(struct wire_writer *w, uint8_t **out)
{
    *out = NULL;
    if (w->bad) {
        free(w->buf);
        return 0;
    }
    *out = w->buf;
    return w->len;
}

void role_config_put_long(struct wire_writer *w, const void *p, size_t n)
{
    if (n > CFG_SIZE_MAX) {
        w->bad = true;
        return;
    }
    wire_put_u32(w, (uint32_t)n);
    wire_put_bytes(w, p, n);
}

void role_config_put_bool(struct wire_writer *w, bool v)
{
    wire_put_u8(w, v ? 1 : 0);
}

void role_config_put_endpoint(struct wire_writer *w, const struct msg_endpoint *e)
{
    if (!endpoint_valid(e) || e->port == 0) {
        w->bad = true;
        return;
    }
    wire_put_u8(w, e->family);
    wire_put_u16(w, e->port);
    wire_put_bytes(w, e->addr, sizeof e->addr);
}

void role_config_open(struct wire_reader *r, const uint8_t *p, size_t n,
                      enum role_config_kind kind)
{
    wire_reader_init(r, p, n);
    if (n > CFG_SIZE_MAX || wire_get_u8(r) != kind)
        r->bad = true;
}

uint32_t role_config_get_range(struct wire_reader *r, uint32_t min, uint32_t max)
{
    uint32_t v = wire_get_u32(r);

    if (v < min || v > max) {
        r->bad = true;
        return min;
    }
    return v;
}

bool role_config_get_bool(struct wire_reader *r)
{
    uint8_t v = wire_get_u8(r);

    if (v > 1)
        r->bad = true;
    return v == 1;
}

enum route_mode role_config_get_mode(struct wire_reader *r)
{
    uint8_t v = wire_get_u8(r);

    if (v != ROUTE_PROTECT_RTU && v != ROUTE_WRAP_MASTER)
        r->bad = true;
    return v == ROUTE_WRAP_MASTER ? ROUTE_WRAP_MASTER : ROUTE_PROTECT_RTU;
}

void role_config_get_name(struct wire_reader *r, char *out, size_t cap)
{
    wire_get_str(r, out, cap);
    if (out[0] == '\0')
        r->bad = true;
    for (size_t i = 0; i < cap && out[i] != '\0'; i++) {
        if (out[i] < 0x21 || out[i] > 0x7E)
            r->bad = true;
    }
}

void role_config_get_path(struct wire_reader *r, char *out, size_t cap)
{
    wire_get_str(r, out, cap);
    if (out[0] != '/')
        r->bad = true;
}

void role_config_get_key_name(struct wire_reader *r, char *out, size_t cap)
{
    wire_get_str(r, out, cap);
    if (out[0] != '/' && strncmp(out, "pkcs11:", 7) != 0)
        r->bad = true;
}

void role_config_get_endpoint(struct wire_reader *r, struct msg_endpoint *e)
{
    memset(e, 0, sizeof *e);
    e->family = wire_get_u8(r);
    e->port = wire_get_u16(r);
    wire_get_bytes(r, e->addr, sizeof e->addr);
    if (!endpoint_valid(e) || e->port == 0)
        r->bad = true;
}

uint8_t *role_config_get_long(struct wire_reader *r, size_t max, size_t *n)
{
    size_t size = wire_get_u32(r);
    uint8_t *p = NULL;

    *n = 0;
    /* The length is compared with what is there before anything is allocated for it. */
    if (!r->bad && size <= max && size <= wire_left(r))
        p = malloc(size + 1);
    if (!p) {
        r->bad = true;
        return NULL;
    }
    wire_get_bytes(r, p, size);
    p[size] = '\0';
    *n = size;
    return p;
}

char *role_config_get_text(struct wire_reader *r, size_t max)
{
    size_t n;
    char *text = (char *)role_config_get_long(r, max, &n);

    if (text && strlen(text) != n)
        r->bad = true;
    return text;
}

void *role_config_get_array(struct wire_reader *r, size_t count, size_t size,
                            size_t least)
{
    void *p = NULL;

    if (!r->bad && count > 0 && count <= wire_left(r) / least)
        p = calloc(count, size);
    if (!p)
        r->bad = true;
    return p;
}
