/* The name of a private key in a token (RFC 7512), as a configuration writes it:
 *
 *   pkcs11:token=gate104;object=station?module-path=/usr/lib/m.so&pin-source=/etc/g/pin
 *
 * Before the '?' stands which key of which token, behind it how to get there.  No OpenSSL
 * and no files here: for the monitor, which checks the name, and for the signer. */
#ifndef GATE104_CERTS_PKCS11_URI_H
#define GATE104_CERTS_PKCS11_URI_H

#include <stdbool.h>
#include <stddef.h>

#define PKCS11_PATH_MAX 512u
#define PKCS11_ENV_MAX  4u

struct pkcs11_uri {
    char key[1024];                 /* "pkcs11:token=...;object=...", as written */
    char module[PKCS11_PATH_MAX];   /* the module's shared library, absolute */
    char pin_file[PKCS11_PATH_MAX]; /* absolute, or "": the token asks for no PIN */
    size_t env_count;               /* x-env=NAME=VALUE: what the module wants to find */
    char env[PKCS11_ENV_MAX][512];  /* in its environment */
};

/* True if a key's name is meant to be one of a token. */
bool pkcs11_uri_is(const char *name);
/* False, with a sentence in `err` that says what to change, if it is not as above: no
 * token or object, unknown attributes, a PIN in the name itself, a file that is not
 * absolute. */
bool pkcs11_uri_parse(const char *name, struct pkcs11_uri *uri, char *err, size_t cap);

#endif
