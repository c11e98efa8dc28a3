#include "policy/policy_cursor.h"

#include <string.h>

const uint8_t *policy_take(struct policy_cursor *c, size_t n)
{
    static const uint8_t zeros[POLICY_TAKE_MAX];
    const uint8_t *p = c->p;

    if (c->bad || n > c->left) {
        c->bad = true;
        return zeros;
    }
    c->p += n;
    c->left -= n;
    return p;
}

uint32_t policy_take_number(struct policy_cursor *c, size_t octets)
{
    const uint8_t *p = policy_take(c, octets);
    uint32_t v = 0;

    for (size_t i = octets; i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

uint64_t policy_take_u64(struct policy_cursor *c)
{
    const uint64_t low = policy_take_number(c, 4);

    return low | (uint64_t)policy_take_number(c, 4) << 32;
}

double policy_take_double(struct policy_cursor *c)
{
    const uint64_t bits = policy_take_u64(c);
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}
