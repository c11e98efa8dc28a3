/* Names as people write them -> names as certificates carry them. */
#ifndef GATE104_CERTS_CA_NAME_H
#define GATE104_CERTS_CA_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509v3.h>

#define CA_NAMES_MAX 32u

/* "station.example" becomes the common name; "/O=Utility/CN=station.example" is taken
 * apart ('\' keeps the '/' or '=' behind it).  NULL with a sentence in `err`. */
X509_NAME *ca_name_parse(const char *text, char *err, size_t cap);

/* "station.example", "DNS:station.example", "10.0.0.1", "IP:2001:db8::1".  Wildcards are
 * not taken.  NULL with a sentence in `err`. */
GENERAL_NAMES *ca_names_parse(const char *const *texts, size_t count, char *err,
                              size_t cap);
/* Adds what is a DNS name or an IP address in `from`; other kinds are left out.  False
 * with a sentence in `err`. */
bool ca_names_add(GENERAL_NAMES *to, const GENERAL_NAMES *from, char *err, size_t cap);

#endif
