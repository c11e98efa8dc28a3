/* Time tags, 101 clauses 7.2.6.18 to 7.2.6.20: which octets are a time.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_TIMETAG_H
#define GATE104_POLICY_TIMETAG_H

#include "policy/judgement.h"

/* Each judges the octets at p, `at` being where they are in what is judged.  True if a
 * fault stands: REASON_RESERVED_BIT or REASON_BAD_TIME.  A time marked invalid is a fault
 * in control direction: it is none to act upon.  In monitor direction it says that the
 * station's clock is not set; what it shows is then not looked at. */
bool timetag_check_cp16(struct judgement *j, const uint8_t *p, size_t at); /* 2 octets */
bool timetag_check_cp24(struct judgement *j, const uint8_t *p, size_t at); /* 3 octets */
bool timetag_check_cp56(struct judgement *j, const uint8_t *p, size_t at); /* 7 octets */
/* As timetag_check_cp56; all zero means that there is no bound (type 127). */
bool timetag_check_bound(struct judgement *j, const uint8_t *p, size_t at);

#endif
