#include "certs/tls_warm_up.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certs/errtext.h"
#include "certs/identity_ssl.h"
#include "certs/sign_scheme.h"
#include "certs/tls_context.h"

#define NAME     "warm-up"
#define LIFETIME 3600L
/* Flights each way: a TLS 1.2 handshake has four in all. */
#define ROUNDS 16

/* One certificate that is its own CA, for both sides. */
struct warm {
    EVP_PKEY *key;
    char *pem; /* inside `bio` */
    long pem_len;
    BIO *bio;
    SSL_CTX *server;
    SSL_CTX *client;
};

static int sign_here(void *ctx, uint16_t code, const uint8_t *tbs, size_t n, uint8_t *sig,
                     size_t cap, size_t *siglen)
{
    const struct warm *w = ctx;
    const struct sign_scheme *scheme = sign_scheme_find(code);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t made = cap;
    bool good =
        scheme && md &&
        EVP_DigestSignInit_ex(md, NULL, scheme->digest, NULL, NULL, w->key, NULL) == 1 &&
        EVP_DigestSign(md, sig, &made, tbs, n) == 1;

    EVP_MD_CTX_free(md);
    *siglen = made;
    return good ? 0 : -1;
}

/* ---- the certificate ---- */

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool good = ext && X509_add_ext(cert, ext, -1) == 1;

    X509_EXTENSION_free(ext);
    return good;
}

static bool fill_cert(X509 *cert, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(cert);

    return X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -LIFETIME) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), LIFETIME) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)NAME, -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(cert, NID_subject_alt_name, "DNS:" NAME) &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

static bool make_cert(struct warm *w)
{
    X509 *cert = X509_new();
    bool good;

    w->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    w->bio = BIO_new(BIO_s_mem());
    good = cert && w->key && w->bio && fill_cert(cert, w->key) &&
           PEM_write_bio_X509(w->bio, cert) == 1;
    X509_free(cert);
    if (good)
        w->pem_len = BIO_get_mem_data(w->bio, &w->pem);
    return good;
}

/* ---- the handshakes ---- */

static SSL_CTX *make_context(struct warm *w, bool server, const char *peer_name,
                             char *err, size_t cap)
{
    struct tls_pem pem = {NAME, w->pem, (size_t)w->pem_len};
    struct tls_settings s = {
        .server = server,
        .chain = pem,
        .ca = pem,
        .sign = sign_here,
        .sign_ctx = w,
        .peer_name = peer_name,
    };

    return tls_context_new(&s, err, cap);
}

/* Drives both ends; true if both completed. */
static bool shake(SSL *server, SSL *client)
{
    char detail[128];

    for (int i = 0; i < ROUNDS; i++) {
        int c = SSL_do_handshake(client);
        int s = SSL_do_handshake(server);

        if (c == 1 && s == 1)
            return true;
        if (tls_failure(client, c, detail, sizeof(detail)) != TLS_FAIL_NONE)
            return false;
    }
    return false;
}

static bool say_something(SSL *from, SSL *to)
{
    struct peer_identity id;
    char octet = 0;

    return identity_from_ssl(&id, to) && SSL_write(from, &octet, 1) == 1 &&
           SSL_read(to, &octet, 1) == 1;
}

static bool session(SSL_CTX *server_ctx, SSL_CTX *client_ctx, int version)
{
    SSL *server = SSL_new(server_ctx);
    SSL *client = SSL_new(client_ctx);
    BIO *a = NULL;
    BIO *b = NULL;
    bool good = false;

    if (server && client && BIO_new_bio_pair(&a, 0, &b, 0) == 1) {
        SSL_set_bio(server, a, a);
        SSL_set_bio(client, b, b);
        SSL_set_accept_state(server);
        SSL_set_connect_state(client);
        good = SSL_set_max_proto_version(client, version) == 1 && shake(server, client) &&
               tls_check_negotiated(server) == TLS_FAIL_NONE &&
               say_something(client, server) && say_something(server, client);
    }
    SSL_free(server);
    SSL_free(client);
    return good;
}

/* Keys of peers may be of a type that the throwaway key is not. */
static bool fetch_others(void)
{
    EVP_KEYMGMT *rsa = EVP_KEYMGMT_fetch(NULL, "RSA", NULL);
    EVP_KEYMGMT *pss = EVP_KEYMGMT_fetch(NULL, "RSA-PSS", NULL);
    EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(NULL, "RSA", NULL);
    EVP_MD *sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
    EVP_MD *sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
    bool good = rsa && pss && signature && sha384 && sha512;

    EVP_MD_free(sha512);
    EVP_MD_free(sha384);
    EVP_SIGNATURE_free(signature);
    EVP_KEYMGMT_free(pss);
    EVP_KEYMGMT_free(rsa);
    return good;
}

static bool run(struct warm *w, char *err, size_t cap)
{
    SSL_CTX *stranger;
    bool refused;

    w->server = make_context(w, true, NULL, err, cap);
    w->client = make_context(w, false, NAME, err, cap);
    if (!w->server || !w->client)
        return false;
    if (!session(w->server, w->client, TLS1_3_VERSION) ||
        !session(w->server, w->client, TLS1_2_VERSION)) {
        errtext_set(err, cap, "the TLS library fails its first handshake");
        return false;
    }
    stranger = make_context(w, false, "not-" NAME, err, cap);
    refused = stranger && !session(w->server, stranger, TLS1_3_VERSION);
    SSL_CTX_free(stranger);
    if (!refused)
        errtext_set(err, cap, "the TLS library takes a peer of another name");
    return refused;
}

bool tls_warm_up(char *err, size_t cap)
{
    struct warm w = {0};
    bool good = false;

    if (!make_cert(&w) || !fetch_others())
        errtext_set(err, cap, "the TLS library lacks an algorithm (%s)",
                    errtext_openssl());
    else
        good = run(&w, err, cap);
    SSL_CTX_free(w.client);
    SSL_CTX_free(w.server);
    BIO_free(w.bio);
    EVP_PKEY_free(w.key);
    ERR_clear_error();
    return good;
}
