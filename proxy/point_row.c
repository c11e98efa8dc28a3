#include "proxy/point_row.h"

#include "policy/type_value.h"
#include "proxy/config_reader.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const COLUMNS[POINT_COLUMNS] = {
    [POINT_NAME] = "name", [POINT_CA] = "ca",         [POINT_IOA] = "ioa",
    [POINT_TYPE] = "type", [POINT_UNIT] = "unit",     [POINT_MIN] = "min",
    [POINT_MAX] = "max",   [POINT_SELECT] = "select", [POINT_ROLE] = "role",
};

__attribute__((format(printf, 6, 7))) static bool
complain(const struct point_csv *c, enum config_severity severity, unsigned int line,
         const char *key, const char *remedy, const char *what, ...)
{
    const struct config_place at = {c->file, line, key};
    va_list ap;

    va_start(ap, what);
    config_errors_vadd(c->errs, severity, &at, remedy, what, ap);
    va_end(ap);
    return false;
}

/* ---- the header ---- */

static size_t column_of(const char *name)
{
    size_t i = 0;

    while (i < POINT_COLUMNS && strcasecmp(name, COLUMNS[i]) != 0)
        i++;
    return i;
}

/* A column that is not known.  One that is meant for another is an error: what it limits
 * would be open. */
static bool unknown_column(const struct point_csv *c, const struct point_row *row,
                           const char *name)
{
    char remedy[64];

    if (name[0] == '\0')
        return true;
    for (size_t i = 0; i < POINT_COLUMNS && strlen(name) > 2; i++) {
        if (config_distance(name, COLUMNS[i], 1) > 1)
            continue;
        (void)snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", COLUMNS[i]);
        return complain(c, CONFIG_ERROR, row->line, "", remedy, "unknown column \"%s\"",
                        name);
    }
    (void)complain(c, CONFIG_WARNING, row->line, "",
                   "read are name, ca, ioa, type, unit, min, max, select and role",
                   "the column \"%s\" is not read", name);
    return true;
}

static bool needed_columns(const struct point_csv *c, const struct point_row *row,
                           const struct point_header *h)
{
    bool good = true;

    for (size_t i = 0; i < POINT_NEEDED; i++) {
        if (h->place[i] == POINT_CELLS_MAX)
            good = complain(c, CONFIG_ERROR, row->line, COLUMNS[i],
                            "write a first row with name, ca, ioa and type",
                            "the column is missing");
    }
    return good;
}

bool point_header_read(const struct point_csv *c, const struct point_row *row,
                       struct point_header *out)
{
    bool good = true;

    out->count = row->count;
    for (size_t i = 0; i < POINT_COLUMNS; i++)
        out->place[i] = POINT_CELLS_MAX;
    for (size_t i = 0; i < row->count; i++) {
        const size_t column = column_of(row->cell[i]);

        if (column == POINT_COLUMNS)
            good = unknown_column(c, row, row->cell[i]) && good;
        else if (out->place[column] != POINT_CELLS_MAX)
            good = complain(c, CONFIG_ERROR, row->line, COLUMNS[column],
                            "remove one of them", "the column is there twice");
        else
            out->place[column] = i;
    }
    return needed_columns(c, row, out) && good;
}

/* ---- a row ---- */

struct reading {
    const struct point_csv *c;
    unsigned int line;
    const struct point_cells *cells;
    struct point *out;
};

static bool fault(const struct reading *r, enum point_column column, const char *remedy,
                  const char *what)
{
    return complain(r->c, CONFIG_ERROR, r->line, COLUMNS[column], remedy, "\"%s\" %s",
                    r->cells->cell[column], what);
}

/* Control characters, those that nobody sees or takes for a blank, and those that turn
 * the direction of writing: in a log and in a rule they would show another name than
 * there is. */
