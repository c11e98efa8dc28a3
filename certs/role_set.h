/* Which roles of a certificate hold on a route, and what is to be said about the others.
 *
 * No OpenSSL, no allocation: the gate evaluates what a tls process tells it.  A role can
 * only narrow what the policy allows to everybody, so a tls process that lies about roles
 * gains no more than the roles that the policy knows. */
#ifndef GATE104_CERTS_ROLE_SET_H
#define GATE104_CERTS_ROLE_SET_H

#include "certs/role_name.h"
#include "certs/user_roles.h"

#define ROLE_AREAS_MAX       16u
#define ROLE_DEFINITIONS_MAX 4u
#define ROLE_PRIVATE_MAX     16u
#define ROLE_SET_MAX         (ROLE_STANDARD_COUNT + ROLE_PRIVATE_MAX)
/* Octets of role_set_text, with its NUL. */
#define ROLE_SET_TEXT_MAX 256u

/* The definition of the standard's own roles, and that of an entry that names none. */
#define ROLE_DEFINITION_STANDARD "IEC62351-8"

/* What a route says about roles. */
struct role_settings {
    size_t area_count; /* areas of responsibility its stations belong to */
    char area[ROLE_AREAS_MAX][USER_ROLES_AREA_MAX + 1];
    bool has_revision;
    uint8_t revision;        /* that every entry has to have */
    size_t definition_count; /* beside ROLE_DEFINITION_STANDARD */
    char definition[ROLE_DEFINITIONS_MAX][USER_ROLES_DEFINITION_MAX + 1];
    bool has_default; /* a certificate without roles has this one; else none */
    int16_t default_role;
    size_t named_count; /* private roles that the policy knows */
    struct role_private {
        int16_t role; /* < 0 */
        char name[ROLE_NAME_MAX + 1];
    } named[ROLE_PRIVATE_MAX];
};

/* What a certificate was found to carry. */
enum role_token {
    ROLE_TOKEN_NONE,
    ROLE_TOKEN_ONE,      /* an extension; its octets are with it */
    ROLE_TOKEN_SEVERAL,  /* RFC 5280 4.2 allows one */
    ROLE_TOKEN_TOO_LONG, /* more than USER_ROLES_DER_MAX octets */
    ROLE_TOKENS
};

enum role_event {
#define X(symbol, number, mnemonic, text) symbol,
#include "certs/role_event.def"
#undef X
    ROLE_EVENTS
};

struct role_event_info {
    const char *number;   /* "1.6": IEC62351-8:1.6 */
    const char *mnemonic; /* "AT_AOR_UNKNOWN" */
    const char *text;     /* a sentence for people */
};
/* NULL for a number that is none. */
const struct role_event_info *role_event_info(unsigned int event);

struct role_held {
    int16_t role;
    uint8_t revision;
    char definition[USER_ROLES_DEFINITION_MAX + 1];
};

struct role_set {
    size_t count; /* each role once */
    struct role_held held[ROLE_SET_MAX];
    uint32_t events;             /* bit n: enum role_event n */
    bool malformed;              /* there is an extension that cannot be read */
    enum user_roles_fault fault; /* why */
};

/* `der`, n: the extension of ROLE_TOKEN_ONE, not looked at otherwise.  The roles of all
 * entries that are good hold together; an entry with anything that the route does not
 * know gives none and is told of in `events`, and operation delete gives none. */
void role_set_evaluate(const struct role_settings *settings, enum role_token token,
                       const uint8_t *der, size_t n, struct role_set *out);
/* The set of a session whose master has no certificate: the default role, or none. */
void role_set_default(const struct role_settings *settings, struct role_set *out);

/* "OPERATOR:1:IEC62351-8 VIEWER:1:IEC62351-8" (role, revision, definition), "none"
 * without roles; cut with "..." at ROLE_SET_TEXT_MAX - 1 octets. */
void role_set_text(const struct role_settings *settings, const struct role_set *set,
                   char text[ROLE_SET_TEXT_MAX]);

#endif
