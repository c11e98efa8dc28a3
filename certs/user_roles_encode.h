/* Writes the extension IECUserRoles (IEC 62351-8, profile A, see user_roles.h).  For
 * whoever issues certificates. */
#ifndef GATE104_CERTS_USER_ROLES_ENCODE_H
#define GATE104_CERTS_USER_ROLES_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "certs/user_roles.h"

/* The DER of the extension's value, at most USER_ROLES_DER_MAX octets: what
 * user_roles_read() reads back as it was.  Its length, or 0 if a field is outside its
 * bounds or `cap` is too small. */
size_t user_roles_encode(const struct user_roles *roles, uint8_t *out, size_t cap);

#endif
