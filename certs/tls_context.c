#include "certs/tls_context.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certs/errtext.h"
#include "certs/tls_note.h"
#include "certs/tls_pins.h"
#include "certs/tls_profile.h"

/* 112 bits: RSA 2048, no SHA-1 (rules C2 and C6 of the profile). */
#define SECURITY_LEVEL 2
#define VERIFY_DEPTH   4

bool tls_library_init(void)
{
    return OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
                                OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                            NULL) == 1;
}

/* ---- the profile ---- */

static bool set_profile(SSL_CTX *ctx, const struct tls_settings *s)
{
    static const unsigned char id[] = "gate104";

    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_verify_depth(ctx, VERIFY_DEPTH);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ctx, TLS_CERTS_SENT_MAX * TLS_CERT_OCTETS_MAX);
    return SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
           SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
           SSL_CTX_set_recv_max_early_data(ctx, 0) == 1 &&
           SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) == 1 &&
           tls_profile_set(ctx, &s->rules);
}

/* ---- whom we are ---- */

struct own {
    const struct tls_pem *chain;
    struct remote_ops ops;
};

/* A certificate takes the place of an earlier one for the same type of key. */
static bool is_free(const SSL_CTX *ctx, X509 *leaf, const struct own *own, char *err,
                    size_t cap)
{
    const X509 *first = SSL_CTX_get0_certificate(ctx);

    if (!first || EVP_PKEY_get_base_id(X509_get0_pubkey(first)) !=
                      EVP_PKEY_get_base_id(X509_get0_pubkey(leaf)))
        return true;
    errtext_set(err, cap,
                "%s: a second certificate for the same type of key; use one with an RSA "
                "key and one with an EC key",
                own->chain->name);
    return false;
}

static bool set_key(SSL_CTX *ctx, X509 *leaf, const struct own *own, char *err,
                    size_t cap)
{
    EVP_PKEY *key = remote_key_new_ops(X509_get0_pubkey(leaf), &own->ops);
    bool good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
                SSL_CTX_check_private_key(ctx) == 1;

    EVP_PKEY_free(key);
    if (!good)
        errtext_set(
            err, cap,
            "%s: no key of the type of its first certificate (%s); use EC P-256, EC "
            "P-384 or RSA of at least 2048 bits",
            own->chain->name, errtext_openssl());
    return good;
}

static bool set_own(SSL_CTX *ctx, const struct own *own, STACK_OF(X509) * certs,
                    char *err, size_t cap)
{
    X509 *leaf = sk_X509_value(certs, 0);

    if (!is_free(ctx, leaf, own, err, cap))
        return false;
    if (SSL_CTX_use_certificate(ctx, leaf) != 1) {
        errtext_set(err, cap,
                    "%s: the first certificate cannot be used (%s); it needs a key of EC "
                    "P-256, EC P-384 or RSA of at least 2048 bits",
                    own->chain->name, errtext_openssl());
        return false;
    }
    for (int i = 1; i < sk_X509_num(certs); i++) {
        if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(certs, i)) == 1)
            continue;
        errtext_set(err, cap, "%s: certificate number %d cannot be used (%s)",
                    own->chain->name, i + 1, errtext_openssl());
        return false;
    }
    return set_key(ctx, leaf, own, err, cap);
}

static bool load_one(SSL_CTX *ctx, const struct own *own, char *err, size_t cap)
{
    STACK_OF(X509) *certs = pem_read_certs(own->chain, err, cap);
    bool good = certs && set_own(ctx, own, certs, err, cap);

    pem_free_certs(certs);
    return good;
}

static bool load_own(SSL_CTX *ctx, const struct tls_settings *s, char *err, size_t cap)
{
    struct own own = {&s->chain, {s->sign, s->decrypt, s->sign_ctx}};

    if (!load_one(ctx, &own, err, cap))
        return false;
    if (!s->second.data)
        return true;
    own.chain = &s->second;
    own.ops.ctx = s->second_ctx;
    return load_one(ctx, &own, err, cap);
}

/* ---- whom we trust ---- */

static bool add_anchor(SSL_CTX *ctx, const struct tls_settings *s, X509 *ca, int number,
                       char *err, size_t cap)
{
    if (X509_check_ca(ca) != 1) {
        errtext_set(err, cap,
                    "%s: certificate number %d is not that of a CA (basicConstraints "
                    "CA:TRUE); leave it out or name its CA",
                    s->ca.name, number);
        return false;
    }
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) != 1 ||
        (s->server && SSL_CTX_add_client_CA(ctx, ca) != 1)) {
        errtext_set(err, cap, "%s: certificate number %d cannot be used (%s)", s->ca.name,
                    number, errtext_openssl());
        return false;
    }
    return true;
}

/* A list that no trust anchor signed would be loaded in vain: a wrong file. */
static bool crl_is_of(X509_CRL *crl, const STACK_OF(X509) * cas)
{
    for (int i = 0; i < sk_X509_num(cas); i++) {
        X509 *ca = sk_X509_value(cas, i);

        if (X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) == 0 &&
            X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
            return true;
    }
    ERR_clear_error();
    return false;
}

