/* The roles a certificate carries: extension 1.2.840.10070.8.1 of IEC 62351-8, profile A.
 *
 *   IECUserRoles ::= SEQUENCE OF UserRoleInfo
 *   UserRoleInfo ::= SEQUENCE {
 *     userRole        SEQUENCE SIZE (1..MAX) OF INTEGER (-32768..32767),
 *     aor             UTF8String (SIZE (1..64)),   -- area of responsibility
 *     revision        INTEGER (0..255),            -- of the role definition
 *     roleDefinition  UTF8String (SIZE (0..23)) OPTIONAL,
 *     operation       ENUMERATED { add(1), delete(2), change(3) } OPTIONAL,
 *     statusChangeSequenceNumber  INTEGER (0..4294967295) OPTIONAL }
 *
 * DER only: minimal lengths and integers, nothing left over.  No OpenSSL, no allocation:
 * the gate reads the octets that a tls process tells it. */
#ifndef GATE104_CERTS_USER_ROLES_H
#define GATE104_CERTS_USER_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USER_ROLES_OID "1.2.840.10070.8.1"

/* The standard sets no bound to these three; what is beyond them is refused. */
#define USER_ROLES_DER_MAX     1024u /* octets of the extension's value */
#define USER_ROLES_ENTRIES_MAX 16u
#define USER_ROLES_PER_ENTRY   16u
/* Octets; the string sizes of the ASN.1 are taken to count octets, not letters. */
#define USER_ROLES_AREA_MAX       64u
#define USER_ROLES_DEFINITION_MAX 23u

enum user_role_operation {
    USER_ROLE_NO_OPERATION, /* absent */
    USER_ROLE_ADD,
    USER_ROLE_DELETE,
    USER_ROLE_CHANGE,
};

struct user_role_info {
    size_t role_count; /* >= 1 */
    int16_t role[USER_ROLES_PER_ENTRY];
    char area[USER_ROLES_AREA_MAX + 1]; /* UTF-8 without control characters */
    uint8_t revision;
    bool has_definition;
    char definition[USER_ROLES_DEFINITION_MAX + 1]; /* likewise; "" if absent or empty */
    enum user_role_operation operation;
    bool has_sequence;
    uint32_t sequence; /* statusChangeSequenceNumber */
};

struct user_roles {
    size_t count; /* >= 1 */
    struct user_role_info entry[USER_ROLES_ENTRIES_MAX];
};

/* Why octets are no IECUserRoles. */
enum user_roles_fault {
    USER_ROLES_GOOD,
    USER_ROLES_MALFORMED,  /* not the DER of that structure, or more than the bounds */
    USER_ROLES_ROLE,       /* a role id out of range */
    USER_ROLES_AREA,       /* an area that is empty, too long or no text */
    USER_ROLES_REVISION,   /* a revision out of range */
    USER_ROLES_DEFINITION, /* a role definition that is too long or no text */
    USER_ROLES_OPERATION,  /* an operation that is not one of the three */
    USER_ROLES_SEQUENCE,   /* a sequence number out of range */
    USER_ROLES_FAULTS
};

/* Reads exactly n octets, the value of the extension.  On a fault *out is all zero. */
enum user_roles_fault user_roles_read(const uint8_t *der, size_t n,
                                      struct user_roles *out);
/* A sentence for people, e.g. "a role id is out of range"; "" for USER_ROLES_GOOD. */
const char *user_roles_fault_text(enum user_roles_fault fault);

/* True for n octets of UTF-8 without control characters (C0, DEL, C1). */
bool user_roles_text_good(const uint8_t *p, size_t n);

#endif
