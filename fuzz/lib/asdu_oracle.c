#include "fuzz/lib/asdu_oracle.h"

#include "fuzz/lib/fuzz.h"

#include "tests/lib/element_oracle.h"
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

static bool is_within(unsigned int v, unsigned int min, unsigned int max)
{
    return v >= min && v <= max;
}

static bool elements_are_legal(const struct matrix_row *row, const uint8_t *p, size_t n,
                               bool control)
{
    const size_t count = p[1] % 128;
    const bool sq = p[1] >= 128;
    size_t at = HEADER + (sq ? IOA : 0);

    FUZZ_CHECK(element_oracle_size(row->elements) == row->octets);
    for (size_t i = 0; i < count; i++, at += row->octets) {
        at += sq ? 0 : IOA;
        if (element_oracle(row->elements, p + at, control).reason != REASON_OK)
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
    /* What comes back as refused shows what was at fault. */
    if (!control && ((p[2] & 0x40) != 0 || is_within(p[2] % 64, 44, 47)))
        return ORACLE_FINE;
    return elements_are_legal(row, p, n, control) ? ORACLE_FINE : ORACLE_ILLEGAL;
}
