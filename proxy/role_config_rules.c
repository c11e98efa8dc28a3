/* The rules of TLS on the way to a role: three octets. */
#include "proxy/role_config_wire.h"

void role_config_put_rules(struct wire_writer *w, const struct tls_rules *rules)
{
    wire_put_u8(w, (uint8_t)rules->profile);
    role_config_put_bool(w, rules->tls13_only);
    role_config_put_bool(w, rules->legacy_rsa);
}

void role_config_get_rules(struct wire_reader *r, struct tls_rules *rules)
{
    uint8_t profile = wire_get_u8(r);

    if (profile != TLS_PROFILE_STRICT && profile != TLS_PROFILE_FULL)
        r->bad = true;
    rules->profile = (enum tls_profile)profile;
    rules->tls13_only = role_config_get_bool(r);
    rules->legacy_rsa = role_config_get_bool(r);
    if (rules->tls13_only && rules->legacy_rsa)
        r->bad = true;
}
