/* What 101 7.2.6 says of information elements, as an opinion of its own beside
 * policy/element.c and policy/timetag.c. */
#ifndef GATE104_TESTS_LIB_ELEMENT_ORACLE_H
#define GATE104_TESTS_LIB_ELEMENT_ORACLE_H

#include "policy/quirk.h"
#include "policy/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of "NVA+QDS+CP56"; aborts for an element nobody knows. */
size_t element_oracle_size(const char *elements);

/* The first fault of the elements at p.  Offset: counted from p. */
struct verdict element_oracle(const char *elements, const uint8_t *p, bool control);

#endif
