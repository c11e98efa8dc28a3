#include "certs/role_name.h"

#include <string.h>

static const char *const names[ROLE_STANDARD_COUNT] = {
    "VIEWER", "OPERATOR", "ENGINEER", "INSTALLER", "SECADM", "SECAUD", "RBACMNT",
};

const char *role_standard_name(int32_t role)
{
    return role >= 0 && role < ROLE_STANDARD_COUNT ? names[role] : NULL;
}

bool role_standard_by_name(const char *name, int16_t *role)
{
    for (int16_t i = 0; i < ROLE_STANDARD_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *role = i;
            return true;
        }
    }
    return false;
}

bool role_name_good(const char *name)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const size_t n = strlen(name);

    return n > 0 && n <= ROLE_NAME_MAX && name[0] >= 'A' && name[0] <= 'Z' &&
           strspn(name, good) == n;
}