static bool is_visible(const char *text)
{
    static const struct {
        unsigned char lead, second, first, last; /* second 0: first and last are of it */
    } hidden[] = {
        {0xC2, 0, 0x80, 0xA0},    /* U+0080: control characters, no-break space */
        {0xC2, 0, 0xAD, 0xAD},    /* U+00AD soft hyphen */
        {0xE2, 0x80, 0x80, 0x8F}, /* U+2000: spaces of all widths, joiners, marks */
        {0xE2, 0x80, 0xA8, 0xAF}, /* U+2028: separators, embeddings, overrides */
        {0xE2, 0x81, 0x9F, 0xAF}, /* U+205F: spaces, invisible operators, isolates */
        {0xE3, 0x80, 0x80, 0x80}, /* U+3000 ideographic space */
        {0xEF, 0xBB, 0xBF, 0xBF}, /* U+FEFF byte order mark */
    };
    const unsigned char *p = (const unsigned char *)text;

    for (; *p; p++) {
        if (*p < 0x20 || *p == 0x7F)
            return false;
        for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
            /* The text is UTF-8: what a lead octet promises is there. */
            const unsigned char *q = hidden[i].second != 0 ? p + 2 : p + 1;
            if (*p == hidden[i].lead &&
                (hidden[i].second == 0 || p[1] == hidden[i].second) &&
                *q >= hidden[i].first && *q <= hidden[i].last)
                return false;
        }
    }
    return true;
}

static bool read_text(const struct reading *r, enum point_column column, size_t max)
{
    const char *text = r->cells->cell[column];
    char remedy[64];

    if (!is_visible(text))
        return fault(r, column, "write letters that can be seen, and ordinary blanks",
                     "has a line break or another letter that cannot be seen");
    (void)snprintf(remedy, sizeof remedy, "use at most %zu octets", max);
    return strlen(text) <= max || fault(r, column, remedy, "is too long");
}

static bool read_name(const struct reading *r)
{
    if (r->cells->cell[POINT_NAME][0] == '\0')
        return fault(r, POINT_NAME, "give each point a name", "is no name");
    if (strchr(r->cells->cell[POINT_NAME], '*'))
        return fault(r, POINT_NAME, "choose another letter",
                     "has an asterisk, which stands for any letters in rules");
    return read_text(r, POINT_NAME, POINT_NAME_MAX);
}

static bool read_address(const struct reading *r, enum point_column column, uint32_t min,
                         uint32_t max, uint32_t *out)
{
    const char *text = r->cells->cell[column];
    const size_t n = strspn(text, "0123456789");
    const unsigned long v = strtoul(text, NULL, 10);
    char remedy[48];

    (void)snprintf(remedy, sizeof remedy, "write %u to %u", min, max);
    if (n == 0 || n > 10 || text[n] != '\0')
        return fault(r, column, remedy, "is no address");
    *out = (uint32_t)v;
    return (v >= min && v <= max) || fault(r, column, remedy, "is out of range");
}

static bool read_type(const struct reading *r)
{
    const char *text = r->cells->cell[POINT_TYPE];
    const bool digits = strspn(text, "0123456789") == strlen(text) && strlen(text) <= 3;
    const unsigned long id = digits ? strtoul(text, NULL, 10) : 0;
    const struct type_info *type =
        digits ? type_info((uint8_t)(id <= 127 ? id : 0)) : type_by_name(text);
    const char *near = type ? NULL : type_closest_name(text);
    char remedy[80] = "write a name such as \"M_SP_NA_1\" or its number";

    if (near)
        (void)snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", near);
    if (!type)
        return fault(r, POINT_TYPE, remedy, "is no type of IEC 60870-5-104");
    if (type->layout != TYPE_LAYOUT_OBJECTS || type->ioa == TYPE_IOA_ZERO)
        return fault(r, POINT_TYPE, "remove the row", "is about no single point");
    r->out->type = type->id;
    return true;
}

/* A number with a point, or with a comma where commas do not separate cells. */
static bool parse_number(const char *text, char separator, double *out)
{
    char copy[64];
    char *end;
    const size_t n = strlen(text);

    if (n == 0 || n >= sizeof copy || strspn(text, "+-0123456789.,eE") != n)
        return false;
    memcpy(copy, text, n + 1);
    for (char *p = strchr(copy, ','); p && separator != ','; p = strchr(p, ','))
        *p = strchr(copy, '.') ? 'x' : '.';
    *out = strtod(copy, &end);
    return *end == '\0' && isfinite(*out);
}

