#include "tests/sim/apdu.h"

#include <stdbool.h>
#include <string.h>

int sim_apdu_size(const uint8_t *octets, size_t n)
{
    size_t size;

    if (n >= 1 && octets[0] != SIM_START)
        return -1;
    if (n < 2)
        return 0;
    size = octets[1] + 2u;
    if (size < SIM_APDU_MIN || size > SIM_APDU_MAX)
        return -1;
    return n < size ? 0 : (int)size;
}

static bool function_known(uint8_t f)
{
    return f == SIM_STARTDT_ACT || f == SIM_STARTDT_CON || f == SIM_STOPDT_ACT ||
           f == SIM_STOPDT_CON || f == SIM_TESTFR_ACT || f == SIM_TESTFR_CON;
}

static const char *open_su(struct sim_apdu *f, const uint8_t *apdu, size_t n)
{
    if (n != SIM_APDU_MIN)
        return "S- or U-format with octets behind the control field";
    if ((apdu[2] & 3u) == 1u) {
        f->format = SIM_S;
        f->nr = (uint16_t)(apdu[4] >> 1 | apdu[5] << 7);
        if (apdu[2] != 1 || apdu[3] != 0 || (apdu[4] & 1u) != 0)
            return "reserved bits set in an S-format control field";
        return NULL;
    }
    f->format = SIM_U;
    f->function = apdu[2];
    if (!function_known(apdu[2]) || apdu[3] != 0 || apdu[4] != 0 || apdu[5] != 0)
        return "U-format that is not exactly one function";
    return NULL;
}

const char *sim_apdu_open(struct sim_apdu *f, const uint8_t *apdu, size_t n)
{
    memset(f, 0, sizeof *f);
    if (sim_apdu_size(apdu, n) <= 0 || (size_t)sim_apdu_size(apdu, n) != n)
        return "start octet or length wrong";
    if ((apdu[2] & 1u) != 0)
        return open_su(f, apdu, n);
    f->format = SIM_I;
    f->ns = (uint16_t)(apdu[2] >> 1 | apdu[3] << 7);
    f->nr = (uint16_t)(apdu[4] >> 1 | apdu[5] << 7);
    f->asdu = apdu + SIM_APDU_MIN;
    f->asdu_size = n - SIM_APDU_MIN;
    if ((apdu[4] & 1u) != 0)
        return "reserved bit set in an I-format control field";
    return f->asdu_size == 0 ? "I-format without an ASDU" : NULL;
}

static size_t put(uint8_t *out, size_t asdu, unsigned int a, unsigned int b)
{
    out[0] = SIM_START;
    out[1] = (uint8_t)(4u + asdu);
    out[2] = (uint8_t)(a & 0xFFu);
    out[3] = (uint8_t)(a >> 8);
    out[4] = (uint8_t)(b & 0xFFu);
    out[5] = (uint8_t)(b >> 8);
    return SIM_APDU_MIN + asdu;
}

size_t sim_apdu_put_u(uint8_t *out, uint8_t function)
{
    return put(out, 0, function, 0);
}

size_t sim_apdu_put_s(uint8_t *out, uint16_t nr)
{
    return put(out, 0, 1, (unsigned int)nr << 1);
}

size_t sim_apdu_put_i(uint8_t *out, uint16_t ns, uint16_t nr, const uint8_t *asdu,
                      size_t n)
{
    memcpy(out + SIM_APDU_MIN, asdu, n);
    return put(out, n, (unsigned int)ns << 1, (unsigned int)nr << 1);
}
