/* What follows when it cannot be told whether a peer's certificate is revoked
 * (IEC 62351-3 clause 6.4.4).  No OpenSSL in here. */
#ifndef GATE104_CERTS_REVOCATION_RULE_H
#define GATE104_CERTS_REVOCATION_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* A list of the peer's CA is not there: may a new session begin? */
enum crl_missing {
    CRL_MISSING_REFUSE = 0,
    CRL_MISSING_ALLOW = 1, /* with a warning */
};

/* The list is there, but past its nextUpdate by more than the grace period. */
enum crl_stale {
    CRL_STALE_ALLOW = 0, /* with a warning */
    CRL_STALE_REFUSE = 1,
    CRL_STALE_MONITOR_ONLY = 2, /* with a warning, and without commands */
};

#define CRL_GRACE_DEFAULT_S  604800u
#define CRL_GRACE_MAX_S      31536000u
#define REVALIDATE_DEFAULT_S 600u
#define REVALIDATE_MAX_S     86400u

struct revocation_rule {
    bool check; /* lists are configured, even where none is there now */
    enum crl_missing missing;
    enum crl_stale stale;
    uint32_t grace_s;
};

enum revocation_word {
    REVOCATION_WARN,
    REVOCATION_MONITOR_ONLY,
    REVOCATION_REFUSE,
};

/* What a list that ended `late_s` seconds ago means for a session.  One that runs
 * (`established`) is never ended or narrowed for it. */
enum revocation_word revocation_of_stale(const struct revocation_rule *r, int64_t late_s,
                                         bool established);
/* The same for a list that is not there or cannot be used. */
enum revocation_word revocation_of_missing(const struct revocation_rule *r,
                                           bool established);

#endif
