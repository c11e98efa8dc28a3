/* What the audit process is told of syslog: part of its configuration. */
#ifndef GATE104_PROXY_ROLE_CONFIG_SHIP_H
#define GATE104_PROXY_ROLE_CONFIG_SHIP_H

#include <stdint.h>

/* Which records leave for syslog; seals always do, unless none do. */
enum ship_what { SHIP_OFF = 0, SHIP_SECURITY = 1, SHIP_ALL = 2 };

#define SHIP_LAG_MIN      5u
#define SHIP_LAG_MAX      172800u
#define SHIP_SIZE_MIN     1024u
#define SHIP_SIZE_MAX     65536u
#define SHIP_SIZE_DEFAULT 16384u /* nothing is cut */
#define SHIP_ENTERPRISE   32473u /* for documentation, RFC 5612 */

struct ship_config {
    enum ship_what what;
    uint32_t lag_s;      /* a record not yet shipped may be this old before an alarm */
    uint32_t size_max;   /* octets of a message */
    uint32_t enterprise; /* number of the structured data's name */
};

#endif
