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

/* Looks for one complete APDU at the start of buf[0..n).
 *
 * Gives the APDU's size in octets (6..255) in *size when it is complete, 0 when more
 * octets are needed.  Every octet present is judged at once: a wrong start octet, length
 * or control field is a verdict before the rest has come.  On a verdict other than
 * REASON_OK *size is 0 and the stream cannot go on. */
struct verdict apci_scan(const uint8_t *buf, size_t n, size_t *size);

/* Takes apart one complete APDU of exactly n octets. */
struct verdict apci_parse(const uint8_t *apdu, size_t n, struct apci *out);

/* Write a frame of 6 octets. */
void apci_put_s(uint8_t out[APDU_SIZE_MIN], uint16_t nr);
void apci_put_u(uint8_t out[APDU_SIZE_MIN], enum apci_function function);
/* Writes the six APCI octets of an I-frame that carries asdu_size (1..249) octets. */
void apci_put_i(uint8_t out[APDU_SIZE_MIN], uint16_t ns, uint16_t nr, size_t asdu_size);

/* "STARTDT act" and so on. */
const char *apci_function_name(enum apci_function function);

#endif
