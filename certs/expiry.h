/* When certificates and revocation lists end, and how soon that has to be told.  For the
 * monitor; opens no files. */
#ifndef GATE104_CERTS_EXPIRY_H
#define GATE104_CERTS_EXPIRY_H

#include "certs/pem_check.h"

#include <stdint.h>

#define EXPIRY_NONE (-1)

struct expiry_item {
    char name[256];   /* subject, or issuer of a list */
    uint8_t hash[32]; /* SHA-256 of its DER */
    int64_t from, to; /* seconds since 1970 */
};
typedef void (*expiry_fn)(void *ctx, const struct expiry_item *item);

/* Days before the end at which it is told: 60, 30, 14, 7, then 0 when it is over.  Gives
 * the one that is reached, or EXPIRY_NONE.  Those that lie in the first half of its life
 * do not count: a list made for a week would always be near its end. */
int expiry_threshold(int64_t from, int64_t to, int64_t now);

/* Every certificate, or every list that says when it ends, of a text.  What does not
 * parse is left out. */
void expiry_of_certs(const struct pem_text *pem, expiry_fn fn, void *ctx);
void expiry_of_crls(const struct pem_text *pem, expiry_fn fn, void *ctx);

#endif
