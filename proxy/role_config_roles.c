#include "proxy/role_config_roles.h"

#include <string.h>

void role_config_put_roles(struct wire_writer *w, const struct role_settings *s)
{
    if (s->area_count > ROLE_AREAS_MAX || s->definition_count > ROLE_DEFINITIONS_MAX ||
        s->named_count > ROLE_PRIVATE_MAX) {
        w->bad = true;
        return;
    }
    wire_put_u8(w, (uint8_t)s->area_count);
    for (size_t i = 0; i < s->area_count; i++)
        wire_put_str(w, s->area[i]);
    role_config_put_bool(w, s->has_revision);
    wire_put_u8(w, s->revision);
    wire_put_u8(w, (uint8_t)s->definition_count);
    for (size_t i = 0; i < s->definition_count; i++)
        wire_put_str(w, s->definition[i]);
    role_config_put_bool(w, s->has_default);
    wire_put_u16(w, (uint16_t)s->default_role);
    wire_put_u8(w, (uint8_t)s->named_count);
    for (size_t i = 0; i < s->named_count; i++) {
        wire_put_u16(w, (uint16_t)s->named[i].role);
        wire_put_str(w, s->named[i].name);
    }
}

static int16_t get_role(struct wire_reader *r)
{
    const uint16_t bits = wire_get_u16(r);
    int16_t role;

    memcpy(&role, &bits, sizeof role);
    return role;
}

static size_t get_count(struct wire_reader *r, size_t max)
{
    const size_t n = wire_get_u8(r);

    if (n > max)
        r->bad = true;
    return r->bad ? 0 : n;
}

/* Not empty, UTF-8 without control characters. */
static void get_text(struct wire_reader *r, char *out, size_t cap)
{
    wire_get_str(r, out, cap);
    if (out[0] == '\0' || !user_roles_text_good((const uint8_t *)out, strlen(out)))
        r->bad = true;
}

static void get_named(struct wire_reader *r, struct role_private *p)
{
    p->role = get_role(r);
    /* A private role without a name of its own has its number as name. */
    get_text(r, p->name, sizeof p->name);
    if (p->role >= 0)
        r->bad = true;
}

void role_config_get_roles(struct wire_reader *r, struct role_settings *s)
{
    s->area_count = get_count(r, ROLE_AREAS_MAX);
    for (size_t i = 0; i < s->area_count; i++)
        get_text(r, s->area[i], sizeof s->area[i]);
    s->has_revision = role_config_get_bool(r);
    s->revision = wire_get_u8(r);
    s->definition_count = get_count(r, ROLE_DEFINITIONS_MAX);
    for (size_t i = 0; i < s->definition_count; i++)
        get_text(r, s->definition[i], sizeof s->definition[i]);
    s->has_default = role_config_get_bool(r);
    s->default_role = get_role(r);
    if (s->default_role >= ROLE_STANDARD_COUNT)
        r->bad = true;
    s->named_count = get_count(r, ROLE_PRIVATE_MAX);
    for (size_t i = 0; i < s->named_count; i++)
        get_named(r, &s->named[i]);
}
