#include "certs/revalidate.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certs/errtext.h"
#include "certs/resume.h"
#include "certs/tls_note.h"

void revalidate_established(SSL *ssl)
{
    struct tls_note *note = tls_note_of(ssl);

    if (note)
        note->established = true;
}

#define CRL_FLAGS (X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)

bool revalidate_move(SSL *ssl, SSL_CTX *ctx)
{
    X509_VERIFY_PARAM *to = SSL_get0_param(ssl);
    const unsigned long flags =
        X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(ctx)) & CRL_FLAGS;

    if (SSL_set_SSL_CTX(ssl, ctx) != ctx) {
        ERR_clear_error();
        return false;
    }
    /* These were copied from the old context when the session began. */
    (void)X509_VERIFY_PARAM_clear_flags(to, CRL_FLAGS);
    (void)X509_VERIFY_PARAM_set_flags(to, flags);
    return true;
}

/* As libssl sets up a verification in a handshake. */
static bool set_up(X509_STORE_CTX *store, SSL *ssl, X509 *leaf)
{
    X509_STORE *anchors = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    X509_VERIFY_PARAM *param;

    if (X509_STORE_CTX_init(store, anchors, leaf, resume_peer_chain(ssl)) != 1)
        return false;
    param = X509_STORE_CTX_get0_param(store);
    X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));
    return X509_STORE_CTX_set_default(store, SSL_is_server(ssl) ? "ssl_client"
                                                                : "ssl_server") == 1 &&
           X509_VERIFY_PARAM_set1(param, SSL_get0_param(ssl)) == 1;
}

void revalidate(SSL *ssl, struct revalidation *out)
{
    X509 *leaf = SSL_get1_peer_certificate(ssl);
    X509_STORE_CTX *store = X509_STORE_CTX_new();
    const struct tls_note *note = tls_note_of(ssl);

    memset(out, 0, sizeof *out);
    if (leaf && store && note && set_up(store, ssl, leaf)) {
        tls_verify_again(ssl, store);
        out->failure = note->failure;
        out->warnings = note->warnings;
        if (note->failure != TLS_FAIL_NONE)
            errtext_set(out->detail, sizeof out->detail, "%s: %s", note->reason,
                        note->subject);
    }
    /* Without memory nothing is known against the peer; the next time tells. */
    if (out->failure == TLS_FAIL_INTERNAL)
        out->failure = TLS_FAIL_NONE;
    X509_STORE_CTX_free(store);
    X509_free(leaf);
    ERR_clear_error();
}
