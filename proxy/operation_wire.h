/* What op.closed says of an operation beside its outcome, on the way from the gate to
 * audit, which treats it as hostile. */
#ifndef GATE104_PROXY_OPERATION_WIRE_H
#define GATE104_PROXY_OPERATION_WIRE_H

#include "proxy/operation.h"

#define OPERATION_WIRE_SIZE 54u

void operation_encode(const struct operation *o, uint8_t out[OPERATION_WIRE_SIZE]);
/* Sets what was encoded, all else 0.  False: that is no operation. */
bool operation_decode(const uint8_t *p, size_t n, struct operation *o);

#endif
