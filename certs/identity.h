/* Who is at the other end of a TLS session, as it travels between processes.
 *
 * No OpenSSL in here: the gate reads identities without linking it.  identity_ssl.h fills
 * them. */
#ifndef GATE104_CERTS_IDENTITY_H
#define GATE104_CERTS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certs/role_set.h"

#define IDENTITY_NAME_CAP        256u
#define IDENTITY_SERIAL_CAP      65u
#define IDENTITY_VERSION_CAP     16u
#define IDENTITY_SUITE_CAP       64u
#define IDENTITY_FINGERPRINT_LEN 32u
#define IDENTITY_ROLES_CAP       USER_ROLES_DER_MAX

/* The octets an encoded identity can take. */
#define IDENTITY_WIRE_MAX                                                                \
    (1u + 6u * 2u + 3u * (IDENTITY_NAME_CAP - 1u) + (IDENTITY_SERIAL_CAP - 1u) +         \
     IDENTITY_FINGERPRINT_LEN + 2u * 8u + (IDENTITY_VERSION_CAP - 1u) +                  \
     (IDENTITY_SUITE_CAP - 1u) + 1u + 2u + IDENTITY_ROLES_CAP)

/* What did not stop a handshake but belongs in the log (IEC 62351-3 Ed. 2, events 2.5 and
 * 2.6). */
#define IDENTITY_WARN_NO_CRL 1u /* no revocation lists are configured */
#define IDENTITY_WARN_CRL_STALE                                                          \
    2u /* the list is past its nextUpdate, or before lastUpdate */
/* Commands of this peer are refused: its CA's list is out of date (crl_stale). */
#define IDENTITY_WARN_MONITOR_ONLY 4u
#define IDENTITY_WARN_NO_PFS                                                             \
    8u /* who gets the RSA key later can read the session: key transport */
/* The responder was asked and gave no answer that counts (events 2.7 and 2.8): one of
 * these values, in the bits of the mask. */
#define IDENTITY_WARN_OCSP_MASK    0x70u
#define IDENTITY_WARN_OCSP_SILENT  0x10u
#define IDENTITY_WARN_OCSP_EXPIRED 0x20u
#define IDENTITY_WARN_OCSP_BAD     0x30u /* forged, about another certificate, garbage */
#define IDENTITY_WARN_OCSP_UNKNOWN 0x40u /* it does not know the certificate */
/* No warning, but it travels with them: the session goes on from an earlier one. */
#define IDENTITY_RESUMED 0x80u
/* The session that was to be resumed is too old; a full handshake followed (event 1.10).
 */
#define IDENTITY_WARN_LAPSED 0x100u
/* All of them. */
#define IDENTITY_WARNINGS 0x1FFu

/* Every text is printable ASCII.  A text that did not fit was cut and ends in "...": such
 * a text is for people; decide on the fingerprint. */
struct peer_identity {
    char subject[IDENTITY_NAME_CAP];  /* RFC 2253 */
    char issuer[IDENTITY_NAME_CAP];   /* RFC 2253 */
    char san[IDENTITY_NAME_CAP];      /* "DNS:a, IP:10.0.0.1, URI:..." or "" */
    char serial[IDENTITY_SERIAL_CAP]; /* upper-case hex, '-' in front if negative */
    uint8_t fingerprint[IDENTITY_FINGERPRINT_LEN]; /* SHA-256 of the certificate's DER */
    int64_t not_before;                            /* seconds since 1970, UTC */
    int64_t not_after;
    char version[IDENTITY_VERSION_CAP]; /* "TLSv1.3" */
    char suite[IDENTITY_SUITE_CAP];     /* "TLS_AES_128_GCM_SHA256" */
    /* Extension 1.2.840.10070.8.1 as the certificate has it: nobody has read it yet. */
    enum role_token role_token;
    uint16_t roles_size; /* 0 unless role_token is ROLE_TOKEN_ONE */
    uint8_t roles[IDENTITY_ROLES_CAP];
};

/* Writes `id` to `buf`.  The octets written, or 0 if they do not fit (IDENTITY_WIRE_MAX
 * always does). */
size_t identity_encode(const struct peer_identity *id, void *buf, size_t cap);
/* Reads exactly `n` octets from a process that may lie: lengths, characters and leftovers
 * are checked.  False, with `id` all zero, if anything is not as identity_encode writes.
 */
bool identity_decode(struct peer_identity *id, const void *buf, size_t n);

#endif
