/* SHA-256 over the raw octets of log lines, and its text.  Audit process and CLI. */
#ifndef GATE104_PROXY_AUDIT_HASH_H
#define GATE104_PROXY_AUDIT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_HASH_SIZE     32u
#define AUDIT_HASH_HEX_SIZE 64u

/* Loads what the hash needs; every later call opens nothing.  False: no SHA-256. */
bool audit_hash_warm_up(void);
/* False only when the library fails. */
bool audit_hash(const void *p, size_t n, uint8_t out[AUDIT_HASH_SIZE]);
/* SHA-256 of the octets [from, to) of a file, whatever its size.  False: read error. */
bool audit_hash_range(int fd, uint64_t from, uint64_t to, uint8_t out[AUDIT_HASH_SIZE]);
/* The same in parts; NULL when out of memory.  The end frees, and with `out` NULL does
 * nothing else. */
void *audit_hash_begin(void);
bool audit_hash_add(void *ctx, const void *p, size_t n);
bool audit_hash_more(void *ctx, int fd, uint64_t from, uint64_t to);
bool audit_hash_end(void *ctx, uint8_t out[AUDIT_HASH_SIZE]);

/* Lower-case hex and a NUL; out holds 2n+1. */
void audit_hex(const uint8_t *p, size_t n, char *out);
/* Exactly 2n lower-case digits. */
bool audit_unhex(const char *hex, uint8_t *out, size_t n);

#endif
