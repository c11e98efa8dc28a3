#include "policy/element.h"

#include "policy/acsl.h"

#include <stdbool.h>

/* A field of an element's last octet: its bits `mask`, left where they are, must be
 * min..max.  mask 0: nothing to check.  From `private` on (0: nowhere) they are left to
 * private agreement. */
struct field_rule {
    uint8_t mask, min, max;
    bool is_value; /* else it is a qualifier */
    uint8_t private;
};

/* Qualifiers and values are in the element's last octet.  `reserved` are its bits that
 * 101 fixes to 0.  What 101 reserves or leaves to private agreement, and what it calls
 * "not used", is out of range. */
struct element_rule {
    uint8_t size;
    uint8_t reserved;
    struct field_rule field[2];
};

#define VALUE     true
#define QUALIFIER false
#define QU                                                                               \
    {                                                                                    \
        0x7C, 0, 3 << 2, QUALIFIER, 16 << 2                                              \
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
    [ELEMENT_CP24] = {.size = 3},
    [ELEMENT_CP56] = {.size = 7},
    [ELEMENT_CP56_BOUND] = {.size = 7},
    [ELEMENT_SCO] = {1, 0x02, {QU}},
    [ELEMENT_DCO] = {1, 0x00, {{0x03, 1, 2, VALUE, 0}, QU}},
    [ELEMENT_RCO] = {1, 0x00, {{0x03, 1, 2, VALUE, 0}, QU}},
    [ELEMENT_QOS] = {1, 0x00, {{0x7F, 0, 0, QUALIFIER, 64}}},
    [ELEMENT_COI] = {1, 0x00, {{0x7F, 0, 2, QUALIFIER, 32}}},
    [ELEMENT_QOI] = {1, 0x00, {{0xFF, 20, 36, QUALIFIER, 64}}},
    [ELEMENT_QCC] = {1, 0x00, {{0x3F, 1, 5, QUALIFIER, 32}}},
    [ELEMENT_QRP] = {1, 0x00, {{0xFF, 1, 2, QUALIFIER, 128}}},
    [ELEMENT_TSC] = {.size = 2},
    [ELEMENT_FBP] = {.size = 2},
    /* POP is not used and 0 in 101 7.2.6.24; KPA 1..4. */
    [ELEMENT_QPM] = {1, 0x80, {{0x3F, 1, 4, QUALIFIER, 32}}},
    [ELEMENT_QPA] = {1, 0x00, {{0xFF, 1, 3, QUALIFIER, 128}}},
    [ELEMENT_NOF] = {.size = 2},
    [ELEMENT_NOS] = {.size = 1},
    [ELEMENT_LOF] = {.size = 3},
    [ELEMENT_FRQ] = {1, 0x00, {{0x7F, 0, 0, QUALIFIER, 64}}},
    [ELEMENT_SRQ] = {1, 0x00, {{0x7F, 0, 0, QUALIFIER, 64}}},
    /* 0 calls the directory (cause 5). */
    [ELEMENT_SCQ] = {1,
                     0x00,
                     {{0x0F, 0, 7, QUALIFIER, 11}, {0xF0, 0, 5 << 4, QUALIFIER, 0}}},
    [ELEMENT_LSQ] = {1, 0x00, {{0xFF, 1, 4, QUALIFIER, 0}}},
    [ELEMENT_AFQ] = {1,
                     0x00,
                     {{0x0F, 1, 4, QUALIFIER, 0}, {0xF0, 0, 5 << 4, QUALIFIER, 0}}},
    [ELEMENT_CHS] = {.size = 1},
    [ELEMENT_SOF] = {1, 0x00, {{0x1F, 0, 0, QUALIFIER, 16}}},
    [ELEMENT_AID] = {.size = 2},
    [ELEMENT_LOS] = {1, 0x00, {{0xFF, 1, 255, VALUE, 0}}},
};
#define ELEMENTS_N (sizeof ELEMENTS / sizeof ELEMENTS[0])

#define FBP_LOW  0xAAu /* 101 7.2.6.14: 0x55AA, low octet first */
#define FBP_HIGH 0x55u

#define R32_SIZE   4u
#define QUALITY_IV 0x80u /* in QDS */
#define QUALITY_EI 0x08u /* in SEP and QDP: the elapsed time is invalid */

