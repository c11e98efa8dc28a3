#include "policy/types.h"

#include "policy/acsl.h"

#include <string.h>

/* Causes that a quirk adds to those of a stretch of types; the first row counts.  Types 3
 * to 13 with an odd number, which have no time tag, have what the rows from 2 to 14 say
 * anyway or by a row above. */
struct cell {
    uint8_t first, last; /* TypeIDs */
    uint8_t direction;
    uint8_t quirk;
    uint64_t causes;
};

#define RETURN_INFO   COT_RANGE(11, 12)
#define INTERROGATION COT_RANGE(20, 36)

static const struct cell CELLS[] = {
    {1, 1, DIR_MONITOR, QUIRK_CYCLIC_STATUS, COT_BIT(1)},
    {3, 3, DIR_MONITOR, QUIRK_CYCLIC_STATUS, COT_BIT(1)},
    {5, 5, DIR_MONITOR, QUIRK_CYCLIC_STATUS, COT_BIT(1)},
    {7, 7, DIR_MONITOR, QUIRK_CYCLIC_STATUS, COT_BIT(1)},
    {7, 7, DIR_MONITOR, QUIRK_BITSTRING_RETURN, RETURN_INFO},
    {20, 20, DIR_MONITOR, QUIRK_PACKED_RETURN, RETURN_INFO},
    {2, 14, DIR_MONITOR, QUIRK_TIMED_INTERROGATED, INTERROGATION},
    {30, 36, DIR_MONITOR, QUIRK_TIMED_INTERROGATED, INTERROGATION},
    {2, 14, DIR_MONITOR, QUIRK_TIMED_CYCLIC, COT_RANGE(1, 2)},
    {30, 36, DIR_MONITOR, QUIRK_TIMED_CYCLIC, COT_RANGE(1, 2)},
    {1, 40, DIR_MONITOR, QUIRK_PRIVATE_CAUSES, COT_RANGE(48, 63)},
    {51, 51, DIR_CONTROL, QUIRK_BITSTRING_DEACT, COT_BIT(8)},
    {51, 51, DIR_MONITOR, QUIRK_BITSTRING_DEACT, COT_BIT(9)},
    {64, 64, DIR_CONTROL, QUIRK_TIMED_BITSTRING_DEACT, COT_BIT(8)},
    {64, 64, DIR_MONITOR, QUIRK_TIMED_BITSTRING_DEACT, COT_BIT(9)},
    {101, 101, DIR_CONTROL, QUIRK_COUNTER_DEACT, COT_BIT(8)},
    {101, 101, DIR_MONITOR, QUIRK_COUNTER_DEACT, COT_BIT(9)},
    {103, 103, DIR_MONITOR, QUIRK_COT3_CLOCK, COT_BIT(3)},
    {127, 127, DIR_CONTROL, QUIRK_QUERY_LOG_REQUEST, COT_BIT(5)},
};

enum quirk type_cause_quirk(uint8_t id, enum direction dir, uint8_t cause)
{
    /*@ loop invariant 0 <= i <= 19;
        loop assigns i;
        loop variant 19 - i; */
    for (size_t i = 0; i < sizeof CELLS / sizeof CELLS[0]; i++) {
        const struct cell *c = &CELLS[i];
        /*@ assert ACSL_UP_TO_18(i); */
        if (id >= c->first && id <= c->last && dir == (enum direction)c->direction &&
            (c->causes & COT_BIT(cause)) != 0)
            return (enum quirk)c->quirk;
    }
    return QUIRK_NONE;
}

const struct type_info *type_at(size_t i)
{
    for (size_t id = 0; id < TYPE_TABLE_SIZE; id++) {
        if (TYPE_TABLE[id].name == NULL)
            continue;
        if (i-- == 0)
            return &TYPE_TABLE[id];
    }
    return NULL;
}

const struct type_info *type_by_name(const char *name)
{
    for (size_t id = 0; id < TYPE_TABLE_SIZE; id++)
        if (TYPE_TABLE[id].name != NULL && strcmp(TYPE_TABLE[id].name, name) == 0)
            return &TYPE_TABLE[id];
    return NULL;
}

static unsigned int minimum(unsigned int a, unsigned int b)
{
    return a < b ? a : b;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Letters to insert, delete or replace to make b of a, without regard to case; a and b
 * are not longer than 2 * TYPE_NAME_MAX. */
static unsigned int edit_distance(const char *a, const char *b)
{
    unsigned int row[2 * TYPE_NAME_MAX + 1];
    const size_t n = strlen(b);

    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned int)j;
    for (unsigned int i = 0; a[i] != '\0'; i++) {
        unsigned int diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            const unsigned int replace = diagonal + (upper(a[i]) != upper(b[j]));
            diagonal = row[j + 1];
            row[j + 1] = minimum(replace, minimum(row[j], row[j + 1]) + 1);
        }
    }
    return row[n];
}

const char *type_closest_name(const char *name)
{
    const char *best = NULL;
    unsigned int best_distance = 4; /* more than 3 letters off is another word */

    if (strlen(name) > 2 * TYPE_NAME_MAX)
        return NULL;
    for (size_t id = 0; id < TYPE_TABLE_SIZE; id++) {
        if (TYPE_TABLE[id].name == NULL)
            continue;
        const unsigned int distance = edit_distance(name, TYPE_TABLE[id].name);
        if (distance < best_distance) {
            best_distance = distance;
            best = TYPE_TABLE[id].name;
        }
    }
    return best;
}
