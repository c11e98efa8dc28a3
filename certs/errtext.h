/* Sentences about errors.  libcrypto only; callable from any process that links it. */
#ifndef GATE104_CERTS_ERRTEXT_H
#define GATE104_CERTS_ERRTEXT_H

#include <stddef.h>

/* Formats into `err`, cutting what does not fit; cap 0 is allowed. */
void errtext_set(char *err, size_t cap, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The oldest reason in the OpenSSL error queue, which is emptied.  A static text. */
const char *errtext_openssl(void);

#endif
