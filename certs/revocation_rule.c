#include "certs/revocation_rule.h"

enum revocation_word revocation_of_stale(const struct revocation_rule *r, int64_t late_s,
                                         bool established)
{
    static const enum revocation_word words[] = {
        [CRL_STALE_ALLOW] = REVOCATION_WARN,
        [CRL_STALE_REFUSE] = REVOCATION_REFUSE,
        [CRL_STALE_MONITOR_ONLY] = REVOCATION_MONITOR_ONLY,
    };

    if (established || late_s <= (int64_t)r->grace_s)
        return REVOCATION_WARN;
    if ((unsigned int)r->stale >= sizeof words / sizeof words[0])
        return REVOCATION_REFUSE;
    return words[r->stale];
}

enum revocation_word revocation_of_missing(const struct revocation_rule *r,
                                           bool established)
{
    return established || r->missing == CRL_MISSING_ALLOW ? REVOCATION_WARN
                                                          : REVOCATION_REFUSE;
}
