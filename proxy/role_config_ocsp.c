/* The configuration of the fetcher, and the tls workers' part about OCSP. */
#include "proxy/role_config_wire.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_MOST  (4u + 19u + 2u + OCSP_HOST_MAX + 2u + OCSP_PATH_MAX + 8u)
#define GROUP_LEAST (4u + 19u + 2u + 2u + 8u)

void role_config_put_ocsp(struct wire_writer *w, const struct ocsp_config *c)
{
    role_config_put_bool(w, c->query);
    role_config_put_bool(w, c->required);
    role_config_put_bool(w, c->staple);
    wire_put_u32(w, c->timeout_s);
    wire_put_u32(w, c->max_age_s);
    wire_put_u32(w, c->refresh_s);
}

void role_config_get_ocsp(struct wire_reader *r, struct ocsp_config *c)
{
    c->query = role_config_get_bool(r);
    c->required = role_config_get_bool(r);
    c->staple = role_config_get_bool(r);
    c->timeout_s = role_config_get_range(r, 0, OCSP_TIMEOUT_MAX);
    c->max_age_s = role_config_get_range(r, 0, OCSP_AGE_MAX);
    c->refresh_s = role_config_get_range(r, 0, OCSP_AGE_MAX);
    if (ocsp_config_used(c) &&
        (c->timeout_s == 0 || c->max_age_s == 0 || c->refresh_s == 0))
        r->bad = true;
}

size_t fetcher_config_encode(const struct fetcher_config *c, uint8_t **out)
{
    struct wire_writer w;

    *out = NULL;
    if (c->group_count > ROUTES_MAX)
        return 0;
    (void)role_config_begin(&w, 16 + c->group_count * GROUP_MOST, ROLE_CONFIG_FETCHER);
    wire_put_u16(&w, (uint16_t)c->group_count);
    for (size_t i = 0; i < c->group_count; i++) {
        const struct fetcher_group *g = &c->group[i];

        wire_put_u32(&w, g->group);
        role_config_put_endpoint(&w, &g->responder);
        wire_put_str(&w, g->host);
        wire_put_str(&w, g->path);
        wire_put_u32(&w, g->timeout_s);
        wire_put_u32(&w, g->keep_s);
    }
    return role_config_finish(&w, out);
}

static void get_group(struct wire_reader *r, struct fetcher_group *g)
{
    g->group = role_config_get_range(r, 0, ROUTES_MAX - 1);
    role_config_get_endpoint(r, &g->responder);
    role_config_get_name(r, g->host, sizeof g->host);
    role_config_get_path(r, g->path, sizeof g->path);
    g->timeout_s = role_config_get_range(r, 1, OCSP_TIMEOUT_MAX);
    g->keep_s = role_config_get_range(r, 1, OCSP_AGE_MAX);
    /* Both become part of a request's lines. */
    for (const char *p = g->path; *p != '\0'; p++) {
        if (*p <= ' ' || *p > '~')
            r->bad = true;
    }
    if (strpbrk(g->host, " /\\"))
        r->bad = true;
}

bool fetcher_config_decode(const uint8_t *p, size_t n, struct fetcher_config *c)
{
    struct wire_reader r;
    size_t count;

    memset(c, 0, sizeof *c);
    role_config_open(&r, p, n, ROLE_CONFIG_FETCHER);
    count = wire_get_u16(&r);
    if (count > ROUTES_MAX)
        r.bad = true;
    c->group = role_config_get_array(&r, count, sizeof *c->group, GROUP_LEAST);
    for (size_t i = 0; c->group && i < count && !r.bad; i++)
        get_group(&r, &c->group[i]);
    c->group_count = c->group ? count : 0;
    if (wire_end(&r))
        return true;
    fetcher_config_free(c);
    return false;
}

void fetcher_config_free(struct fetcher_config *c)
{
    free(c->group);
    memset(c, 0, sizeof *c);
}
