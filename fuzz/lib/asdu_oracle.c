#include "fuzz/lib/asdu_oracle.h"

#include "fuzz/lib/fuzz.h"

#include "tests/lib/type_matrix.h"

#include <string.h>

#define HEADER  6u
#define IOA     3u
#define SEGMENT 125u

static struct matrix_row rows[MATRIX_ROWS];

void asdu_oracle_init(void)
{
    type_matrix_read(rows);
}

size_t asdu_oracle_octets(uint8_t type)
{
    return type_matrix_find(rows, type)->octets;
}

bool asdu_oracle_cause(uint8_t type, unsigned int cause, bool control)
{
    const struct matrix_row *row = type_matrix_find(rows, type);

    return row == NULL || row->cause[control ? 0 : 1][cause];
}

/* ---- elements in control direction, 101 7.2.6 ---- */

/* A letter an element, a digit that many octets in which everything is legal:
 *   S SCO, D DCO or RCO, Q QOS, F R32, T CP56Time2a, B the same or all zero, I QOI, C
 * QCC, P QRP, M QPM, A QPA, f FRQ or SRQ, s SCQ, L LSQ, a AFQ, Z LOS */
static const struct {
    uint8_t type;
    const char *elements;
} LAYOUT[] = {
    {45, "S"},    {46, "D"},    {47, "D"},    {48, "2Q"},    {49, "2Q"},   {50, "FQ"},
    {51, "4"},    {58, "ST"},   {59, "DT"},   {60, "DT"},    {61, "2QT"},  {62, "2QT"},
    {63, "FQT"},  {64, "4T"},   {100, "I"},   {101, "C"},    {102, ""},    {103, "T"},
    {105, "P"},   {107, "2T"},  {110, "2M"},  {111, "2M"},   {112, "FM"},  {113, "A"},
    {120, "23f"}, {121, "33f"}, {122, "21s"}, {123, "21L1"}, {124, "21a"}, {125, "21Z"},
    {127, "2BB"},
};

static bool is_within(unsigned int v, unsigned int min, unsigned int max)
{
    return v >= min && v <= max;
}

/* 101 7.2.6.18: a date there is, a time of day there is, not marked invalid. */
static bool is_time(const uint8_t *p)
{
    static const unsigned int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const unsigned int day = p[4] & 31, month = p[5] & 15, year = p[6] & 127;

    if ((p[2] & 0x80) != 0 || (p[3] & 0x60) != 0 || p[5] > 15 || p[6] > 127)
        return false;
    if (fuzz_get16(p) > 59999 || (p[2] & 63) > 59 || (p[3] & 31) > 23 || year > 99)
        return false;
    if (!is_within(month, 1, 12))
        return false;
    const unsigned int leap = month == 2 && year % 4 == 0 ? 1 : 0;
    return is_within(day, 1, days[month - 1] + leap);
}

static bool is_bound(const uint8_t *p)
{
    static const uint8_t zeros[7];

    return memcmp(p, zeros, sizeof zeros) == 0 || is_time(p);
}

static bool is_element(char letter, const uint8_t *p)
{
    const unsigned int low = p[0] & 15, high = p[0] >> 4;

    switch (letter) {
    case 'S': return (p[0] & 0x02) == 0 && (p[0] >> 2 & 31) <= 3;
    case 'D': return is_within(p[0] & 3, 1, 2) && (p[0] >> 2 & 31) <= 3;
    case 'Q':
    case 'f': return (p[0] & 0x7F) == 0;
    case 'F': return (fuzz_get32(p) >> 23 & 255) != 255;
    case 'T': return is_time(p);
    case 'B': return is_bound(p);
    case 'I': return is_within(p[0], 20, 36);
    case 'C': return is_within(p[0] & 63, 1, 5);
    case 'P': return is_within(p[0], 1, 2);
    case 'M': return (p[0] & 0x80) == 0 && is_within(p[0] & 63, 1, 4);
    case 'A': return is_within(p[0], 1, 3);
    case 's': return low <= 7 && high <= 5; /* 0: the directory is called */
    case 'L': return is_within(p[0], 1, 4);
    case 'a': return is_within(low, 1, 4) && high <= 5;
    case 'Z': return is_within(p[0], 1, 236);
    default: return false;
    }
}

