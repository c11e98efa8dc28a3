/* A bounded line of text; what does not fit is cut off and leaves a mark. */
#ifndef GATE104_SIM_TEXT_H
#define GATE104_SIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_TEXT_MAX 65536u /* 127 objects of a type with time tag, as JSON */

struct sim_text {
    size_t n;
    bool cut;
    char s[SIM_TEXT_MAX];
};

void sim_text_clear(struct sim_text *t);
__attribute__((format(printf, 2, 3))) void sim_text_add(struct sim_text *t,
                                                        const char *fmt, ...);
void sim_text_hex(struct sim_text *t, const uint8_t *octets, size_t n);
/* "text" with the escapes JSON wants; octets outside ASCII become \u00XX. */
void sim_text_json_string(struct sim_text *t, const char *s);
/* Octets of a hex string of at most max octets, blanks and colons allowed; -1 when it
 * is none. */
int sim_hex_parse(const char *s, uint8_t *out, size_t max);

#endif