static bool add_crls(SSL_CTX *ctx, const struct tls_settings *s,
                     const STACK_OF(X509) * cas, STACK_OF(X509_CRL) * crls, char *err,
                     size_t cap)
{
    for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
        X509_CRL *crl = sk_X509_CRL_value(crls, i);

        if (!crl_is_of(crl, cas)) {
            errtext_set(err, cap,
                        "%s: revocation list number %d is not signed by a CA of %s; add "
                        "that CA or leave the list out",
                        s->crl.name, i + 1, s->ca.name);
            return false;
        }
        if (X509_STORE_add_crl(SSL_CTX_get_cert_store(ctx), crl) == 1)
            continue;
        errtext_set(err, cap, "%s: revocation list number %d cannot be used (%s)",
                    s->crl.name, i + 1, errtext_openssl());
        return false;
    }
    return true;
}

static bool load_crls(SSL_CTX *ctx, const struct tls_settings *s,
                      const STACK_OF(X509) * cas, char *err, size_t cap)
{
    STACK_OF(X509_CRL) * crls;
    bool good;

    if (!s->crl.data)
        return true;
    crls = pem_read_crls(&s->crl, err, cap);
    good = crls && add_crls(ctx, s, cas, crls, err, cap);
    pem_free_crls(crls);
    return good;
}

static bool load_trust(SSL_CTX *ctx, const struct tls_settings *s, char *err, size_t cap)
{
    STACK_OF(X509) *cas = pem_read_certs(&s->ca, err, cap);
    bool good = cas != NULL;

    for (int i = 0; good && i < sk_X509_num(cas); i++)
        good = add_anchor(ctx, s, sk_X509_value(cas, i), i + 1, err, cap);
    good = good && load_crls(ctx, s, cas, err, cap);
    ERR_clear_error();
    pem_free_certs(cas);
    return good;
}

/* ---- whom we expect ---- */

/* The extended key usage must fit the other side (IEC 62351-9). */
static bool set_peer(SSL_CTX *ctx, const struct tls_settings *s, char *err, size_t cap)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    bool good;

    if (s->server)
        return SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT) == 1;
    if (!s->peer_name || !s->peer_name[0] || strlen(s->peer_name) > 253 ||
        strpbrk(s->peer_name, " \t/*")) {
        errtext_set(
            err, cap,
            "peer_name is missing or neither a DNS name nor an IP address; set it to "
            "the name in the certificate of the server");
        return false;
    }
    good = X509_VERIFY_PARAM_set1_ip_asc(param, s->peer_name) == 1 ||
           X509_VERIFY_PARAM_set1_host(param, s->peer_name, 0) == 1;
    ERR_clear_error();
    if (!good)
        errtext_set(err, cap, "peer_name %s cannot be used", s->peer_name);
    return good && SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER) == 1;
}

SSL_CTX *tls_context_new(const struct tls_settings *s, char *err, size_t cap)
{
    const SSL_METHOD *method = s->server ? TLS_server_method() : TLS_client_method();
    struct revocation_rule rule = s->revocation;
    SSL_CTX *ctx = SSL_CTX_new(method);

    ERR_clear_error();
    errtext_set(err, cap, "out of memory");
    rule.check = rule.check || s->crl.data != NULL;
    if (ctx && !(set_profile(ctx, s) && tls_verify_install(ctx, &rule) &&
                 tls_pins_install(ctx, s->pins) &&
                 (!s->server || resume_install(ctx, &s->resume)))) {
        errtext_set(err, cap, "the TLS library refuses the profile (%s)",
                    errtext_openssl());
    } else if (ctx && load_own(ctx, s, err, cap) && load_trust(ctx, s, err, cap) &&
               set_peer(ctx, s, err, cap)) {
        errtext_set(err, cap, "%s", "");
        return ctx;
    }
    ERR_clear_error();
    SSL_CTX_free(ctx);
    return NULL;
}

/* ---- after a handshake ---- */

enum tls_failure tls_check_negotiated(const SSL *ssl)
{
    if (!SSL_is_init_finished(ssl) || !SSL_get_current_cipher(ssl))
        return TLS_FAIL_INTERNAL;
    if (!SSL_get0_peer_certificate(ssl))
        return TLS_FAIL_NO_PEER_CERT;
    if (SSL_get_verify_result(ssl) != X509_V_OK)
        return TLS_FAIL_CHAIN;
    return tls_profile_check(ssl);
}

unsigned int tls_warnings(const SSL *ssl)
{
    const struct tls_note *note = tls_note_of(ssl);
    unsigned int transport = tls_profile_is_transport(ssl) ? IDENTITY_WARN_NO_PFS : 0;

    return (note ? note->warnings : 0) | transport;
}

void tls_warn(const SSL *ssl, unsigned int warning)
{
    struct tls_note *note = tls_note_of(ssl);

    if (note)
        note->warnings |= warning;
}
