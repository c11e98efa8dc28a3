#include "policy/element.h"

#include "policy/acsl.h"

#include <stdbool.h>

/* A field of an element's last octet: its bits `mask`, left where they are, must be
 * min..max.  mask 0: nothing to check. */
struct field_rule {
    uint8_t mask, min, max;
    bool is_value; /* else it is a qualifier */
};

/* Qualifiers and values are in the element's last octet.  `reserved` are its bits that
 * 101 fixes to 0.  Ranges are those of control direction: what 101 reserves or leaves to
 * private agreement, and what it calls "not used", is refused. */
struct element_rule {
    uint8_t size;
    uint8_t reserved;
    struct field_rule field[2];
};

#define VALUE     true
#define QUALIFIER false
#define QU                                                                               \
    {                                                                                    \
        0x7C, 0, 3 << 2, QUALIFIER                                                       \
    } /* none, short, long, persistent */

static const struct element_rule ELEMENTS[] = {
    [ELEMENT_NONE] = {.size = 0},
    [ELEMENT_SIQ] = {.size = 1, .reserved = 0x0E},
    [ELEMENT_DIQ] = {.size = 1, .reserved = 0x0C},
    [ELEMENT_VTI] = {.size = 1},
    [ELEMENT_QDS] = {.size = 1, .reserved = 0x0E},
    [ELEMENT_NVA] = {.size = 2},
    [ELEMENT_SVA] = {.size = 2},
    [ELEMENT_R32] = {.size = 4},
    [ELEMENT_BSI] = {.size = 4},
    [ELEMENT_BCR] = {.size = 5},
    [ELEMENT_SCD] = {.size = 4},
    [ELEMENT_SEP] = {.size = 1, .reserved = 0x04},
    [ELEMENT_SPE] = {.size = 1, .reserved = 0xC0},
    [ELEMENT_OCI] = {.size = 1, .reserved = 0xF0},
    [ELEMENT_QDP] = {.size = 1, .reserved = 0x07},
    [ELEMENT_CP16] = {.size = 2},
    [ELEMENT_CP56] = {.size = 7},
    [ELEMENT_CP56_BOUND] = {.size = 7},
    [ELEMENT_SCO] = {1, 0x02, {QU}},
    [ELEMENT_DCO] = {1, 0x00, {{0x03, 1, 2, VALUE}, QU}},
    [ELEMENT_RCO] = {1, 0x00, {{0x03, 1, 2, VALUE}, QU}},
    [ELEMENT_QOS] = {1, 0x00, {{0x7F, 0, 0, QUALIFIER}}},
    [ELEMENT_COI] = {1, 0x00, {{0x7F, 0, 2, QUALIFIER}}},
    [ELEMENT_QOI] = {1, 0x00, {{0xFF, 20, 36, QUALIFIER}}},
    [ELEMENT_QCC] = {1, 0x00, {{0x3F, 1, 5, QUALIFIER}}},
    [ELEMENT_QRP] = {1, 0x00, {{0xFF, 1, 2, QUALIFIER}}},
    [ELEMENT_TSC] = {.size = 2},
    /* POP is not used and 0 in 101 7.2.6.24; KPA 1..4. */
    [ELEMENT_QPM] = {1, 0x80, {{0x3F, 1, 4, QUALIFIER}}},
    [ELEMENT_QPA] = {1, 0x00, {{0xFF, 1, 3, QUALIFIER}}},
    [ELEMENT_NOF] = {.size = 2},
    [ELEMENT_NOS] = {.size = 1},
    [ELEMENT_LOF] = {.size = 3},
    [ELEMENT_FRQ] = {1, 0x00, {{0x7F, 0, 0, QUALIFIER}}},
    [ELEMENT_SRQ] = {1, 0x00, {{0x7F, 0, 0, QUALIFIER}}},
    /* 0 calls the directory (cause 5). */
    [ELEMENT_SCQ] = {1, 0x00, {{0x0F, 0, 7, QUALIFIER}, {0xF0, 0, 5 << 4, QUALIFIER}}},
    [ELEMENT_LSQ] = {1, 0x00, {{0xFF, 1, 4, QUALIFIER}}},
    [ELEMENT_AFQ] = {1, 0x00, {{0x0F, 1, 4, QUALIFIER}, {0xF0, 0, 5 << 4, QUALIFIER}}},
    [ELEMENT_CHS] = {.size = 1},
    [ELEMENT_SOF] = {1, 0x00, {{0x1F, 0, 0, QUALIFIER}}},
    [ELEMENT_LOS] = {1, 0x00, {{0xFF, 1, 236, VALUE}}},
};
#define ELEMENTS_N (sizeof ELEMENTS / sizeof ELEMENTS[0])

#define CP56_SIZE     7
#define CP56_IV       0x80u /* octet 3, with the minutes */
#define DAYS_FEBRUARY 28u

