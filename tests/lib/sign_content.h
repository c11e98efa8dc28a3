/* Content for a signer, put together octet by octet; for tests only. */
#ifndef GATE104_TESTS_LIB_SIGN_CONTENT_H
#define GATE104_TESTS_LIB_SIGN_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certs/sign_check.h"

struct sign_content {
    uint8_t p[2048];
    size_t n;
};

void content_put(struct sign_content *c, const void *p, size_t n);
/* Big endian. */
void content_put_int(struct sign_content *c, size_t octets, size_t v);
void content_put_fill(struct sign_content *c, uint8_t o, size_t n);
/* ServerECDHParams with a point of that many octets. */
void content_put_params(struct sign_content *c, size_t curve, size_t point);

/* sign_check() of a block of exactly that size, so that a sanitizer sees any read beyond
 * it. */
enum sign_kind content_check(const struct sign_content *c, uint16_t scheme,
                             enum sign_role role, bool tls12);

#endif
