/* ASDUs of IEC 60870-5-7 (application layer authentication, edition of 2013): their
 * fields, as far as lengths go.  Nothing in them is verified: only the stations hold the
 * keys.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_SECAUTH_H
#define GATE104_POLICY_SECAUTH_H

#include "policy/asdu.h"
#include "policy/judgement.h"

/* Judges the fields behind the header of an ASDU of n octets at p; its type has the
 * layout TYPE_LAYOUT_SECAUTH.  True if a fault stands: REASON_SHORT, REASON_TRAILING,
 * REASON_SEGMENTED.  Of an S_AR_NA_1 (aggressive mode request) sets a->inner to the ASDU
 * within. */
bool secauth_check(struct judgement *j, const uint8_t *p, size_t n, size_t header,
                   const struct profile *profile, struct asdu *a);

#endif
