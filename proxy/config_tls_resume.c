/* Session resumption, and its bounds. */
#include "proxy/config_build.h"

/* IEC 62351-3 Ed. 1 gives two hours as an example. */
#define LIFETIME_DEFAULT 7200u

uint32_t config_resume_seconds(const struct config_resume *r)
{
    return r->on ? r->lifetime : 0;
}

void config_resume_read(struct config_build *b, const config_setting_t *own,
                        uint32_t rekey_interval_s, struct config_resume *r)
{
    const uint32_t most = rekey_interval_s - 1;
    const config_setting_t *on =
        config_tls_effective(b, own, "resumption", CONFIG_KIND_BOOL);
    const config_setting_t *lifetime =
        config_tls_effective(b, own, "resumption_lifetime", CONFIG_KIND_INT);

    r->on = on && config_setting_get_bool(on);
    r->lifetime =
        lifetime ? (uint32_t)config_setting_get_int(lifetime) : LIFETIME_DEFAULT;
    if (!lifetime && r->lifetime > most)
        r->lifetime = most;
    /* IEC 62351-3: resumption must not put off what a renegotiation would check. */
    if (r->on && lifetime && r->lifetime > most && r->lifetime <= RESUME_S_MAX)
        config_report(&b->r, CONFIG_ERROR, lifetime, "make it shorter",
                      "sessions may be resumed for %u seconds, which is not less than "
                      "the %u between two full handshakes",
                      r->lifetime, rekey_interval_s);
}
