/* What an APDU says, beside its octets in a log line.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_APDU_H
#define GATE104_PROXY_AUDIT_APDU_H

#include "policy/profile.h"
#include "policy/types.h"
#include "proxy/point_names.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit_apdu_context {
    enum direction dir;
    const struct profile *profile;   /* what its route speaks */
    const struct point_names *names; /* of its objects; NULL: none */
};

/* Adds what can be read of the octets to `line`: "frame", and of an I-frame the ASDU's
 * header, first object and value.  The octets may be anything, cut ones too: what cannot
 * be read is left out.  False when out of memory. */
bool audit_apdu_describe(json_t *line, const uint8_t *apdu, size_t n,
                         const struct audit_apdu_context *c);

/* Adds "point", the name of an object, if it has one.  False when out of memory. */
bool audit_apdu_point(json_t *line, const struct point_names *names, uint16_t ca,
                      uint32_t ioa, uint8_t type);

/* Adds a value as its kind is written; any double may come.  False when out of memory. */
bool audit_apdu_value(json_t *line, const char *key, enum type_value kind, double v);

#endif
