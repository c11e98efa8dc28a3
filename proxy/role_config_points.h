/* Names of points on the way to audit. */
#ifndef GATE104_PROXY_ROLE_CONFIG_POINTS_H
#define GATE104_PROXY_ROLE_CONFIG_POINTS_H

#include "proxy/point_names.h"

struct audit_points {
    uint8_t hash[32]; /* SHA-256 of the list's octets */
    struct point_names names;
};

#endif
