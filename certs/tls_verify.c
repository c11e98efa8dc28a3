#include "certs/tls_note.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "certs/cert_rules.h"
#include "certs/errtext.h"
#include "certs/identity_ssl.h"
#include "certs/tls_context.h"
#include "certs/tls_pins.h"
#include "certs/x509_failure.h"

/* ---- the note of an SSL object ---- */

static void note_new(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                     void *argp)
{
    (void)parent;
    (void)ptr;
    (void)argl;
    (void)argp;
    CRYPTO_set_ex_data(ad, idx, OPENSSL_zalloc(sizeof(struct tls_note)));
}

static void note_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                      void *argp)
{
    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    OPENSSL_free(ptr);
}

static int note_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, note_new, NULL, note_free);
    return index;
}

struct tls_note *tls_note_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, note_index());
}

/* A server that finds the extension uses it with CBC; a client finds it in the answer to
 * its own only if it is used (RFC 7366 clause 3). */
static void on_extension(SSL *ssl, int is_client, int type, const unsigned char *data,
                         int len, void *arg)
{
    struct tls_note *note = tls_note_of(ssl);

    (void)is_client;
    (void)data;
    (void)len;
    (void)arg;
    if (note && type == TLSEXT_TYPE_encrypt_then_mac)
        note->etm = true;
}

/* The first octets tell plain 104 from noise.  libssl hands them up before it looks at
 * the record version.  Each hello stands for itself, that of a renegotiation too. */
static void on_message(int sent, int version, int type, const void *buf, size_t len,
                       SSL *ssl, void *arg)
{
    struct tls_note *note = tls_note_of(ssl);
    const uint8_t *octets = buf;

    (void)version;
    (void)arg;
    if (sent || !note)
        return;
    if (type == SSL3_RT_HANDSHAKE && len > 0 &&
        (octets[0] == SSL3_MT_CLIENT_HELLO || octets[0] == SSL3_MT_SERVER_HELLO))
        note->etm = false;
    if (type != SSL3_RT_HEADER || len < TLS_NOTE_FIRST || note->have_first)
        return;
    memcpy(note->first, buf, TLS_NOTE_FIRST);
    note->have_first = true;
    SSL_set_tlsext_debug_callback(ssl, on_extension);
}

/* ---- verdicts ---- */

static SSL *ssl_of(X509_STORE_CTX *store)
{
    return X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
}

static void note_refusal(struct tls_note *note, X509 *cert, enum tls_failure failure,
                         const char *reason)
{
    if (note->failure != TLS_FAIL_NONE)
        return;
    note->failure = failure;
    errtext_set(note->reason, sizeof(note->reason), "%s", reason);
    if (cert)
        identity_name_text(X509_get_subject_name(cert), note->subject,
                           sizeof(note->subject));
}

/* The entry's CRLReason (RFC 5280 clause 5.3.1), 0 if it has none. */
static long reason_code(X509_CRL *crl, X509 *cert)
{
    X509_REVOKED *entry = NULL;
    ASN1_ENUMERATED *value;
    long code = 0;

    if (X509_CRL_get0_by_cert(crl, &entry, cert) < 1)
        return 0;
    value = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    if (value)
        code = ASN1_ENUMERATED_get(value);
    ASN1_ENUMERATED_free(value);
    return code;
}

/* IEC 62351-3 Ed. 2, event 2.4: the reason belongs to it.  All lists of the issuer are
 * asked, as libcrypto forgets which one it used if that is past its time. */
static const char *revocation_reason(X509_STORE_CTX *store, X509 *cert)
{
    static const char *const names[] = {
        "revoked",
        "revoked, keyCompromise",
        "revoked, cACompromise",
        "revoked, affiliationChanged",
        "revoked, superseded",
        "revoked, cessationOfOperation",
        "revoked, certificateHold",
        "revoked",
        "revoked, removeFromCRL",
        "revoked, privilegeWithdrawn",
        "revoked, aACompromise",
    };
    STACK_OF(X509_CRL) *crls = NULL;
    long code = 0;

    if (cert)
        crls = X509_STORE_CTX_get1_crls(store, X509_get_issuer_name(cert));
    for (int i = 0; i < sk_X509_CRL_num(crls) && code == 0; i++)
        code = reason_code(sk_X509_CRL_value(crls, i), cert);
    pem_free_crls(crls);
    if (code < 0 || (size_t)code >= sizeof(names) / sizeof(names[0]))
        code = 0;
    return names[code];
}