static size_t element_octets(char letter)
{
    if (letter >= '0' && letter <= '9')
        return (size_t)(letter - '0');
    if (letter == 'T' || letter == 'B')
        return 7;
    return letter == 'F' ? 4 : 1;
}

static bool elements_are_legal(const uint8_t *p, size_t n)
{
    const char *layout = "?"; /* nothing is legal: a row is missing */
    size_t at = HEADER + IOA;

    for (size_t i = 0; i < sizeof LAYOUT / sizeof LAYOUT[0]; i++)
        if (LAYOUT[i].type == p[0])
            layout = LAYOUT[i].elements;
    for (; *layout != '\0'; at += element_octets(*layout++)) {
        FUZZ_CHECK(at + element_octets(*layout) <= n);
        if ((*layout < '0' || *layout > '9') && !is_element(*layout, p + at))
            return false;
    }
    FUZZ_CHECK(at == n || p[0] == SEGMENT);
    return true;
}

/* ---- structure ---- */

static bool is_sound(const struct matrix_row *row, const uint8_t *p, size_t n)
{
    const size_t count = p[1] % 128;
    const char sq = p[1] >= 128 ? '1' : '0';
    size_t octets = row->octets;

    if (n > 249 || strchr(row->sq, sq) == NULL || count == 0 ||
        (row->single && count > 1))
        return false;
    if (n < HEADER + IOA + (count > 0 ? octets : 0))
        return false;
    if (p[0] == SEGMENT)
        octets += p[HEADER + IOA + 3];
    return n == HEADER + (sq == '1' ? IOA + count * octets : count * (IOA + octets));
}

/* ---- meaning ---- */

static bool cause_is_legal(const struct matrix_row *row, const uint8_t *p, bool control)
{
    const unsigned int cause = p[2] % 64;
    const bool negative = (p[2] & 0x40) != 0, test = p[2] >= 0x80;
    const bool answer = cause == 7 || is_within(cause, 9, 10) || is_within(cause, 44, 47);

    if (!row->cause[control ? 0 : 1][cause])
        return false;
    return (!negative || answer) && !(test && control);
}

static bool ca_is_legal(const uint8_t *p, bool control)
{
    const unsigned int ca = fuzz_get16(p + 4);
    const bool to_all = p[0] == 100 || p[0] == 101 || p[0] == 103 || p[0] == 105;

    return ca != 0 && (ca != 65535 || (control && to_all));
}

static bool ioa_is_legal(const struct matrix_row *row, const uint8_t *p)
{
    const size_t count = p[1] % 128, stride = IOA + row->octets;
    const bool sq = p[1] >= 128;

    if (p[2] % 64 == 47)
        return true;
    if (sq && fuzz_get24(p + HEADER) + (count - 1) > 0xFFFFFF)
        return false;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *object = p + HEADER + (sq ? 0 : i * stride);
        const size_t ioa = fuzz_get24(object) + (sq ? i : 0);
        if (row->ioa == 'p' && ioa == 0)
            return false;
        if (row->ioa == '0' && ioa != 0)
            return false;
        if (row->ioa == 'q' && (ioa == 0) != (object[IOA] == 1))
            return false;
    }
    return true;
}

enum oracle asdu_oracle(const uint8_t *p, size_t n, bool control)
{
    if (n < HEADER)
        return ORACLE_UNSOUND;
    const struct matrix_row *row = type_matrix_find(rows, p[0]);
    if (row == NULL || !is_sound(row, p, n))
        return ORACLE_UNSOUND;
    if (!cause_is_legal(row, p, control) || !ca_is_legal(p, control) ||
        !ioa_is_legal(row, p))
        return ORACLE_ILLEGAL;
    return !control || elements_are_legal(p, n) ? ORACLE_FINE : ORACLE_ILLEGAL;
}
