/* Time tags, 101 clauses 7.2.6.18 to 7.2.6.20: which octets are a time.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_TIMETAG_H
#define GATE104_POLICY_TIMETAG_H

#include "policy/judgement.h"

/* The same in ACSL: what is a time, and what a time may be that is marked invalid. */
/*@ predicate time_of_minute(uint8_t *p) = p[0] + 256 * p[1] <= 59999;
    predicate legal_day(integer day, integer month, integer year) =
      1 <= day <= 31 && 1 <= month <= 12 &&
      (month == 4 || month == 6 || month == 9 || month == 11 ==> day <= 30) &&
      (month == 2 ==> day <= 28 || day == 29 && year % 4 == 0);
    predicate time_invalid(uint8_t *p) = (p[2] & 0x80) != 0;
    predicate legal_cp24(uint8_t *p, integer dir) =
      (p[2] & 0x40) == 0 && (dir == DIR_CONTROL ==> !time_invalid(p)) &&
      (time_invalid(p) || time_of_minute(p) && (p[2] & 0x3F) <= 59);
    predicate legal_cp56(uint8_t *p, integer dir) =
      (p[3] & 0x60) == 0 && (p[5] & 0xF0) == 0 && (p[6] & 0x80) == 0 &&
      (dir == DIR_CONTROL ==> !time_invalid(p)) &&
      (time_invalid(p) ||
       time_of_minute(p) && (p[2] & 0x3F) <= 59 && (p[3] & 0x1F) <= 23 &&
       (p[6] & 0x7F) <= 99 && legal_day(p[4] & 0x1F, p[5] & 0x0F, p[6] & 0x7F));
    predicate all_zero(uint8_t *p, integer n) =
      \forall integer i; 0 <= i < n ==> p[i] == 0;
 */

/* Each judges the octets at p, `at` being where they are in what is judged.  True if a
 * fault stands: REASON_RESERVED_BIT or REASON_BAD_TIME.  A time marked invalid is a fault
 * in control direction: it is none to act upon.  In monitor direction it says that the
 * station's clock is not set; what it shows is then not looked at. */
/* 2 octets */
/*@ requires judging(j) && at <= 60000;
    requires \valid_read(p + (0 .. 1)) && \separated(j, p + (0 .. 1));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 ==> time_of_minute(p); */
bool timetag_check_cp16(struct judgement *j, const uint8_t *p, size_t at);
/* 3 octets */
/*@ requires judging(j) && at <= 60000;
    requires \valid_read(p + (0 .. 2)) && \separated(j, p + (0 .. 2));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 ==> legal_cp24(p, j->dir); */
bool timetag_check_cp24(struct judgement *j, const uint8_t *p, size_t at);
/* 7 octets */
/*@ requires judging(j) && at <= 60000;
    requires \valid_read(p + (0 .. 6)) && \separated(j, p + (0 .. 6));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 ==> legal_cp56(p, j->dir); */
bool timetag_check_cp56(struct judgement *j, const uint8_t *p, size_t at);
/* As timetag_check_cp56; all zero means that there is no bound (type 127). */
/*@ requires judging(j) && at <= 60000;
    requires \valid_read(p + (0 .. 6)) && \separated(j, p + (0 .. 6));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 ==>
      all_zero(p, 7) || legal_cp56(p, j->dir); */
bool timetag_check_bound(struct judgement *j, const uint8_t *p, size_t at);

#endif
