/* The names of roles (IEC 62351-8).  No OpenSSL. */
#ifndef GATE104_CERTS_ROLE_NAME_H
#define GATE104_CERTS_ROLE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Roles 0..6 have names in the standard, 7..32767 are reserved, -32768..-1 are private.
 */
#define ROLE_STANDARD_COUNT 7
#define ROLE_NAME_MAX       31u /* octets, also of a private role's name */

/* Name of a standard role; NULL for any other. */
const char *role_standard_name(int32_t role);
/* The standard role of a name, case as written in the standard; false if there is none.
 */
bool role_standard_by_name(const char *name, int16_t *role);
/* True for 1..ROLE_NAME_MAX capital letters, digits, '_' and '-', the first a letter. */
bool role_name_good(const char *name);

#endif
