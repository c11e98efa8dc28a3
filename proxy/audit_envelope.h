/* The part of a log line that is the same in every record, read from its raw octets.
 *
 * A line begins {"v":1,"seq":N,"time":"...","mono_ms":N,"boot":"...","from":"...",
 * "event":"...","severity":"..." and ends ,"prev":"<64 hex digits>"} and a newline, in
 * exactly this form; doc/log-format.md defines it.  Verifying needs no JSON parser.
 *
 * Pure; audit process and CLI. */
#ifndef GATE104_PROXY_AUDIT_ENVELOPE_H
#define GATE104_PROXY_AUDIT_ENVELOPE_H

#include "proxy/audit_hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_FORMAT_VERSION 1
/* Octets of a line, newline included. */
#define AUDIT_LINE_MAX 8192u
/* "2026-11-21T02:33:04.123Z" */
#define AUDIT_TIME_SIZE 24u
#define AUDIT_BOOT_SIZE 8u

struct audit_envelope {
    uint64_t seq;
    char time[AUDIT_TIME_SIZE + 1];
    uint64_t mono_ms;
    char boot[AUDIT_BOOT_SIZE + 1];
    char from[32];
    char event[48];
    char severity[16];
    uint8_t prev[AUDIT_HASH_SIZE];
};

/* Reads a whole line of n octets, newline included.  NULL when it has the form, else a
 * few words on what is wrong.  Every octet but the newline must be printable ASCII. */
const char *audit_envelope_parse(const char *line, size_t n, struct audit_envelope *e);

#endif
