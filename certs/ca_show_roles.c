#include "certs/ca_show_roles.h"

void ca_show_roles(FILE *out, const ASN1_OCTET_STRING *value)
{
    (void)fprintf(out, "  %-14s%d octets\n", "roles", ASN1_STRING_length(value));
}