static bool read_number(const struct reading *r, enum point_column column, bool *has,
                        double *out)
{
    const char *text = r->cells->cell[column];
    const struct type_info *type = type_info(r->out->type);
    double low, high;
    char remedy[80];

    *has = text[0] != '\0';
    if (!*has)
        return true;
    if (!parse_number(text, r->c->separator, out))
        return fault(r, column, "write a number such as 110 or 0.5, without blanks",
                     "is no number");
    if (!type)
        return true; /* told already */
    if (!type_value_range((enum type_value)type->value, &low, &high))
        return fault(r, column, "leave the cell empty", "limits a type without numbers");
    (void)snprintf(remedy, sizeof remedy, "numbers of %s go from %.10g to %.10g",
                   type->name, low, high);
    return (*out >= low && *out <= high) ||
           fault(r, column, remedy, "is outside the type");
}

static bool read_limits(const struct reading *r)
{
    struct point *p = r->out;
    const bool good = read_number(r, POINT_MIN, &p->has_min, &p->min);

    if (!read_number(r, POINT_MAX, &p->has_max, &p->max) || !good)
        return false;
    return !p->has_min || !p->has_max || p->min <= p->max ||
           fault(r, POINT_MIN, "write the smaller number under min",
                 "is larger than what stands under max");
}

static bool read_select(const struct reading *r)
{
    static const struct {
        const char *word;
        enum point_select select;
    } words[] = {
        {"", POINT_SELECT_UNSAID}, {"yes", POINT_SELECT_YES}, {"true", POINT_SELECT_YES},
        {"1", POINT_SELECT_YES},   {"no", POINT_SELECT_NO},   {"false", POINT_SELECT_NO},
        {"0", POINT_SELECT_NO},
    };
    const struct type_info *type = type_info(r->out->type);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(r->cells->cell[POINT_SELECT], words[i].word) != 0)
            continue;
        r->out->select = (uint8_t)words[i].select;
        if (words[i].select != POINT_SELECT_YES || !type || type->has_select)
            return true;
        return fault(r, POINT_SELECT, "write \"no\"",
                     "asks for a select, and the type has none");
    }
    return fault(r, POINT_SELECT, "write \"yes\", \"no\" or nothing", "is neither");
}

/* Missing cells at the end are empty; spreadsheets leave them out. */
static bool find_cells(const struct point_csv *c, const struct point_header *h,
                       const struct point_row *row, struct point_cells *out)
{
    for (size_t i = 0; i < POINT_COLUMNS; i++)
        out->cell[i] = h->place[i] < row->count ? row->cell[h->place[i]] : "";
    for (size_t i = h->count; i < row->count; i++) {
        if (row->cell[i][0] != '\0')
            return complain(c, CONFIG_ERROR, row->line, "",
                            "put a cell that contains the separator in quotes",
                            "the row has %zu cells and the first one %zu", row->count,
                            h->count);
    }
    return true;
}

bool point_row_read(const struct point_csv *c, const struct point_header *header,
                    const struct point_row *row, struct point_cells *cells,
                    struct point *out)
{
    const struct reading r = {c, row->line, cells, out};
    uint32_t ca = 0;
    bool good;

    *out = (struct point){.line = row->line};
    if (!find_cells(c, header, row, cells))
        return false;
    good = read_name(&r);
    good = read_type(&r) && good;
    good = read_address(&r, POINT_CA, 1, 65534, &ca) && good;
    good = read_address(&r, POINT_IOA,
                        out->type && type_info(out->type)->ioa != TYPE_IOA_POINT ? 0 : 1,
                        ASDU_IOA_MAX, &out->ioa) &&
           good;
    good = read_text(&r, POINT_UNIT, POINT_UNIT_MAX) && good;
    good = read_limits(&r) && good;
    good = read_select(&r) && good;
    good = read_text(&r, POINT_ROLE, POINT_ROLE_MAX) && good;
    out->ca = (uint16_t)ca;
    return good;
}
