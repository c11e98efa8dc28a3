#include "tests/lib/element_oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Elements in whose last octet something is to be seen: bits that must be 0, and up to
 * two numbers, each with its bits, the smallest and the largest that 101 defines, and the
 * first that it leaves to private agreement (0: none).  No bits: all is legal. */
static const struct known {
    const char *name;
    size_t octets;
    unsigned int zero;
    struct {
        unsigned int shift, mask, min, max, private;
        bool is_value;
    } number[2];
} KNOWN[] = {
    {"SIQ", 1, 0x0E, {{0}}},
    {"DIQ", 1, 0x0C, {{0}}},
    {"QDS", 1, 0x0E, {{0}}},
    {"QDP", 1, 0x07, {{0}}},
    {"SEP", 1, 0x04, {{0}}},
    {"SPE", 1, 0xC0, {{0}}},
    {"OCI", 1, 0xF0, {{0}}},
    {"VTI", 1, 0, {{0}}},
    {"NVA", 2, 0, {{0}}},
    {"SVA", 2, 0, {{0}}},
    {"R32", 4, 0, {{0}}},
    {"BSI", 4, 0, {{0}}},
    {"BCR", 5, 0, {{0}}},
    {"SCD", 4, 0, {{0}}},
    {"TSC", 2, 0, {{0}}},
    {"AID", 2, 0, {{0}}},
    {"FBP", 2, 0, {{0}}},
    {"NOF", 2, 0, {{0}}},
    {"NOS", 1, 0, {{0}}},
    {"LOF", 3, 0, {{0}}},
    {"CHS", 1, 0, {{0}}},
    {"CP16", 2, 0, {{0}}},
    {"CP24", 3, 0, {{0}}},
    {"CP56", 7, 0, {{0}}},
    {"BOUND", 7, 0, {{0}}},
    /* QU: none, short pulse, long pulse, persistent; 4..15 reserved. */
    {"SCO", 1, 0x02, {{2, 31, 0, 3, 16, false}}},
    {"DCO", 1, 0, {{0, 3, 1, 2, 0, true}, {2, 31, 0, 3, 16, false}}},
    {"RCO", 1, 0, {{0, 3, 1, 2, 0, true}, {2, 31, 0, 3, 16, false}}},
    {"QOS", 1, 0, {{0, 127, 0, 0, 64, false}}},
    {"QOI", 1, 0, {{0, 255, 20, 36, 64, false}}},
    {"QCC", 1, 0, {{0, 63, 1, 5, 32, false}}},
    {"QRP", 1, 0, {{0, 255, 1, 2, 128, false}}},
    {"QPM", 1, 0x80, {{0, 63, 1, 4, 32, false}}},
    {"QPA", 1, 0, {{0, 255, 1, 3, 128, false}}},
    {"COI", 1, 0, {{0, 127, 0, 2, 32, false}}},
    {"FRQ", 1, 0, {{0, 127, 0, 0, 64, false}}},
    {"SRQ", 1, 0, {{0, 127, 0, 0, 64, false}}},
    {"SCQ", 1, 0, {{0, 15, 0, 7, 11, false}, {4, 15, 0, 5, 0, false}}},
    {"LSQ", 1, 0, {{0, 255, 1, 4, 0, false}}},
    {"AFQ", 1, 0, {{0, 15, 1, 4, 0, false}, {4, 15, 0, 5, 0, false}}},
    {"SOF", 1, 0, {{0, 31, 0, 0, 16, false}}},
    {"LOS", 1, 0, {{0, 255, 1, 255, 0, true}}},
};

static const struct known *find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        if (strlen(KNOWN[i].name) == length && memcmp(KNOWN[i].name, name, length) == 0)
            return &KNOWN[i];
    fprintf(stderr, "no element: %.*s\n", (int)length, name);
    abort();
}

/* The element at the head of a list; *list moves to the next one. */
static const struct known *next(const char **list)
{
    const size_t length = strcspn(*list, "+");
    const struct known *known = find(*list, length);

    *list += length + ((*list)[length] == '+' ? 1 : 0);
    return known;
}

size_t element_oracle_size(const char *elements)
{
    size_t octets = 0;

    while (*elements != '\0')
        octets += next(&elements)->octets;
    return octets;
}

static struct verdict fault(enum reason reason, size_t at, enum quirk quirk)
{
    return (struct verdict){reason, (uint16_t)at, (uint8_t)quirk};
}

static struct verdict bad_time(size_t at)
{
    return fault(REASON_BAD_TIME, at, QUIRK_ANY_TIME);
}

static const struct verdict FINE = {REASON_OK, 0, QUIRK_NONE};

static unsigned int milliseconds(const uint8_t *p)
{
    return p[0] + 256u * p[1];
}

