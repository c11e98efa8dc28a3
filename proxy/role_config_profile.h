/* A profile on its way to a role.  Only role_config_gate.c and role_config_audit.c
 * include this: the other roles know nothing of 104. */
#ifndef GATE104_PROXY_ROLE_CONFIG_PROFILE_H
#define GATE104_PROXY_ROLE_CONFIG_PROFILE_H

#include "policy/profile.h"
#include "proxy/role_config_wire.h"

#define PROFILE_OCTETS 11u

static inline void role_config_put_profile(struct wire_writer *w, const struct profile *p)
{
    wire_put_u8(w, p->cot_size);
    wire_put_u8(w, p->ca_size);
    wire_put_u8(w, p->ioa_size);
    wire_put_u32(w, p->quirks[DIR_CONTROL]);
    wire_put_u32(w, p->quirks[DIR_MONITOR]);
}

/* Sets r->bad on a profile that is none. */
static inline void role_config_get_profile(struct wire_reader *r, struct profile *p)
{
    p->cot_size = wire_get_u8(r);
    p->ca_size = wire_get_u8(r);
    p->ioa_size = wire_get_u8(r);
    p->quirks[DIR_CONTROL] = wire_get_u32(r);
    p->quirks[DIR_MONITOR] = wire_get_u32(r);
    if (!profile_is_legal(p))
        r->bad = true;
}

#endif
