/* Why a handshake failed, in one word for the log and one sentence for people.
 *
 * No OpenSSL in here: the gate logs failures without linking it.  tls_context.h finds
 * them. */
#ifndef GATE104_CERTS_TLS_FAILURE_H
#define GATE104_CERTS_TLS_FAILURE_H

enum tls_failure {
#define X(symbol, id, name, event, mnemonic, text) symbol = (id),
#include "certs/tls_failure.def"
#undef X
};

struct tls_failure_info {
    enum tls_failure failure;
    const char *name;     /* short, stable: "unknown-ca" */
    const char *event;    /* group and number of the security event: "2.2"; "" for none */
    const char *mnemonic; /* of the security event: "TLS_NO_CA_MATCH"; "" for none */
    const char *text;     /* a sentence: what happened, then what to do */
};

/* The row of a failure; that of TLS_FAIL_INTERNAL if `id` is none (it may come from
 * another process). */
const struct tls_failure_info *tls_failure_info(unsigned int id);

#endif
