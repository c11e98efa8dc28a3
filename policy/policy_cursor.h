/* Reading a blob: beyond its end there are zeros, and the cursor is bad for good.
 * Private to the policy. */
#ifndef GATE104_POLICY_POLICY_CURSOR_H
#define GATE104_POLICY_POLICY_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy_cursor {
    const uint8_t *p;
    size_t left;
    bool bad;
};

#define POLICY_TAKE_MAX 256u /* octets at a time */

const uint8_t *policy_take(struct policy_cursor *c, size_t n);
/* Little endian, at most four octets. */
uint32_t policy_take_number(struct policy_cursor *c, size_t octets);
uint64_t policy_take_u64(struct policy_cursor *c);
double policy_take_double(struct policy_cursor *c);

#endif
