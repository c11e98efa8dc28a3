/* Everything OpenSSL does once, done before the sandbox closes. */
#ifndef GATE104_CERTS_TLS_WARM_UP_H
#define GATE104_CERTS_TLS_WARM_UP_H

#include <stdbool.h>
#include <stddef.h>

/* Performs whole handshakes in memory, TLS 1.3 and 1.2, and one that fails, between two
 * throwaway contexts of tls_context.h with keys made for it.  After it, handshakes open
 * no file: algorithms are fetched, error texts and the time zone are loaded, random
 * generators are seeded.  For the tls process, after tls_library_init() and before the
 * sandbox.  False with a sentence in `err`. */
bool tls_warm_up(char *err, size_t cap);

#endif
