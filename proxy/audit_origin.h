/* Which process may tell of what.  The channel says who writes; this says what somebody
 * of that role has to write about, so that a process that was taken over can forge
 * records of its own work only.  Pure; audit process. */
#ifndef GATE104_PROXY_AUDIT_ORIGIN_H
#define GATE104_PROXY_AUDIT_ORIGIN_H

#include "proxy/record.h"
#include "proxy/role_config.h"
#include "sandbox/role.h"

/* True if `sender`, number `id` among those of its role, may send a payload that
 * record_check() has found good. */
bool audit_origin_good(const struct audit_config *c, enum role sender, uint32_t id,
                       const struct record_head *head, const uint8_t *payload, size_t n);

#endif
