/* Certificates, requests, revocation lists and keys in readable lines.  What others wrote
 * comes out as printable ASCII. */
#ifndef GATE104_CERTS_CA_SHOW_H
#define GATE104_CERTS_CA_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

/* Prints each PEM block in the text, or the one thing in DER.  Of a private key only the
 * public half is told.  False with a sentence in `err` if there is nothing to show. */
bool ca_show(FILE *out, const char *name, const char *text, size_t n, time_t now,
             char *err, size_t cap);

#endif
