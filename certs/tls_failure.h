/* Why a handshake failed, in one word for the log and one sentence for people. */
#ifndef GATE104_CERTS_TLS_FAILURE_H
#define GATE104_CERTS_TLS_FAILURE_H

#include <stddef.h>

#include <openssl/types.h>

enum tls_failure {
#define X(symbol, id, name, event, mnemonic, text) symbol = (id),
#include "certs/tls_failure.def"
#undef X
};

struct tls_failure_info {
    enum tls_failure failure;
    const char *name;     /* short, stable: "unknown-ca" */
    const char *event;    /* IEC 62351-3 Ed. 2 Annex A: "2.2", or "" */
    const char *mnemonic; /* "TLS_NO_CA_MATCH", or "" */
    const char *text;     /* a sentence: what happened, then what to do */
};

/* The row of a failure; that of TLS_FAIL_INTERNAL if `id` is none (it may come from
 * another process). */
const struct tls_failure_info *tls_failure_info(unsigned int id);

/* Asks why SSL_do_handshake, SSL_read or SSL_write just failed with `ret`; to be called
 * at once, as it reads and empties the OpenSSL error queue of the thread.  `ssl` must
 * come from a context of tls_context.h.  Gives TLS_FAIL_NONE if nothing failed: the call
 * only wants to be repeated (WANT_READ, WANT_WRITE), or the peer ended the session in
 * order. `detail` gets what is known beyond the table, printable ASCII, possibly "": the
 * subject of the refused certificate, the alert the peer sent, the first octets. */
enum tls_failure tls_failure(SSL *ssl, int ret, char *detail, size_t cap);

#endif