size_t element_size(enum element element)
{
    if ((size_t)element >= ELEMENTS_N)
        return 0;
    /*@ assert ACSL_UP_TO_42(element); */
    return ELEMENTS[element].size;
}

/* Exponent of all ones: infinity or NaN. */
/*@ requires judging(j) && at <= 60000;
    requires \valid_read(p + (0 .. 3)) && \separated(j, p + (0 .. 3));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 ==> legal_r32(p); */
static bool check_r32(struct judgement *j, const uint8_t *p, size_t at)
{
    if ((p[3] & 0x7F) != 0x7F || (p[2] & 0x80) == 0)
        return false;
    return judgement_fault(j, REASON_BAD_VALUE, at, QUIRK_NOT_A_NUMBER);
}

/*@ requires judging(j) && at <= 60000;
    requires \valid_read(p + (0 .. 1)) && \separated(j, p + (0 .. 1));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 ==> p[0] == 0xAA && p[1] == 0x55; */
static bool check_fbp(struct judgement *j, const uint8_t *p, size_t at)
{
    if (p[0] == FBP_LOW && p[1] == FBP_HIGH)
        return false;
    return judgement_fault(j, REASON_BAD_VALUE, at, QUIRK_NONE);
}

/*@ requires judging(j) && at <= 65535;
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures \result == 0 && j->tolerated == 0 ==>
      rule.min <= (octet & rule.mask) <= rule.max; */
static inline bool check_field(struct judgement *j, struct field_rule rule, uint8_t octet,
                               size_t at)
{
    const unsigned int value = octet & rule.mask;

    if (value >= rule.min && value <= rule.max)
        return false;
    if (rule.is_value)
        return judgement_fault(j, REASON_BAD_VALUE, at, QUIRK_NONE);
    return judgement_fault(j, REASON_BAD_QUALIFIER, at,
                           rule.private != 0 && value >= rule.private
                               ? QUIRK_PRIVATE_QUALIFIERS
                               : QUIRK_RESERVED_QUALIFIERS);
}

/*@ requires judging(j) && at <= 65535;
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures \result == 0 && j->tolerated == 0 ==> (octet & rule.reserved) == 0 &&
      rule.field[0].min <= (octet & rule.field[0].mask) <= rule.field[0].max &&
      rule.field[1].min <= (octet & rule.field[1].mask) <= rule.field[1].max; */
static inline bool check_octet(struct judgement *j, struct element_rule rule,
                               uint8_t octet, size_t at)
{
    if ((octet & rule.reserved) != 0 &&
        judgement_fault(j, REASON_RESERVED_BIT, at, QUIRK_RESERVED_BITS))
        return true;
    return check_field(j, rule.field[0], octet, at) ||
           check_field(j, rule.field[1], octet, at);
}

/* One element at a time, so that the provers look at one row of the table at a time. */
#define ACSL_LEGAL(e)                                                                    \
    \result != 0 || j->tolerated != 0 || element != (e) || legal_octet(e, octet)

/* The last octet, or the only one, of an element. */
/*@ requires judging(j) && at <= 65535 && ELEMENT_NONE <= element <= ELEMENT_LOS;
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures ACSL_LEGAL(ELEMENT_SIQ);
    ensures ACSL_LEGAL(ELEMENT_DIQ);
    ensures ACSL_LEGAL(ELEMENT_QDS);
    ensures ACSL_LEGAL(ELEMENT_SEP);
    ensures ACSL_LEGAL(ELEMENT_SPE);
    ensures ACSL_LEGAL(ELEMENT_OCI);
    ensures ACSL_LEGAL(ELEMENT_QDP);
    ensures ACSL_LEGAL(ELEMENT_SCO);
    ensures ACSL_LEGAL(ELEMENT_DCO);
    ensures ACSL_LEGAL(ELEMENT_RCO);
    ensures ACSL_LEGAL(ELEMENT_QOS);
    ensures ACSL_LEGAL(ELEMENT_COI);
    ensures ACSL_LEGAL(ELEMENT_QOI);
    ensures ACSL_LEGAL(ELEMENT_QCC);
    ensures ACSL_LEGAL(ELEMENT_QRP);
    ensures ACSL_LEGAL(ELEMENT_QPM);
    ensures ACSL_LEGAL(ELEMENT_QPA);
    ensures ACSL_LEGAL(ELEMENT_FRQ);
    ensures ACSL_LEGAL(ELEMENT_SRQ);
    ensures ACSL_LEGAL(ELEMENT_SCQ);
    ensures ACSL_LEGAL(ELEMENT_LSQ);
    ensures ACSL_LEGAL(ELEMENT_AFQ);
    ensures ACSL_LEGAL(ELEMENT_SOF);
    ensures ACSL_LEGAL(ELEMENT_LOS); */
