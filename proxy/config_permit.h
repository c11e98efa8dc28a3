/* Who may grant permits, and how long they last: the group permits of the configuration.
 */
#ifndef GATE104_PROXY_CONFIG_PERMIT_H
#define GATE104_PROXY_CONFIG_PERMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PERMIT_DIR_DEFAULT "/var/lib/gate104"

struct permit_settings {
    uint32_t max_s;     /* no permit lasts longer */
    uint32_t confirm_s; /* a second person has so long */
    uint32_t persons;   /* 1 or 2, of routes that say nothing themselves */
    bool persist;       /* permits may outlive gate104d */
    char *dir;          /* where they are kept; absolute */
    bool has_group;
    char group[64];
    gid_t gid; /* its members may grant, confirm, list and revoke */
};

void config_permit_free(struct permit_settings *s);
/* Persons whom a permit takes on a route: 1 or 2. */
struct config;
uint32_t config_permit_persons(const struct config *c, uint16_t route);
bool config_permit_same(const struct permit_settings *a, const struct permit_settings *b);

#endif
