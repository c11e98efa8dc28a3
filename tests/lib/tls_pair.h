/* Two ends of a TLS session in one process, joined by memory; for tests only. */
#ifndef GATE104_TESTS_LIB_TLS_PAIR_H
#define GATE104_TESTS_LIB_TLS_PAIR_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "certs/tls_context.h"

struct tls_end {
    SSL *ssl;
    bool done;                /* its handshake completed */
    enum tls_failure failure; /* why it failed, TLS_FAIL_NONE if it did not */
    char detail[256];
};

struct tls_pair {
    struct tls_end server;
    struct tls_end client;
};

/* Makes both ends; takes no reference of the contexts beyond SSL_new's. */
void tls_pair_open(struct tls_pair *p, SSL_CTX *server, SSL_CTX *client);
/* Drives both ends until nothing moves any more, data included (a TLS 1.3 client learns
 * of its refusal only when it reads).  True if both completed and neither failed. */
bool tls_pair_shake(struct tls_pair *p);
void tls_pair_close(struct tls_pair *p);

/* Lets `end` read octets that are no handshake, then a close if `eof`. */
void tls_end_feed(struct tls_end *end, SSL_CTX *ctx, bool server, const void *octets,
                  size_t n, bool eof);

#endif