static inline bool check_last(struct judgement *j, enum element element, uint8_t octet,
                              size_t at)
{
    return check_octet(j, ELEMENTS[element], octet, at);
}

/*@ requires judging(j) && at <= 60000;
    requires \valid_read(p + (0 .. element_octets(element) - 1));
    requires \separated(j, p + (0 .. element_octets(element) - 1));
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures legal: \result == 0 && j->tolerated == 0 ==>
      element_legal(element, p, j->dir); */
static inline bool check(struct judgement *j, enum element element, const uint8_t *p,
                         size_t at)
{
    if ((size_t)element >= ELEMENTS_N)
        return judgement_fault(j, REASON_BAD_VALUE, at, QUIRK_NONE);

    switch (element) {
    case ELEMENT_R32: return check_r32(j, p, at);
    case ELEMENT_FBP: return check_fbp(j, p, at);
    case ELEMENT_CP16: return timetag_check_cp16(j, p, at);
    case ELEMENT_CP24: return timetag_check_cp24(j, p, at);
    case ELEMENT_CP56: return timetag_check_cp56(j, p, at);
    case ELEMENT_CP56_BOUND: return timetag_check_bound(j, p, at);
    default: break;
    }

    const size_t size = element_size(element);
    if (size == 0)
        return false;
    return check_last(j, element, p[size - 1], at + size - 1);
}

bool element_check(struct judgement *j, enum element element, const uint8_t *p, size_t at)
{
    return check(j, element, p, at);
}

/* What the octets before or behind element i, which begins at p[at], say of it: that it
 * is invalid. */
/*@ requires i < 4 && \valid_read(elements + (0 .. 3)) && judging(j);
    requires at <= size && \valid_read(p + (0 .. size - 1));
    assigns \nothing;
    ensures \result ==> j->dir == DIR_MONITOR && marked_invalid(elements, i, p, at); */
static bool is_marked_invalid(const struct judgement *j, const uint8_t *elements,
                              size_t i, const uint8_t *p, size_t size, size_t at)
{
    if (j->dir == DIR_CONTROL)
        return false;
    if (elements[i] == ELEMENT_R32 && i + 1 < ELEMENT_LIST_MAX && size - at > R32_SIZE)
        return elements[i + 1] == ELEMENT_QDS && (p[at + R32_SIZE] & QUALITY_IV) != 0;
    return elements[i] == ELEMENT_CP16 && at > 0 && (p[at - 1] & QUALITY_EI) != 0;
}

bool element_check_list(struct judgement *j, const uint8_t elements[ELEMENT_LIST_MAX],
                        const uint8_t *p, size_t size, size_t at)
{
    size_t done = 0;

    /*@ loop invariant 0 <= i <= 4 && done <= size && judging(j);
        loop invariant quirks_kept{Pre, Here}(j);
        loop invariant done == octets_before(elements, i);
        loop invariant j->tolerated == 0 ==>
          \forall integer k; 0 <= k < i ==> legal_in_list(elements, k, p, j->dir);
        loop assigns i, done, j->tolerated, j->fault;
        loop variant 4 - i; */
    for (size_t i = 0; i < ELEMENT_LIST_MAX; i++) {
        const enum element element = (enum element)elements[i];
        const size_t octets = element_size(element);
        if (element == ELEMENT_NONE)
            return false;
        if (octets > size - done)
            return judgement_fault(j, REASON_BAD_VALUE, at + done, QUIRK_NONE);
        if (!is_marked_invalid(j, elements, i, p, size, done) &&
            check(j, element, p + done, at + done))
            return true;
        done += octets;
    }
    return false;
}
