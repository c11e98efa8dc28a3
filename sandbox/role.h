/* The processes of gate104. */
#ifndef GATE104_SANDBOX_ROLE_H
#define GATE104_SANDBOX_ROLE_H

#include <stdbool.h>

enum role {
    ROLE_MONITOR = 0,
    ROLE_BROKER = 1,
    ROLE_TLS = 2,
    ROLE_GATE = 3,
    ROLE_SIGNER = 4,
    ROLE_AUDIT = 5,
    ROLE_FETCHER = 6,
    ROLE_COUNT = 7,
};

/* "monitor", "broker", ...; "unknown" for a number that is no role. */
const char *role_name(unsigned int role);
bool role_valid(unsigned int role);

#endif
