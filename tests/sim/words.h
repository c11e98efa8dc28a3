/* APDUs and ASDUs in words, for people, or as members of a JSON object, for programs. */
#ifndef GATE104_SIM_WORDS_H
#define GATE104_SIM_WORDS_H

#include "tests/sim/element.h"
#include "tests/sim/text.h"

/* How many objects a line in words names before it says how many more there are. */
#define SIM_WORDS_OBJECTS 6u

/* "C_SC_NA_1 single command, activation, CA 1, IOA 1001 on" */
void sim_words_asdu(struct sim_text *t, const uint8_t *asdu, size_t n, bool all);
/* "STARTDT act", "S N(R) 3", "I N(S) 0 N(R) 0: ..." for a whole APDU. */
void sim_words_apdu(struct sim_text *t, const uint8_t *apdu, size_t n, bool all);
/* "frame":"I","ns":0,"nr":0,"type":45,... without the braces around. */
void sim_json_apdu(struct sim_text *t, const uint8_t *apdu, size_t n);
/* The function of a U-frame, "STARTDT act", or "no known function". */
const char *sim_function_name(uint8_t octet);

#endif
