/* What a route says about roles, on its way to the gate. */
#ifndef GATE104_PROXY_ROLE_CONFIG_ROLES_H
#define GATE104_PROXY_ROLE_CONFIG_ROLES_H

#include "proxy/role_config_wire.h"

/* The fewest and the most octets it can take. */
#define ROLE_SETTINGS_LEAST 8u
#define ROLE_SETTINGS_MOST                                                               \
    (ROLE_SETTINGS_LEAST + ROLE_AREAS_MAX * (2u + USER_ROLES_AREA_MAX) +                 \
     ROLE_DEFINITIONS_MAX * (2u + USER_ROLES_DEFINITION_MAX) +                           \
     ROLE_PRIVATE_MAX * (4u + ROLE_NAME_MAX))

void role_config_put_roles(struct wire_writer *w, const struct role_settings *s);
/* Sets r->bad on anything out of range. */
void role_config_get_roles(struct wire_reader *r, struct role_settings *s);

#endif
