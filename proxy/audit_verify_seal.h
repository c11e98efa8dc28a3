/* Reads a seal from its line: the members of log.seal in the one order and form that
 * doc/log-format.md gives them.  Pure; CLI, tests. */
#ifndef GATE104_PROXY_AUDIT_VERIFY_SEAL_H
#define GATE104_PROXY_AUDIT_VERIFY_SEAL_H

#include "proxy/audit_envelope.h"

#define AUDIT_SEAL_EVENT    "log.seal"
#define AUDIT_SEAL_FROM     "audit-0" /* a seal comes from the log itself */
#define AUDIT_SEAL_KEY_SIZE 8u
#define AUDIT_SEAL_SIG_SIZE 64u

/* Of the records that a seal covers. */
struct audit_seal_counts {
    uint64_t commands;
    uint64_t refusals;
    uint64_t alarms;
    uint64_t gaps;
};

struct audit_seal_line {
    uint64_t epoch;
    uint64_t first_seq;
    uint64_t records;
    struct audit_seal_counts counts;
    char why[16];
    char clock[16];
    char version[40];
    uint8_t config[AUDIT_HASH_SIZE];
    uint8_t key[AUDIT_SEAL_KEY_SIZE]; /* which key signed */
    uint8_t before[AUDIT_HASH_SIZE];  /* of the line of the seal before */
    uint8_t mac[AUDIT_HASH_SIZE];
    uint8_t sig[AUDIT_SEAL_SIG_SIZE];
    /* What MAC and signature are over: the octets up to here, and the rest behind sig. */
    size_t mac_at;
    size_t sig_at;
    size_t rest_at;
};

/* A line of event log.seal that audit_envelope_parse() has found good.  NULL, or a few
 * words on what is wrong. */
const char *audit_seal_parse(const char *line, size_t n, struct audit_seal_line *out);

#endif
