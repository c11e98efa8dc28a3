/* The roles of a certificate in a readable line. */
#ifndef GATE104_CERTS_CA_SHOW_ROLES_H
#define GATE104_CERTS_CA_SHOW_ROLES_H

#include <stdio.h>

#include <openssl/asn1.h>

/* Prints the content of extension 1.2.840.10070.8.1 (IEC 62351-8). */
void ca_show_roles(FILE *out, const ASN1_OCTET_STRING *value);

#endif
