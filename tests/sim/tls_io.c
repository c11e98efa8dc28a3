#include "tests/sim/tls_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_tls_context {
    SSL_CTX *ctx;
    bool server;
    char peer_name[256];
};

struct sim_tls {
    SSL *ssl;
};

static void say_error(char *why, size_t n, const char *what)
{
    unsigned long e = ERR_peek_last_error();
    const char *reason = e != 0 ? ERR_reason_error_string(e) : NULL;

    snprintf(why, n, "%s: %s", what, reason != NULL ? reason : "no reason given");
    ERR_clear_error();
}

static int version_of(const char *text)
{
    if (text != NULL && strcmp(text, "1.2") == 0)
        return TLS1_2_VERSION;
    return text != NULL && strcmp(text, "1.3") == 0 ? TLS1_3_VERSION : 0;
}

static bool load(SSL_CTX *ctx, const struct sim_tls_options *o, char *why, size_t n)
{
    int low = o->tls_min != NULL ? version_of(o->tls_min) : TLS1_2_VERSION;

    if (o->cert != NULL && SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1) {
        say_error(why, n, o->cert);
        return false;
    }
    if (o->key != NULL &&
        SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1) {
        say_error(why, n, o->key);
        return false;
    }
    if (o->ca_file != NULL && SSL_CTX_load_verify_locations(ctx, o->ca_file, NULL) != 1) {
        say_error(why, n, o->ca_file);
        return false;
    }
    if (SSL_CTX_set_min_proto_version(ctx, low) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, version_of(o->tls_max)) != 1 ||
        (o->ciphers != NULL && SSL_CTX_set_cipher_list(ctx, o->ciphers) != 1)) {
        say_error(why, n, "TLS versions or ciphers");
        return false;
    }
    return true;
}

struct sim_tls_context *sim_tls_context_new(const struct sim_tls_options *o, bool server,
                                            char *why, size_t n)
{
    struct sim_tls_context *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->server = server;
    c->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (c->ctx == NULL || !load(c->ctx, o, why, n)) {
        sim_tls_context_free(c);
        return NULL;
    }
    /* One call reads one record at most: no read-ahead, and no silent retry after a
     * record that carries no data. */
    SSL_CTX_set_read_ahead(c->ctx, 0);
    SSL_CTX_clear_mode(c->ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_id_context(c->ctx, (const unsigned char *)"gate104-sim", 11);
    if (o->peer_name != NULL)
        snprintf(c->peer_name, sizeof c->peer_name, "%s", o->peer_name);
    return c;
}

void sim_tls_context_free(struct sim_tls_context *c)
{
    if (c == NULL)
        return;
    SSL_CTX_free(c->ctx);
    free(c);
}

static bool expect_name(SSL *ssl, const char *name)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_tlsext_host_name(ssl, name);
    return SSL_set1_host(ssl, name) == 1;
}

struct sim_tls *sim_tls_new(struct sim_tls_context *c, int fd)
{
    struct sim_tls *t = calloc(1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->ssl = SSL_new(c->ctx);
    if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1 ||
        (c->peer_name[0] != '\0' && !expect_name(t->ssl, c->peer_name))) {
        sim_tls_free(t);
        return NULL;
    }
    if (c->server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    return t;
}

void sim_tls_free(struct sim_tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    free(t);
}

static enum sim_io outcome(struct sim_tls *t, int r, const char *what, char *why,
                           size_t n)
{
    int saved = errno;
    int e = SSL_get_error(t->ssl, r);

    if (e == SSL_ERROR_WANT_READ)
        return SIM_IO_WANT_READ;
    if (e == SSL_ERROR_WANT_WRITE)
        return SIM_IO_WANT_WRITE;
    if (e == SSL_ERROR_ZERO_RETURN)
        return SIM_IO_END;
    if (e == SSL_ERROR_SYSCALL && ERR_peek_error() == 0)
        snprintf(why, n, "%s: %s", what, saved != 0 ? strerror(saved) : "cut off");
    else
        say_error(why, n, what);
    return SIM_IO_ERROR;
}

enum sim_io sim_tls_handshake(struct sim_tls *t, char *why, size_t n)
{
    int r;
    long verify;

    ERR_clear_error();
    errno = 0;
    r = SSL_do_handshake(t->ssl);
    if (r == 1)
        return SIM_IO_DONE;
    verify = SSL_get_verify_result(t->ssl);
    if (SSL_get_error(t->ssl, r) == SSL_ERROR_SSL && verify != X509_V_OK) {
        snprintf(why, n, "TLS handshake: peer certificate: %s",
                 X509_verify_cert_error_string(verify));
        ERR_clear_error();
        return SIM_IO_ERROR;
    }
    return outcome(t, r, "TLS handshake", why, n);
}

enum sim_io sim_tls_read(struct sim_tls *t, uint8_t *out, size_t max, size_t *got,
                         char *why, size_t n)
{
    int r;

    *got = 0;
    ERR_clear_error();
    errno = 0;
    r = SSL_read_ex(t->ssl, out, max, got);
    return r == 1 ? SIM_IO_DONE : outcome(t, r, "TLS read", why, n);
}

enum sim_io sim_tls_peek(struct sim_tls *t, uint8_t *out, size_t max, size_t *got,
                         char *why, size_t n)
{
    int r;

    *got = 0;
    ERR_clear_error();
    errno = 0;
    r = SSL_peek_ex(t->ssl, out, max, got);
    return r == 1 ? SIM_IO_DONE : outcome(t, r, "TLS read", why, n);
}

size_t sim_tls_pending(const struct sim_tls *t)
{
    int n = SSL_pending(t->ssl);

    return n > 0 ? (size_t)n : 0;
}

enum sim_io sim_tls_write(struct sim_tls *t, const uint8_t *in, size_t size, char *why,
                          size_t n)
{
    size_t done;
    int r;

    ERR_clear_error();
    errno = 0;
    r = SSL_write_ex(t->ssl, in, size, &done);
    return r == 1 ? SIM_IO_DONE : outcome(t, r, "TLS write", why, n);
}

void sim_tls_goodbye(struct sim_tls *t)
{
    ERR_clear_error();
    if (SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
    ERR_clear_error();
}

void sim_tls_describe(const struct sim_tls *t, char *out, size_t n)
{
    X509 *peer = SSL_get0_peer_certificate(t->ssl);
    char subject[256] = "no certificate";

    if (peer != NULL) {
        BIO *bio = BIO_new(BIO_s_mem());
        int got = 0;

        if (bio != NULL &&
            X509_NAME_print_ex(bio, X509_get_subject_name(peer), 0, XN_FLAG_RFC2253) >= 0)
            got = BIO_read(bio, subject, (int)sizeof subject - 1);
        subject[got > 0 ? got : 0] = '\0';
        BIO_free(bio);
    }
    snprintf(out, n, "%s %s, peer %s", SSL_get_version(t->ssl),
             SSL_get_cipher_name(t->ssl), subject);
}