/* ---- what does not tell whether a certificate is revoked ---- */

static void rule_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                      void *argp)
{
    note_free(parent, ptr, ad, idx, argl, argp);
}

static int rule_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, rule_free);
    return index;
}

static const struct revocation_rule *rule_of(const SSL *ssl)
{
    static const struct revocation_rule none;
    const struct revocation_rule *rule =
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), rule_index());

    return rule ? rule : &none;
}

/* Seconds since the list's nextUpdate. */
static int64_t lateness(X509_STORE_CTX *store)
{
    const X509_CRL *crl = X509_STORE_CTX_get0_current_crl(store);
    const ASN1_TIME *next = crl ? X509_CRL_get0_nextUpdate(crl) : NULL;
    int days = 0;
    int seconds = 0;

    if (!next || ASN1_TIME_diff(&days, &seconds, next, NULL) != 1)
        return INT64_MAX;
    return (int64_t)days * 86400 + seconds;
}

/* A list past its nextUpdate must not end sessions (IEC 62351-3 clause 6.4.4), and
 * prevents them only if that is configured; one from before our clock's time is no
 * worse.  What it revokes stays revoked. */
static bool tolerated(struct tls_note *note, const struct revocation_rule *rule,
                      X509_STORE_CTX *store, int error)
{
    enum tls_failure failure = x509_failure(error);
    enum revocation_word word;

    if (note->established && failure == TLS_FAIL_NOT_YET_VALID)
        return true; /* it was valid: our clock went back */
    /* Lists of CAs about CAs are looked at where they are there, but not asked for: few
     * sites have them for their anchors. */
    if (error == X509_V_ERR_UNABLE_TO_GET_CRL &&
        X509_STORE_CTX_get_error_depth(store) > 0)
        return true;
    if (error == X509_V_ERR_CRL_HAS_EXPIRED || error == X509_V_ERR_CRL_NOT_YET_VALID) {
        int64_t late = error == X509_V_ERR_CRL_HAS_EXPIRED ? lateness(store) : 0;

        word = revocation_of_stale(rule, late, note->established);
        note->warnings |= IDENTITY_WARN_CRL_STALE;
    } else if (error == X509_V_ERR_UNABLE_TO_GET_CRL ||
               (note->established &&
                (failure == TLS_FAIL_NO_CRL || failure == TLS_FAIL_CRL_BAD))) {
        word = revocation_of_missing(rule, note->established);
        note->warnings |= IDENTITY_WARN_NO_CRL;
    } else {
        return false;
    }
    if (word == REVOCATION_MONITOR_ONLY)
        note->warnings |= IDENTITY_WARN_MONITOR_ONLY;
    /* What a late list revokes is told as that. */
    if (word == REVOCATION_REFUSE && error == X509_V_ERR_CRL_HAS_EXPIRED) {
        note->too_stale = true;
        return true;
    }
    return word != REVOCATION_REFUSE;
}

static int on_verify(int good, X509_STORE_CTX *store)
{
    struct tls_note *note = tls_note_of(ssl_of(store));
    int error = X509_STORE_CTX_get_error(store);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);
    const char *reason;

    if (!note)
        return 0;
    if (good)
        return 1;
    if (tolerated(note, rule_of(ssl_of(store)), store, error)) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    reason = error == X509_V_ERR_CERT_REVOKED ? revocation_reason(store, cert)
                                              : X509_verify_cert_error_string(error);
    note_refusal(note, cert, x509_failure_at(store, error), reason);
    return 0;
}

/* ---- what the peer sent ---- */

static bool sizes_good(struct tls_note *note, STACK_OF(X509) * sent)
{
    int n = sk_X509_num(sent);

    if (n > TLS_CERTS_SENT_MAX) {
        note_refusal(note, sk_X509_value(sent, 0), TLS_FAIL_CERT_SIZE,
                     "too many certificates");
        return false;
    }
    for (int i = 0; i < n; i++) {
        X509 *cert = sk_X509_value(sent, i);

        if (i2d_X509(cert, NULL) <= TLS_CERT_OCTETS_MAX)
            continue;
        note_refusal(note, cert, TLS_FAIL_CERT_SIZE, "larger than 8192 octets");
        return false;
    }
    return true;
}

/* A common name counts only in a certificate without any alternative name (RFC 6125
 * clause 6.4.4; libcrypto would look at names of the same kind only). */