static const uint8_t CP56_RESERVED[CP56_SIZE] = {0, 0, 0, 0x60, 0, 0xF0, 0x80};
static const uint8_t DAYS[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

size_t element_size(enum element element)
{
    if ((size_t)element >= ELEMENTS_N)
        return 0;
    /*@ assert ACSL_ONE_OF_40(element); */
    return ELEMENTS[element].size;
}

/*@ requires offset <= 65535;
    assigns \nothing;
    ensures \result.reason == reason && \result.offset == offset; */
static struct verdict verdict_of(enum reason reason, size_t offset)
{
    return (struct verdict){.reason = reason, .offset = (uint16_t)offset};
}

/* Two digits of the year: 2000 to 2099, where every fourth year is a leap year. */
/*@ assigns \nothing;
    ensures \result ==> legal_day(day, month, year);
    ensures legal_day(day, month, year) ==> \result; */
static bool is_day(unsigned int day, unsigned int month, unsigned int year)
{
    if (day < 1 || month < 1 || month > 12 || day > DAYS[month])
        return false;
    return month != 2 || day <= DAYS_FEBRUARY || year % 4 == 0;
}

/* 101 7.2.6.18.  An invalid (IV) time is none to act upon. */
/*@ requires \valid_read(p + (0 .. 6));
    assigns \nothing;
    ensures \result.reason == REASON_OK ==> legal_cp56(p);
    ensures \result.offset <= 6; */
static struct verdict check_cp56(const uint8_t *p)
{
    const unsigned int milliseconds = p[0] + 256u * p[1];

    /*@ loop invariant 0 <= i <= 7;
        loop invariant \forall integer j; 0 <= j < i ==> (p[j] & CP56_RESERVED[j]) == 0;
        loop assigns i;
        loop variant 7 - i; */
    for (size_t i = 0; i < CP56_SIZE; i++)
        if ((p[i] & CP56_RESERVED[i]) != 0)
            return verdict_of(REASON_RESERVED_BIT, i);
    if (milliseconds > 59999)
        return verdict_of(REASON_BAD_TIME, 0);
    if ((p[2] & CP56_IV) != 0 || (p[2] & 0x3F) > 59)
        return verdict_of(REASON_BAD_TIME, 2);
    if ((p[3] & 0x1F) > 23)
        return verdict_of(REASON_BAD_TIME, 3);
    if (p[6] > 99)
        return verdict_of(REASON_BAD_TIME, 6);
    if (!is_day(p[4] & 0x1F, p[5], p[6]))
        return verdict_of(REASON_BAD_TIME, 4);
    return verdict_of(REASON_OK, 0);
}

/*@ requires \valid_read(p + (0 .. n - 1));
    assigns \nothing;
    ensures \result <==> all_zero(p, n); */
static bool is_zero(const uint8_t *p, size_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant all_zero(p, i);
        loop assigns i;
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* Exponent of all ones: infinity or NaN. */
/*@ requires \valid_read(p + (0 .. 3));
    assigns \nothing;
    ensures \result.reason == REASON_OK <==> legal_r32(p);
    ensures \result.offset == 0; */
static struct verdict check_r32(const uint8_t *p)
{
    const bool number = (p[3] & 0x7F) != 0x7F || (p[2] & 0x80) == 0;

    return verdict_of(number ? REASON_OK : REASON_BAD_VALUE, 0);
}

/*@ predicate in_field(struct field_rule f, integer octet) =
      f.min <= (octet & f.mask) <= f.max; */

/*@ requires at <= 65535;
    assigns \nothing;
    ensures \result.offset <= at;
    ensures \result.reason == REASON_OK ==> (octet & rule.reserved) == 0 &&
      in_field(rule.field[0], octet) && in_field(rule.field[1], octet); */
static struct verdict check_octet(struct element_rule rule, uint8_t octet, size_t at)
{
    if ((octet & rule.reserved) != 0)
        return verdict_of(REASON_RESERVED_BIT, at);
    /*@ loop invariant 0 <= i <= 2;
        loop invariant i > 0 ==> in_field(rule.field[0], octet);
        loop invariant i > 1 ==> in_field(rule.field[1], octet);
        loop assigns i;
        loop variant 2 - i; */
    for (size_t i = 0; i < 2; i++) {
        const unsigned int value = octet & rule.field[i].mask;
        if (value < rule.field[i].min || value > rule.field[i].max)
            return verdict_of(
                rule.field[i].is_value ? REASON_BAD_VALUE : REASON_BAD_QUALIFIER, at);
    }
    return verdict_of(REASON_OK, 0);
}

struct verdict element_check(enum element element, const uint8_t *p)
{
    if (element == ELEMENT_CP56_BOUND && is_zero(p, CP56_SIZE))
        return verdict_of(REASON_OK, 0);
    if (element == ELEMENT_CP56 || element == ELEMENT_CP56_BOUND)
        return check_cp56(p);
    if (element == ELEMENT_R32)
        return check_r32(p);
    if ((size_t)element >= ELEMENTS_N)
        return verdict_of(REASON_BAD_VALUE, 0);
    /*@ assert ACSL_ONE_OF_40(element); */

    const size_t size = element_size(element);
    if (size == 0)
        return verdict_of(REASON_OK, 0);
    return check_octet(ELEMENTS[element], p[size - 1], size - 1);
}
