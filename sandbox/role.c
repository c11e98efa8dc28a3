#include "sandbox/role.h"

#include <stddef.h>

static const char *const names[ROLE_COUNT] = {
    [ROLE_MONITOR] = "monitor", [ROLE_BROKER] = "broker", [ROLE_TLS] = "tls",
    [ROLE_GATE] = "gate",       [ROLE_SIGNER] = "signer", [ROLE_AUDIT] = "audit",
    [ROLE_FETCHER] = "fetcher",
};

const char *role_name(unsigned int role)
{
    return role_valid(role) ? names[role] : "unknown";
}

bool role_valid(unsigned int role)
{
    return role < ROLE_COUNT;
}
