/* The catalogue of IEC 62351 security events, by number and by mnemonic.
 *
 * No OpenSSL in here: gate and audit use it without linking that. */
#ifndef GATE104_CERTS_SECURITY_EVENT_H
#define GATE104_CERTS_SECURITY_EVENT_H

#include <stddef.h>

/* Stable, made of part, group and number: IEC62351-3:2.4 is 30204. */
#define SECURITY_EVENT_NUMBER(part, group, number) ((part)*10000 + (group)*100 + (number))

enum security_event {
    SECURITY_NONE = 0,
#define X(part, group, number, mnemonic, severity, text)                                 \
    SECURITY_##mnemonic = SECURITY_EVENT_NUMBER(part, group, number),
#include "certs/security_event.def"
#undef X
};

struct security_event_info {
    enum security_event event;
    const char *id;       /* "IEC62351-3:2.4" */
    const char *mnemonic; /* "TLS_CERT_REVOKED" */
    const char *severity; /* "notice", "warning", "error" or "alarm" */
    const char *text;
};

/* The row of a number that may come from another process; NULL if there is none. */
const struct security_event_info *security_event_info(unsigned long long number);
/* The row of an id; NULL if there is none.  `id` has n octets and needs no NUL. */
const struct security_event_info *security_event_of_id(const void *id, size_t n);
/* SECURITY_NONE if there is none, as for "". */
enum security_event security_event_named(const char *mnemonic);
/* The rows in the order of the table; NULL behind the last. */
const struct security_event_info *security_event_at(unsigned int place);

#endif
