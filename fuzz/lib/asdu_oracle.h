/* A second opinion on one ASDU, written from the clauses and not from policy/asdu.c: the
 * table of types is the text that the unit tests use, the elements are described anew. */
#ifndef GATE104_FUZZ_LIB_ASDU_ORACLE_H
#define GATE104_FUZZ_LIB_ASDU_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oracle {
    ORACLE_FINE,
    ORACLE_UNSOUND, /* type, SQ, count and size do not go together (101 7.2.2, 7.3) */
    ORACLE_ILLEGAL, /* sound, but cause, address or an element is not legal */
};

/* Reads the table; once, before the others. */
void asdu_oracle_init(void);
enum oracle asdu_oracle(const uint8_t *p, size_t n, bool control);
/* True if the cause is legal; all are for a type that is not one of 104. */
bool asdu_oracle_cause(uint8_t type, unsigned int cause, bool control);
/* Octets of an object's elements, without a segment; the type is one of 104. */
size_t asdu_oracle_octets(uint8_t type);

#endif
