/* The fields of an operation in a log line.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_OPERATION_H
#define GATE104_PROXY_AUDIT_OPERATION_H

#include "proxy/point_names.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Adds the octets of operation_encode() in words; octets that are none as they are, and
 * so in a line with an APDU.  False when out of memory. */
bool audit_operation_put(json_t *line, const struct point_names *names, const uint8_t *p,
                         size_t n);

#endif