static void set_name_rule(X509_STORE_CTX *store)
{
    unsigned int flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    X509 *leaf = X509_STORE_CTX_get0_cert(store);

    if (leaf && X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) >= 0)
        flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    X509_VERIFY_PARAM_set_hostflags(X509_STORE_CTX_get0_param(store), flags);
}

/* What libcrypto does not ask: see cert_rules.h; and the list of certificates. */
static bool rules_kept(struct tls_note *note, X509_STORE_CTX *store)
{
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    const char *reason = "";
    enum tls_failure failure =
        cert_rules(X509_STORE_CTX_get0_chain(store), &cert, &reason);

    if (failure == TLS_FAIL_NONE && !tls_pins_admit(ssl_of(store), cert)) {
        failure = TLS_FAIL_NOT_LISTED;
        reason = "not in pins";
    }
    if (failure == TLS_FAIL_NONE)
        return true;
    note_refusal(note, cert, failure, reason);
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return false;
}

/* In place of libssl's own call of X509_verify_cert(): sizes first, as they bound the
 * work that follows. */
static int verify_peer(X509_STORE_CTX *store, void *arg)
{
    struct tls_note *note = tls_note_of(ssl_of(store));

    (void)arg;
    if (!note || !sizes_good(note, X509_STORE_CTX_get0_untrusted(store))) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    if (!(X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(store)) &
          X509_V_FLAG_CRL_CHECK))
        note->warnings |= IDENTITY_WARN_NO_CRL;
    set_name_rule(store);
    note->too_stale = false;
    if (X509_verify_cert(store) != 1)
        return 0;
    if (!note->too_stale)
        return rules_kept(note, store);
    note_refusal(note, X509_STORE_CTX_get0_cert(store), TLS_FAIL_CRL_STALE,
                 X509_verify_cert_error_string(X509_V_ERR_CRL_HAS_EXPIRED));
    X509_STORE_CTX_set_error(store, X509_V_ERR_CRL_HAS_EXPIRED);
    return 0;
}

enum tls_failure tls_verify_stored(SSL *ssl, X509_STORE_CTX *store, char *detail,
                                   size_t cap)
{
    struct tls_note *note = tls_note_of(ssl);

    if (!note ||
        X509_STORE_CTX_set_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl) != 1)
        return TLS_FAIL_INTERNAL;
    X509_STORE_CTX_set_verify_cb(store, on_verify);
    if (verify_peer(store, NULL) != 1)
        note_refusal(note, NULL, x509_failure(X509_STORE_CTX_get_error(store)),
                     "verification failed");
    if (note->failure != TLS_FAIL_NONE)
        errtext_set(detail, cap, "%s: %s", note->reason, note->subject);
    return note->failure;
}

void tls_verify_again(SSL *ssl, X509_STORE_CTX *store)
{
    struct tls_note *note = tls_note_of(ssl);

    note->warnings = 0;
    note->failure = TLS_FAIL_NONE;
    note->subject[0] = note->reason[0] = '\0';
    note->established = true;
    X509_STORE_CTX_set_verify_cb(store, on_verify);
    if (X509_STORE_CTX_set_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl) != 1)
        note_refusal(note, NULL, TLS_FAIL_INTERNAL, "out of memory");
    else if (verify_peer(store, NULL) != 1)
        note_refusal(note, NULL, x509_failure(X509_STORE_CTX_get_error(store)),
                     "verification failed");
}

bool tls_verify_trial(SSL *ssl, X509_STORE_CTX *store)
{
    X509_STORE_CTX_set_verify_cb(store, on_verify);
    return X509_STORE_CTX_set_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl) ==
               1 &&
           verify_peer(store, NULL) == 1;
}

static bool keep_rule(SSL_CTX *ctx, const struct revocation_rule *rule)
{
    struct revocation_rule *copy = OPENSSL_memdup(rule, sizeof *rule);

    if (copy && rule_index() >= 0 && SSL_CTX_set_ex_data(ctx, rule_index(), copy) == 1)
        return true;
    OPENSSL_free(copy);
    return false;
}

bool tls_verify_install(SSL_CTX *ctx, const struct revocation_rule *rule)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    /* A trust anchor need not be a root (RFC 5280 clause 6.1.1 d). */
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;

    if (note_index() < 0 || !keep_rule(ctx, rule))
        return false;
    if (rule->check)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    if (X509_VERIFY_PARAM_set_flags(param, flags) != 1)
        return false;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
    SSL_CTX_set_cert_verify_callback(ctx, verify_peer, NULL);
    SSL_CTX_set_msg_callback(ctx, on_message);
    return true;
}
