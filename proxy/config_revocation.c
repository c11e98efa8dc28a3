/* What is done when revocation cannot be told, and how often running sessions are
 * verified again (IEC 62351-3 clause 6.4.4). */
#include "proxy/config_build.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The group a setting stands in: the route's own, else the one for all. */
static const config_setting_t *group_of(const struct config_build *b,
                                        const config_setting_t *own, const char *key)
{
    if (own && config_setting_get_member(own, key))
        return own;
    return b->tls && config_setting_get_member(b->tls, key) ? b->tls : NULL;
}

static bool read_word(const struct config_build *b, const config_setting_t *own,
                      const char *key, const char *const *words, size_t count,
                      size_t *which)
{
    const config_setting_t *group = group_of(b, own, key);

    return group && config_word_read(&b->r, group, key, words, count, which);
}

/* Its range has been checked where the group was read. */
static uint32_t read_seconds(const struct config_build *b, const config_setting_t *own,
                             const char *key, uint32_t otherwise)
{
    const config_setting_t *s = config_tls_effective(b, own, key, CONFIG_KIND_INT);

    return s ? (uint32_t)config_setting_get_int(s) : otherwise;
}

void config_revocation_read(struct config_build *b, const config_setting_t *route,
                            const config_setting_t *own, struct config_tls *t)
{
    static const char *const missing[] = {"refuse", "allow-and-warn"};
    static const char *const stale[] = {"allow-and-warn", "refuse", "monitor-only"};
    size_t which = CRL_MISSING_REFUSE;

    t->revocation.check = t->crl_named_count > 0;
    if (read_word(b, own, "crl_missing", missing, COUNT(missing), &which) &&
        which == CRL_MISSING_REFUSE && !t->revocation.check && !group_of(b, own, "crl"))
        config_report_key(
            &b->r, CONFIG_ERROR, route, "tls",
            "name the lists with crl, or write \"allow-and-warn\"",
            "crl_missing is \"refuse\", but no \"crl\" is configured: every "
            "peer would be refused");
    t->revocation.missing = (enum crl_missing)which;
    which = CRL_STALE_ALLOW;
    (void)read_word(b, own, "crl_stale", stale, COUNT(stale), &which);
    t->revocation.stale = (enum crl_stale)which;
    t->revocation.grace_s = read_seconds(b, own, "crl_grace", CRL_GRACE_DEFAULT_S);
    t->revalidate_s = read_seconds(b, own, "revalidate_interval", REVALIDATE_DEFAULT_S);
}

bool config_revocation_same(const struct config_tls *a, const struct config_tls *b)
{
    return a->revocation.missing == b->revocation.missing &&
           a->revocation.stale == b->revocation.stale &&
           a->revocation.grace_s == b->revocation.grace_s &&
           a->revalidate_s == b->revalidate_s;
}
