#include "policy/apci.h"

#include <assert.h>
#include <stdbool.h>

/* Values of the length octet, 104 5.1.  An I-frame carries an ASDU. */
struct format_rule {
    enum reason reason;
    uint8_t length_min, length_max;
};

static const struct format_rule FORMATS[] = {
    [APCI_I] = {REASON_BAD_I, 5, APCI_LENGTH_MAX},
    [APCI_S] = {REASON_BAD_S, 4, 4},
    [APCI_U] = {REASON_BAD_U, 4, 4},
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

/*@ assigns \nothing;
    ensures \result != \null <==> apci_is_function(octet); */
static const char *function_name(uint8_t octet)
{
    /*@ loop invariant 0 <= i <= 6;
        loop invariant \forall integer j; 0 <= j < i ==> FUNCTIONS[j].function != octet;
        loop assigns i;
        loop variant 6 - i; */
    for (size_t i = 0; i < FUNCTIONS_N; i++)
        if ((uint8_t)FUNCTIONS[i].function == octet)
            return FUNCTIONS[i].name;
    return NULL;
}

/*@ assigns \nothing;
    ensures \result == (octet % 2 == 0 ? APCI_I : octet % 4 == 1 ? APCI_S : APCI_U); */
static enum apci_format format_of(uint8_t octet)
{
    if (octet % 2 == 0)
        return APCI_I;
    return octet % 4 == 1 ? APCI_S : APCI_U;
}

/*@ predicate legal_octet(integer format, integer i, integer octet) =
      format == APCI_I ? (i == 4 ==> octet % 2 == 0) :
      i == 2 ? (format == APCI_S ? octet == 1 : apci_is_function(octet)) :
      format == APCI_S && i == 4 ? octet % 2 == 0 :
      format == APCI_S && i == 5 || octet == 0; */

/* Control octet i (2..5), 104 5.1, figures 6 to 8. */
/*@ requires APCI_I <= format <= APCI_U && 2 <= i <= 5;
    assigns \nothing;
    ensures \result <==> legal_octet(format, i, octet); */
static bool octet_is_legal(enum apci_format format, size_t i, uint8_t octet)
{
    const bool number_low = i == 4 && format != APCI_U;

    if (format == APCI_I || number_low)
        return !number_low || octet % 2 == 0;
    if (i == 2)
        return format == APCI_S ? octet == 0x01 : function_name(octet) != NULL;
    return octet == 0 || (format == APCI_S && i == 5);
}

/*@ assigns \nothing;
    ensures \result.reason == reason && \result.offset == offset; */
static struct verdict verdict_of(enum reason reason, uint16_t offset)
{
    return (struct verdict){.reason = reason, .offset = offset};
}

/* The control octets that are there, and the length octet in the light of the format;
 * 3 <= n. */
/*@ requires 3 <= n && \valid_read(buf + (0 .. n - 1));
    requires buf[0] == 0x68 && 4 <= buf[1] <= 253;
    assigns \nothing;
    ensures sound: \result.reason == REASON_OK ==> apci_begins(buf, n);
    ensures complete: apci_begins(buf, n) ==> \result.reason == REASON_OK;
    ensures offset: \result.reason == REASON_OK ? \result.offset == 0
                                                : \result.offset < n; */
static struct verdict judge_control(const uint8_t *buf, size_t n)
{
    const enum apci_format format = format_of(buf[2]);
    const struct format_rule *rule = &FORMATS[format];

    if (!octet_is_legal(format, 2, buf[2]))
        return verdict_of(rule->reason, 2);
    if (buf[1] < rule->length_min || buf[1] > rule->length_max)
        return verdict_of(rule->reason, 1);
    /*@ loop invariant 3 <= i <= 6 && i <= n;
        loop invariant \forall integer j; 3 <= j < i ==> legal_octet(format, j, buf[j]);
        loop assigns i;
        loop variant 6 - i; */
    for (uint16_t i = 3; i < APDU_SIZE_MIN && i < n; i++)
        if (!octet_is_legal(format, i, buf[i]))
            return verdict_of(rule->reason, i);
    return verdict_of(REASON_OK, 0);
}

/* Every octet that is there, one after the other: what is judged from the first m octets
 * is never taken back when more come. */
/*@ requires \valid_read(buf + (0 .. n - 1));
    assigns \nothing;
    ensures sound: \result.reason == REASON_OK ==> apci_begins(buf, n);
    ensures complete: apci_begins(buf, n) ==> \result.reason == REASON_OK;
    ensures offset: \result.reason == REASON_OK ? \result.offset == 0
                                                : \result.offset < n; */
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

/*@ requires \valid_read(p + (0 .. 1));
    assigns \nothing;
    ensures \result == apci_sequence(p); */
static uint16_t sequence_number(const uint8_t *p)
{
    return (uint16_t)((p[0] + 256u * p[1]) / 2u);
}

struct verdict apci_parse(const uint8_t *apdu, size_t n, struct apci *out)
{
    const struct verdict v = judge(apdu, n);

    *out = (struct apci){.format = APCI_I};
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

/*@ requires \valid(p + (0 .. 1)) && number < 32768;
    assigns p[0 .. 1];
    ensures apci_sequence(p) == number;
    ensures p[0] % 2 == 0; */
static void put_sequence_number(uint8_t *p, uint16_t number)
{
    assert(number < APCI_SEQ_MOD);
    p[0] = (uint8_t)(number % 128u * 2u);
    p[1] = (uint8_t)(number / 128u);
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
    out[3] = out[4] = out[5] = 0;
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
