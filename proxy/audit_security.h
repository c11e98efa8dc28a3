/* The security event of a record: which one, and how it stands in the line.
 *
 * Pure; audit process. */
#ifndef GATE104_PROXY_AUDIT_SECURITY_H
#define GATE104_PROXY_AUDIT_SECURITY_H

#include "certs/security_event.h"
#include "proxy/record.h"

#include <jansson.h>
#include <stdbool.h>

/* The security event of records whose sender names none; SECURITY_NONE if there is none
 * for this kind of record. */
enum security_event audit_security_of(enum event event);
/* Adds KEY_mnemonic and KEY_severity of an event.  False when out of memory. */
bool audit_security_put(json_t *line, const char *key,
                        const struct security_event_info *info);

#endif
