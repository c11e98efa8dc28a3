/* What a tls worker is told about revocation. */
#include "proxy/role_config_wire.h"

void role_config_put_revocation(struct wire_writer *w, const struct revocation_rule *r)
{
    role_config_put_bool(w, r->check);
    wire_put_u8(w, (uint8_t)r->missing);
    wire_put_u8(w, (uint8_t)r->stale);
    wire_put_u32(w, r->grace_s);
}

void role_config_get_revocation(struct wire_reader *r, struct revocation_rule *rule)
{
    uint8_t missing;
    uint8_t stale;

    rule->check = role_config_get_bool(r);
    missing = wire_get_u8(r);
    stale = wire_get_u8(r);
    if (missing > CRL_MISSING_ALLOW || stale > CRL_STALE_MONITOR_ONLY)
        r->bad = true;
    rule->missing = missing == CRL_MISSING_ALLOW ? CRL_MISSING_ALLOW : CRL_MISSING_REFUSE;
    rule->stale =
        stale <= CRL_STALE_MONITOR_ONLY ? (enum crl_stale)stale : CRL_STALE_REFUSE;
    rule->grace_s = role_config_get_range(r, 0, CRL_GRACE_MAX_S);
}
