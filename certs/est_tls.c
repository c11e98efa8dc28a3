#include "certs/est_tls.h"

/* IEC 62351-3 Ed. 2, clause on suites, with forward secrecy and AEAD. */
#define SUITES_12                                                                        \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                         \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define SUITES_13      "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
#define SECURITY_LEVEL 2

static bool add_trust(X509_STORE *store, const struct est_tls *s)
{
    for (int i = 0; i < sk_X509_num(s->anchors); i++) {
        if (X509_STORE_add_cert(store, sk_X509_value(s->anchors, i)) != 1)
            return false;
    }
    for (int i = 0; i < sk_X509_CRL_num(s->crls); i++) {
        if (X509_STORE_add_crl(store, sk_X509_CRL_value(s->crls, i)) != 1)
            return false;
    }
    return X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN |
                                           (s->crls ? X509_V_FLAG_CRL_CHECK : 0)) == 1;
}

static bool set_own(SSL_CTX *ctx, const struct est_tls *s)
{
    if (sk_X509_num(s->own) <= 0)
        return true;
    if (SSL_CTX_use_certificate(ctx, sk_X509_value(s->own, 0)) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, s->key) != 1)
        return false;
    for (int i = 1; i < sk_X509_num(s->own); i++) {
        if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(s->own, i)) != 1)
            return false;
    }
    return SSL_CTX_check_private_key(ctx) == 1;
}

bool est_tls_apply(SSL_CTX *ctx, const struct est_tls *s)
{
    X509_STORE *store = X509_STORE_new();

    if (!store || !add_trust(store, s)) {
        X509_STORE_free(store);
        return false;
    }
    /* In place of whatever was trusted before. */
    SSL_CTX_set_cert_store(ctx, store);
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, SUITES_12) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, SUITES_13) == 1 &&
           SSL_CTX_set1_groups_list(ctx, "P-256:P-384") == 1 && set_own(ctx, s);
}
