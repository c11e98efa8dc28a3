/* Which TLS a route speaks.  Pure: no OpenSSL, for every process. */
#ifndef GATE104_CERTS_TLS_RULES_H
#define GATE104_CERTS_TLS_RULES_H

#include <stdbool.h>

/* The columns of IEC 62351-3 Ed. 2, tables 9, 13 and 16: what is mandatory or optional
 * and still good practice, or all that the edition asks for. */
enum tls_profile {
    TLS_PROFILE_STRICT = 0, /* ECDHE and AEAD only */
    TLS_PROFILE_FULL = 1,   /* with DHE, and with static RSA and CBC */
};

struct tls_rules {
    enum tls_profile profile;
    bool tls13_only;
    /* TLS_RSA_WITH_AES_128_CBC_SHA256 also for peers that know neither the extended
     * master secret (RFC 7627) nor encrypt-then-MAC (RFC 7366). */
    bool legacy_rsa;
};

/* The profile offers suites in which the client encrypts a secret to the server's RSA
 * key, so that a server needs somebody who decrypts with it. */
static inline bool tls_rules_key_transport(const struct tls_rules *rules)
{
    return !rules->tls13_only &&
           (rules->profile == TLS_PROFILE_FULL || rules->legacy_rsa);
}

/* The profile offers finite-field groups in TLS 1.2. */
static inline bool tls_rules_dhe(const struct tls_rules *rules)
{
    return !rules->tls13_only && rules->profile == TLS_PROFILE_FULL;
}

#endif
