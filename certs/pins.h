/* The list of certificates that alone may connect (IEC 62351-3 clause 6.4.1: certificates
 * one by one beside trust in a CA).  No OpenSSL in here. */
#ifndef GATE104_CERTS_PINS_H
#define GATE104_CERTS_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIN_SIZE 32u
#define PINS_MAX 64u

/* SHA-256 of certificates in DER. */
struct pins {
    size_t count; /* 0: every certificate that the CAs vouch for */
    uint8_t pin[PINS_MAX][PIN_SIZE];
};

/* Reads "sha256:" and 64 hex digits, with colons between the octets or without, as
 * `openssl x509 -fingerprint -sha256` writes them.  False if it is anything else. */
bool pin_parse(const char *text, uint8_t pin[PIN_SIZE]);
bool pins_have(const struct pins *pins, const uint8_t pin[PIN_SIZE]);
/* False if it is there already, or there is no room. */
bool pins_add(struct pins *pins, const uint8_t pin[PIN_SIZE]);
/* The same certificates in the same order. */
bool pins_equal(const struct pins *a, const struct pins *b);

#endif
