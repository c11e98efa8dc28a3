/* Finds members of a log line by name, in a line whose form audit_envelope_parse() has
 * found good: for the few records of which a verifier needs more than the frame.
 * Pure; audit process and CLI. */
#ifndef GATE104_PROXY_AUDIT_FIELD_H
#define GATE104_PROXY_AUDIT_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a member between the severity and `prev`, as it stands in the line: a text
 * with its quotes.  NULL if there is none of that name, or what stands in front of it is
 * no list of members with flat values. */
const char *audit_field(const char *line, size_t n, const char *name, size_t *size);

bool audit_field_number(const char *line, size_t n, const char *name, uint64_t *out);
/* Exactly `size` octets as lower-case hex. */
bool audit_field_hex(const char *line, size_t n, const char *name, uint8_t *out,
                     size_t size);
/* A text without backslashes, copied with a NUL; false if it does not fit. */
bool audit_field_text(const char *line, size_t n, const char *name, char *out,
                      size_t cap);

#endif
