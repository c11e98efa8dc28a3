#include "policy/apci.h"

#include <assert.h>
#include <string.h>

/* What 104 5.1 (figures 6 to 8) fixes for each format: the bits of the control octets
 * that are 0, and the values of the length octet.  An I-frame carries an ASDU. */
struct format_rule {
    enum reason reason;
    uint8_t zero[4];
    uint8_t length_min, length_max;
};

static const struct format_rule FORMATS[] = {
    [APCI_I] = {REASON_BAD_I, {0x00, 0x00, 0x01, 0x00}, 5, APCI_LENGTH_MAX},
    [APCI_S] = {REASON_BAD_S, {0xFE, 0xFF, 0x01, 0x00}, 4, 4},
    [APCI_U] = {REASON_BAD_U, {0x00, 0xFF, 0xFF, 0xFF}, 4, 4},
};

static const struct {
    enum apci_function function;
    const char *name;
} FUNCTIONS[] = {
    {APCI_STARTDT_ACT, "STARTDT act"}, {APCI_STARTDT_CON, "STARTDT con"},
    {APCI_STOPDT_ACT, "STOPDT act"},   {APCI_STOPDT_CON, "STOPDT con"},
    {APCI_TESTFR_ACT, "TESTFR act"},   {APCI_TESTFR_CON, "TESTFR con"},
};
#define FUNCTIONS_N (sizeof FUNCTIONS / sizeof FUNCTIONS[0])

static const char *function_name(uint8_t octet)
{
    for (size_t i = 0; i < FUNCTIONS_N; i++)
        if ((uint8_t)FUNCTIONS[i].function == octet)
            return FUNCTIONS[i].name;
    return NULL;
}

static enum apci_format format_of(uint8_t octet)
{
    if ((octet & 0x01) == 0)
        return APCI_I;
    return (octet & 0x02) == 0 ? APCI_S : APCI_U;
}

static struct verdict verdict_of(enum reason reason, uint16_t offset)
{
    return (struct verdict){.reason = reason, .offset = offset};
}

/* The control octets that are there, and the length octet in the light of the format;
 * 3 <= n. */
static struct verdict judge_control(const uint8_t *buf, size_t n)
{
    const enum apci_format format = format_of(buf[2]);
    const struct format_rule *rule = &FORMATS[format];

    if (format == APCI_U && function_name(buf[2]) == NULL)
        return verdict_of(rule->reason, 2);
    if ((buf[2] & rule->zero[0]) != 0)
        return verdict_of(rule->reason, 2);
    if (buf[1] < rule->length_min || buf[1] > rule->length_max)
        return verdict_of(rule->reason, 1);
    for (uint16_t i = 3; i < APDU_SIZE_MIN && i < n; i++)
        if ((buf[i] & rule->zero[i - 2]) != 0)
            return verdict_of(rule->reason, i);
    return verdict_of(REASON_OK, 0);
}

/* Every octet that is there, one after the other: what is judged from the first m octets
 * is never taken back when more come. */
static struct verdict judge(const uint8_t *buf, size_t n)
{
    if (n >= 1 && buf[0] != APCI_START)
        return verdict_of(REASON_BAD_START, 0);
    if (n >= 2 && (buf[1] < APCI_LENGTH_MIN || buf[1] > APCI_LENGTH_MAX))
        return verdict_of(REASON_BAD_LENGTH, 1);
    if (n >= 3)
        return judge_control(buf, n);
    return verdict_of(REASON_OK, 0);
}

struct verdict apci_scan(const uint8_t *buf, size_t n, size_t *size)
{
    const struct verdict v = judge(buf, n);

    *size = 0;
    if (v.reason == REASON_OK && n >= 2 && n >= (size_t)buf[1] + 2)
        *size = (size_t)buf[1] + 2;
    return v;
}

static uint16_t sequence_number(const uint8_t *p)
{
    return (uint16_t)((p[0] | (unsigned int)p[1] << 8) >> 1);
}

struct verdict apci_parse(const uint8_t *apdu, size_t n, struct apci *out)
{
    const struct verdict v = judge(apdu, n);

    memset(out, 0, sizeof *out);
    if (v.reason != REASON_OK)
        return v;
    if (n < APDU_SIZE_MIN || n != (size_t)apdu[1] + 2)
        return verdict_of(REASON_BAD_LENGTH, 1);
    out->format = format_of(apdu[2]);
    if (out->format == APCI_U) {
        out->function = (enum apci_function)apdu[2];
        return v;
    }
    out->nr = sequence_number(apdu + 4);
    if (out->format == APCI_I) {
        out->ns = sequence_number(apdu + 2);
        out->asdu = apdu + APDU_SIZE_MIN;
        out->asdu_size = n - APDU_SIZE_MIN;
    }
    return v;
}

static void put_sequence_number(uint8_t *p, uint16_t number)
{
    assert(number < APCI_SEQ_MOD);
    p[0] = (uint8_t)(number << 1);
    p[1] = (uint8_t)(number >> 7);
}

void apci_put_s(uint8_t out[APDU_SIZE_MIN], uint16_t nr)
{
    out[0] = APCI_START;
    out[1] = APCI_LENGTH_MIN;
    out[2] = 0x01;
    out[3] = 0x00;
    put_sequence_number(out + 4, nr);
}

void apci_put_u(uint8_t out[APDU_SIZE_MIN], enum apci_function function)
{
    assert(function_name((uint8_t)function) != NULL);
    out[0] = APCI_START;
    out[1] = APCI_LENGTH_MIN;
    out[2] = (uint8_t)function;
    memset(out + 3, 0, 3);
}

void apci_put_i(uint8_t out[APDU_SIZE_MIN], uint16_t ns, uint16_t nr, size_t asdu_size)
{
    assert(asdu_size >= 1 && asdu_size <= ASDU_SIZE_MAX);
    out[0] = APCI_START;
    out[1] = (uint8_t)(asdu_size + 4);
    put_sequence_number(out + 2, ns);
    put_sequence_number(out + 4, nr);
}

const char *apci_function_name(enum apci_function function)
{
    const char *name =
        (unsigned int)function <= 0xFF ? function_name((uint8_t)function) : NULL;

    return name ? name : "unknown";
}
