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
/*@ requires judging(j) && header <= n <= 249 && \valid_read(p + (0 .. n - 1));
    requires \valid_read(profile) && sizes_legal(profile) && header <= 6;
    requires \valid(a) && a->inner == \null;
    requires \separated(j, a) && \separated(j, profile) && \separated(a, profile);
    requires \separated(j, p + (0 .. n - 1)) && \separated(a, p + (0 .. n - 1));
    assigns j->tolerated, j->fault, a->inner, a->inner_size;
    ensures judged{Pre, Post}(j, \result);
    ensures kept: j->tolerated == \old(j->tolerated);
    ensures inner: a->inner != \null ==> a->inner == p + header + 1 &&
      header + 1 + a->inner_size + 10 <= n;
    ensures told: a->inner != \null && a->inner_size != 0 ==>
      type_known(a->inner[0]) && has_objects(&TYPE_TABLE[a->inner[0]]) &&
      a->inner_size ==
        octets_told(a->inner, n - header - 1, &TYPE_TABLE[a->inner[0]], profile); */
bool secauth_check(struct judgement *j, const uint8_t *p, size_t n, size_t header,
                   const struct profile *profile, struct asdu *a);

#endif
