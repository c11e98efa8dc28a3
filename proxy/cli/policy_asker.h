/* A master as the command line describes it: certificate, source address, moment. */
#ifndef GATE104_PROXY_CLI_POLICY_ASKER_H
#define GATE104_PROXY_CLI_POLICY_ASKER_H

#include "policy/policy.h"

#define POLICY_CLI_NAMES_MAX 4096u

struct policy_cli_asker {
    bool has_peer, has_from, has_at;
    uint8_t fingerprint[POLICY_FINGERPRINT];
    char subject[POLICY_PEER_TEXT_MAX + 1], issuer[POLICY_PEER_TEXT_MAX + 1];
    char names[POLICY_CLI_NAMES_MAX]; /* as in identities */
    uint8_t addr[16];                 /* IPv4 as ::ffff:a.b.c.d */
    bool clock_unknown, in_week;
    unsigned int minute; /* of the local week, if in_week */
    int64_t utc;         /* else */
};

/* Each reads one word; false: it is none, and `remedy` says what to write. */
bool policy_cli_peer(struct policy_cli_asker *a, const char *text, char *remedy,
                     size_t cap);
bool policy_cli_from(struct policy_cli_asker *a, const char *text, char *remedy,
                     size_t cap);
/* "Sat 09:00" in local time, "2026-11-21T09:00Z", or "unknown". */
bool policy_cli_at(struct policy_cli_asker *a, const char *text, char *remedy,
                   size_t cap);
/* What of it the policy asks for; without a moment it is now. */
void policy_cli_who(const struct policy_cli_asker *a, const struct policy *p,
                    struct policy_asker *out);

#endif