/* 7.2.6.20: minutes with IV and a reserved bit in the place of GEN. */
static struct verdict judge_cp24(const uint8_t *p, bool control)
{
    if (p[2] / 64 % 2 == 1)
        return fault(REASON_RESERVED_BIT, 2, QUIRK_RESERVED_BITS);
    if (p[2] >= 128)
        return control ? bad_time(2) : FINE;
    if (milliseconds(p) >= 60000)
        return bad_time(0);
    return p[2] % 64 >= 60 ? bad_time(2) : FINE;
}

static unsigned int days_of(unsigned int month, unsigned int year)
{
    if (month == 2)
        return year % 4 == 0 ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* 7.2.6.18. */
static struct verdict judge_cp56(const uint8_t *p, bool control)
{
    const unsigned int day = p[4] % 32, month = p[5], year = p[6];

    if (p[3] / 32 % 4 != 0)
        return fault(REASON_RESERVED_BIT, 3, QUIRK_RESERVED_BITS);
    if (month >= 16)
        return fault(REASON_RESERVED_BIT, 5, QUIRK_RESERVED_BITS);
    if (year >= 128)
        return fault(REASON_RESERVED_BIT, 6, QUIRK_RESERVED_BITS);
    if (p[2] >= 128) /* IV */
        return control ? bad_time(2) : FINE;
    if (milliseconds(p) >= 60000)
        return bad_time(0);
    if (p[2] % 64 >= 60)
        return bad_time(2);
    if (p[3] % 32 >= 24)
        return bad_time(3);
    if (year >= 100)
        return bad_time(6);
    return month < 1 || month > 12 || day < 1 || day > days_of(month, year) ? bad_time(4)
                                                                            : FINE;
}

static struct verdict judge_number(const struct known *known, unsigned int octet)
{
    for (int i = 0; i < 2; i++) {
        const unsigned int mask = known->number[i].mask,
                           n = octet >> known->number[i].shift & mask,
                           private = known->number[i].private;
        if (mask == 0 || (n >= known->number[i].min && n <= known->number[i].max))
            continue;
        if (known->number[i].is_value)
            return fault(REASON_BAD_VALUE, known->octets - 1, QUIRK_NONE);
        return fault(REASON_BAD_QUALIFIER, known->octets - 1,
                     private != 0 && n >= private ? QUIRK_PRIVATE_QUALIFIERS
                                                  : QUIRK_RESERVED_QUALIFIERS);
    }
    return FINE;
}

static struct verdict judge(const struct known *known, const uint8_t *p, bool control)
{
    static const uint8_t zero[7];
    const bool bound = strcmp(known->name, "BOUND") == 0;

    if (strcmp(known->name, "R32") == 0)
        return p[3] % 128 == 127 && p[2] >= 128
                   ? fault(REASON_BAD_VALUE, 0, control ? QUIRK_NONE : QUIRK_NOT_A_NUMBER)
                   : FINE;
    if (strcmp(known->name, "FBP") == 0)
        return p[0] == 0xAA && p[1] == 0x55 ? FINE
                                            : fault(REASON_BAD_VALUE, 0, QUIRK_NONE);
    if (strcmp(known->name, "CP16") == 0)
        return milliseconds(p) >= 60000 ? bad_time(0) : FINE;
    if (strcmp(known->name, "CP24") == 0)
        return judge_cp24(p, control);
    if (bound && memcmp(p, zero, 7) == 0)
        return FINE;
    if (bound || strcmp(known->name, "CP56") == 0)
        return judge_cp56(p, control);
    if ((p[known->octets - 1] & known->zero) != 0)
        return fault(REASON_RESERVED_BIT, known->octets - 1, QUIRK_RESERVED_BITS);
    return judge_number(known, p[known->octets - 1]);
}

/* In monitor direction: a measured value whose QDS has IV, an elapsed time behind EI. */
static bool is_invalid(const char *elements, const char *name, const uint8_t *p,
                       bool first)
{
    if (strcmp(name, "R32") == 0)
        return strncmp(elements, "QDS", 3) == 0 && p[4] >= 128;
    return strcmp(name, "CP16") == 0 && !first && p[-1] / 8 % 2 == 1;
}

struct verdict element_oracle(const char *elements, const uint8_t *p, bool control)
{
    size_t at = 0;

    while (*elements != '\0') {
        const struct known *known = next(&elements);
        struct verdict v = FINE;
        if (control || !is_invalid(elements, known->name, p + at, at == 0))
            v = judge(known, p + at, control);
        if (v.reason != REASON_OK) {
            v.offset = (uint16_t)(v.offset + at);
            return v;
        }
        at += known->octets;
    }
    return FINE;
}
