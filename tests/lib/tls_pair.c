#include "tests/lib/tls_pair.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#define ROUNDS 64

static void begin(struct tls_end *end, SSL_CTX *ctx)
{
    memset(end, 0, sizeof(*end));
    end->ssl = SSL_new(ctx);
    if (!end->ssl)
        abort();
}

void tls_pair_open(struct tls_pair *p, SSL_CTX *server, SSL_CTX *client)
{
    BIO *a;
    BIO *b;

    begin(&p->server, server);
    begin(&p->client, client);
    if (BIO_new_bio_pair(&a, 0, &b, 0) != 1)
        abort();
    SSL_set_bio(p->server.ssl, a, a);
    SSL_set_bio(p->client.ssl, b, b);
    SSL_set_accept_state(p->server.ssl);
    SSL_set_connect_state(p->client.ssl);
}

static void step(struct tls_end *end)
{
    char octet;
    int ret;

    if (end->failure != TLS_FAIL_NONE)
        return;
    ret = end->done ? SSL_read(end->ssl, &octet, 1) : SSL_do_handshake(end->ssl);
    if (!end->done && ret == 1) {
        end->done = true;
        return;
    }
    end->failure = tls_failure(end->ssl, ret, end->detail, sizeof(end->detail));
}

bool tls_pair_shake(struct tls_pair *p)
{
    for (int i = 0; i < ROUNDS; i++) {
        step(&p->client);
        step(&p->server);
    }
    return p->client.done && p->server.done && p->client.failure == TLS_FAIL_NONE &&
           p->server.failure == TLS_FAIL_NONE;
}

void tls_pair_close(struct tls_pair *p)
{
    SSL_free(p->server.ssl);
    SSL_free(p->client.ssl);
    ERR_clear_error();
}

void tls_end_feed(struct tls_end *end, SSL_CTX *ctx, bool server, const void *octets,
                  size_t n, bool eof)
{
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());

    begin(end, ctx);
    if (!in || !out || BIO_write(in, octets, (int)n) != (int)n)
        abort();
    BIO_set_mem_eof_return(in, eof ? 0 : -1);
    SSL_set_bio(end->ssl, in, out);
    if (server)
        SSL_set_accept_state(end->ssl);
    else
        SSL_set_connect_state(end->ssl);
    for (int i = 0; i < ROUNDS; i++)
        step(end);
    SSL_free(end->ssl);
    end->ssl = NULL;
    ERR_clear_error();
}
