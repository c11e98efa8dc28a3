#include "certs/ca_check.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "certs/ca_cert.h"
#include "certs/ca_key.h"
#include "certs/errtext.h"
#include "certs/tls_context.h"
#include "certs/tls_note.h"

/* A context needs a certificate of its own.  Nobody ever sees this one. */
static BIO *own_certificate(char *err, size_t cap)
{
    X509_NAME *name = X509_NAME_new();
    EVP_PKEY *key = ca_key_make(0, err, cap);
    X509 *cert = NULL;
    BIO *bio = NULL;

    if (name && key &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   (const unsigned char *)"check", -1, -1, 0) == 1)
        cert = ca_cert_root(name, key, 1, time(NULL), err, cap);
    if (cert)
        bio = ca_cert_pem(cert);
    X509_free(cert);
    EVP_PKEY_free(key);
    X509_NAME_free(name);
    return bio;
}

static int sign_nothing(void *ctx, uint16_t scheme, const uint8_t *tbs, size_t n,
                        uint8_t *sig, size_t cap, size_t *siglen)
{
    (void)ctx;
    (void)scheme;
    (void)tbs;
    (void)n;
    (void)sig;
    (void)cap;
    (void)siglen;
    return -1;
}

static SSL_CTX *make_context(const struct ca_check *check, char *err, size_t cap)
{
    BIO *bio = own_certificate(err, cap);
    char *data = NULL;
    const long n = bio ? BIO_get_mem_data(bio, &data) : 0;
    struct tls_settings s = {
        .server = check->server_name == NULL,
        .chain = {"own", data, (size_t)n},
        .ca = check->ca,
        .crl = check->crl,
        .revocation = check->revocation,
        .pins = check->pins,
        .sign = sign_nothing,
        .peer_name = check->server_name,
    };
    SSL_CTX *ctx = n > 0 ? tls_context_new(&s, err, cap) : NULL;

    BIO_free(bio);
    return ctx;
}

/* As libssl sets up a verification in a handshake. */
static bool set_up(X509_STORE_CTX *store, SSL *ssl, STACK_OF(X509) * sent)
{
    X509_STORE *anchors = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    X509_VERIFY_PARAM *param;

    if (X509_STORE_CTX_init(store, anchors, sk_X509_value(sent, 0), sent) != 1)
        return false;
    param = X509_STORE_CTX_get0_param(store);
    X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));
    return X509_STORE_CTX_set_default(store, SSL_is_server(ssl) ? "ssl_client"
                                                                : "ssl_server") == 1 &&
           X509_VERIFY_PARAM_set1(param, SSL_get0_param(ssl)) == 1;
}

static void read_note(const SSL *ssl, bool good, struct ca_verdict *out)
{
    const struct tls_note *note = tls_note_of(ssl);

    out->no_crl = note && (note->warnings & IDENTITY_WARN_NO_CRL);
    out->crl_stale = note && (note->warnings & IDENTITY_WARN_CRL_STALE);
    out->monitor_only = note && (note->warnings & IDENTITY_WARN_MONITOR_ONLY);
    if (good)
        return;
    out->failure =
        note && note->failure != TLS_FAIL_NONE ? note->failure : TLS_FAIL_CHAIN;
    if (note && note->reason[0])
        errtext_set(out->detail, sizeof out->detail, "%s: %s", note->subject,
                    note->reason);
}

static bool verify(SSL *ssl, STACK_OF(X509) * sent, struct ca_verdict *out)
{
    X509_STORE_CTX *store = X509_STORE_CTX_new();
    const bool ready = store && set_up(store, ssl, sent);

    if (ready)
        read_note(ssl, tls_verify_trial(ssl, store), out);
    X509_STORE_CTX_free(store);
    ERR_clear_error();
    return ready;
}

bool ca_check_peer(const struct ca_check *check, struct ca_verdict *out, char *err,
                   size_t cap)
{
    STACK_OF(X509) *sent = pem_read_certs(&check->peer, err, cap);
    SSL_CTX *ctx = sent ? make_context(check, err, cap) : NULL;
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    bool good = false;

    *out = (struct ca_verdict){.failure = TLS_FAIL_NONE};
    if (ssl && check->server_name)
        SSL_set_connect_state(ssl);
    else if (ssl)
        SSL_set_accept_state(ssl);
    if (ssl) {
        errtext_set(err, cap, "out of memory");
        good = verify(ssl, sent, out);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    pem_free_certs(sent);
    return good;
}
