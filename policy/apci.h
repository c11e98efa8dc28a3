/* APCI: the frame of IEC 60870-5-104 clause 5 (start octet, length, control field).
 *
 * Pure: no I/O, no allocation, no state between calls, callable from any process. */
#ifndef GATE104_POLICY_APCI_H
#define GATE104_POLICY_APCI_H

#include "policy/reason.h"

#include <stddef.h>
#include <stdint.h>

#define APCI_START      0x68u
#define APCI_LENGTH_MIN 4u   /* smallest value of the length octet */
#define APCI_LENGTH_MAX 253u /* largest value of the length octet */
#define APDU_SIZE_MIN   6u   /* octets on the wire, S- and U-format */
#define APDU_SIZE_MAX   255u /* octets on the wire */
#define ASDU_SIZE_MAX   249u
#define APCI_SEQ_MOD    32768u /* N(S), N(R) count modulo 2^15 */

enum apci_format { APCI_I, APCI_S, APCI_U };

/* Third octet of a U-frame: exactly one function (104 clause 5.1, figure 8). */
enum apci_function {
    APCI_STARTDT_ACT = 0x07,
    APCI_STARTDT_CON = 0x0B,
    APCI_STOPDT_ACT = 0x13,
    APCI_STOPDT_CON = 0x23,
    APCI_TESTFR_ACT = 0x43,
    APCI_TESTFR_CON = 0x83,
};

struct apci {
    enum apci_format format;
    enum apci_function function; /* U only */
    uint16_t ns;                 /* I only, 0..32767 */
    uint16_t nr;                 /* I and S, 0..32767 */
    const uint8_t *asdu;         /* I only, points into the input */
    size_t asdu_size;            /* 0 for S and U */
};

/* The language of frames, in ACSL; `policy/prove` shows that the code accepts exactly it
 * (doc/proof.md).  apci_begins: the n octets at b begin a frame; apci_frame: they are
 * one. */
/*@ predicate apci_is_function(integer f) =
      f == 0x07 || f == 0x0B || f == 0x13 || f == 0x23 || f == 0x43 || f == 0x83;
    predicate apci_is_i(uint8_t *b, integer n) =
      b[2] % 2 == 0 && b[1] >= 5 && (n >= 5 ==> b[4] % 2 == 0);
    predicate apci_is_s(uint8_t *b, integer n) =
      b[2] == 0x01 && b[1] == 4 && (n >= 4 ==> b[3] == 0) && (n >= 5 ==> b[4] % 2 == 0);
    predicate apci_is_u(uint8_t *b, integer n) =
      apci_is_function(b[2]) && b[1] == 4 && (n >= 4 ==> b[3] == 0) &&
      (n >= 5 ==> b[4] == 0) && (n >= 6 ==> b[5] == 0);
    predicate apci_begins(uint8_t *b, integer n) =
      (n >= 1 ==> b[0] == 0x68) && (n >= 2 ==> 4 <= b[1] <= 253) &&
      (n >= 3 ==> apci_is_i(b, n) || apci_is_s(b, n) || apci_is_u(b, n));
    predicate apci_frame(uint8_t *b, integer n) =
      6 <= n <= 255 && n == b[1] + 2 && apci_begins(b, n);
    logic integer apci_sequence(uint8_t *p) = (p[0] + 256 * p[1]) / 2;
 */

/* Looks for one complete APDU at the start of buf[0..n).
 *
 * Gives the APDU's size in octets (6..255) in *size when it is complete, 0 when more
 * octets are needed.  Every octet present is judged at once: a wrong start octet, length
 * or control field is a verdict before the rest has come.  On a verdict other than
 * REASON_OK *size is 0 and the stream cannot go on. */
/*@ requires \valid_read(buf + (0 .. n - 1)) && \valid(size);
    requires \separated(size, buf + (0 .. n - 1));
    assigns *size;
    ensures sound: \result.reason == REASON_OK ==> apci_begins(buf, n);
    ensures complete: apci_begins(buf, n) ==> \result.reason == REASON_OK;
    ensures size: apci_begins(buf, n) && n >= 2 && n >= buf[1] + 2 ==> *size != 0;
    ensures frame: *size != 0 ==> *size <= n && apci_frame(buf, *size);
    ensures offset: \result.reason == REASON_OK ? \result.offset == 0
                                                : \result.offset < n; */
struct verdict apci_scan(const uint8_t *buf, size_t n, size_t *size);

/* Takes apart one complete APDU of exactly n octets. */
/*@ requires \valid_read(apdu + (0 .. n - 1)) && \valid(out);
    requires \separated(out, apdu + (0 .. n - 1));
    assigns *out;
    ensures sound: \result.reason == REASON_OK ==> apci_frame(apdu, n);
    ensures complete: apci_frame(apdu, n) ==> \result.reason == REASON_OK;
    ensures i: apci_frame(apdu, n) && apci_is_i(apdu, n) ==>
      out->format == APCI_I && out->ns == apci_sequence(apdu + 2) &&
      out->nr == apci_sequence(apdu + 4) && out->asdu == apdu + 6 &&
      out->asdu_size == n - 6;
    ensures s: apci_frame(apdu, n) && apci_is_s(apdu, n) ==>
      out->format == APCI_S && out->nr == apci_sequence(apdu + 4) &&
      out->asdu == \null && out->asdu_size == 0;
    ensures u: apci_frame(apdu, n) && apci_is_u(apdu, n) ==>
      out->format == APCI_U && out->function == apdu[2] && out->asdu == \null &&
      out->asdu_size == 0; */
struct verdict apci_parse(const uint8_t *apdu, size_t n, struct apci *out);

/* Write a frame of 6 octets. */
/*@ requires \valid(out + (0 .. 5)) && nr < 32768;
    assigns out[0 .. 5];
    ensures apci_frame(out, 6) && apci_is_s(out, 6) && apci_sequence(out + 4) == nr; */
void apci_put_s(uint8_t out[APDU_SIZE_MIN], uint16_t nr);
/*@ requires \valid(out + (0 .. 5)) && apci_is_function(function);
    assigns out[0 .. 5];
    ensures apci_frame(out, 6) && out[2] == function; */
void apci_put_u(uint8_t out[APDU_SIZE_MIN], enum apci_function function);
/* Writes the six APCI octets of an I-frame that carries asdu_size (1..249) octets. */
/*@ requires \valid(out + (0 .. 5)) && ns < 32768 && nr < 32768;
    requires 1 <= asdu_size <= 249;
    assigns out[0 .. 5];
    ensures apci_begins(out, 6) && apci_is_i(out, 6) && out[1] == asdu_size + 4;
    ensures apci_sequence(out + 2) == ns && apci_sequence(out + 4) == nr; */
void apci_put_i(uint8_t out[APDU_SIZE_MIN], uint16_t ns, uint16_t nr, size_t asdu_size);

/* "STARTDT act" and so on. */
/*@ assigns \nothing;
    ensures \result != \null; */
const char *apci_function_name(enum apci_function function);

#endif
