/* Good messages about recorded APDUs. */
#include "tests/hostile/mutant.h"

#include "proxy/recorded.h"

#include <string.h>

size_t sample_recorded(uint8_t *out)
{
    static const uint8_t testfr[] = {0x68, 4, 0x43, 0, 0, 0};
    const struct msg_endpoint end = {.family = 4, .port = 2404, .addr = {127, 0, 0, 1}};
    const struct msg_recorded m = {.session = 1, .master = end, .station = end};
    const struct recorded_apdu a = {.utc_us = 1, .octets = testfr, .size = sizeof testfr};

    memcpy(out, &m, sizeof m);
    return recorded_put(out, sizeof m, &a);
}

size_t sample_recorded_ack(uint8_t *out)
{
    const struct msg_recorded_ack m = {.taken = 0};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}
