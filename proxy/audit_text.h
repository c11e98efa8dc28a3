/* Octets that somebody else chose (names in certificates, words of a peer), made safe to
 * print.  Pure. */
#ifndef GATE104_PROXY_AUDIT_TEXT_H
#define GATE104_PROXY_AUDIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes p[0..n) as printable ASCII and a NUL: every other octet, and the backslash, as
 * \xNN with upper-case digits, so that the octets can be had back.  Stops, and gives
 * false, before the text would take more than `limit` octets as a JSON string ('"' and
 * '\' take two there).  `out` holds limit + 1. */
bool audit_text_escape(const uint8_t *p, size_t n, char *out, size_t limit);

#endif
