/* Writes the extension IECUserRoles (IEC 62351-8, profile A, 1.2.840.10070.8.1).  For
 * whoever issues certificates. */
#ifndef GATE104_CERTS_USER_ROLES_ENCODE_H
#define GATE104_CERTS_USER_ROLES_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROLES_ENCODE_OID            "1.2.840.10070.8.1"
#define ROLES_ENCODE_ROLES_MAX      8u
#define ROLES_ENCODE_ENTRIES_MAX    8u
#define ROLES_ENCODE_AOR_MAX        64u /* octets of the area of responsibility, at least 1 */
#define ROLES_ENCODE_DEFINITION_MAX 23u
/* The octets that the longest extension takes. */
#define ROLES_ENCODE_MAX 1280u

enum roles_operation { ROLES_NO_OPERATION, ROLES_ADD, ROLES_DELETE, ROLES_CHANGE };

/* One UserRoleInfo: these roles in this area. */
struct roles_encode_entry {
    size_t role_count; /* 1.. */
    int16_t role[ROLES_ENCODE_ROLES_MAX];
    const char *aor;
    uint8_t revision;
    const char *definition; /* NULL: left out, which means "IEC62351-8" */
    enum roles_operation operation;
    bool has_change_number; /* statusChangeSequenceNumber */
    uint32_t change_number;
};

/* The DER of the extension's value.  Its length, or 0 if a field is outside its bounds or
 * `cap` is too small. */
size_t roles_encode(const struct roles_encode_entry *entries, size_t count, uint8_t *out,
                    size_t cap);

/* "OPERATOR" (IEC 62351-8 table of roles) or a number from -32768 to 32767. */
bool roles_parse_name(const char *word, int16_t *role);
/* NULL for a role that has no name in the standard. */
const char *roles_name(int16_t role);

#endif
