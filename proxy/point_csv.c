#include "proxy/point_csv.h"

#include <stdint.h>
#include <string.h>

static const char SAVE[] = "save it as \"CSV UTF-8\"";

__attribute__((format(printf, 4, 5))) static bool complain(const struct point_csv *c,
                                                           unsigned int line,
                                                           const char *remedy,
                                                           const char *what, ...)
{
    const struct config_place at = {c->file, line, NULL};
    va_list ap;

    va_start(ap, what);
    config_errors_vadd(c->errs, CONFIG_ERROR, &at, remedy, what, ap);
    va_end(ap);
    return false;
}

/* ---- the octets ---- */

/* A byte order mark, or a first letter with a zero beside it. */
static bool is_utf16(const unsigned char *p, size_t n)
{
    return n >= 2 && ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF) ||
                      (p[0] == 0) != (p[1] == 0));
}

static bool check_octets(struct point_csv *c)
{
    const unsigned char *p = (const unsigned char *)c->text;
    unsigned int line = 1;
    size_t step;

    for (size_t at = 0; at < c->size; at += step) {
        step = config_utf8_size(p + at, c->size - at);
        if (p[at] == 0)
            return complain(c, line, SAVE, "the octet 0 is no letter of a text");
        if (step == 0)
            return complain(c, line, SAVE, "octet 0x%02X is not UTF-8", p[at]);
        line += p[at] == '\n' || (p[at] == '\r' && p[at + 1] != '\n');
    }
    return true;
}

/* "sep=;", by which spreadsheets are told; true if it is there. */
static bool take_separator_line(struct point_csv *c)
{
    const char *p = c->text + c->pos;
    const char mark = c->size - c->pos > 4 && strncmp(p, "sep=", 4) == 0 ? p[4] : '\0';

    if ((mark != ';' && mark != ',' && mark != '\t') ||
        (p[5] != '\n' && p[5] != '\r' && p[5] != '\0'))
        return false;
    c->separator = mark;
    c->pos += 5;
    return true;
}

/* That which is most often in the first line. */
static char find_separator(const struct point_csv *c)
{
    static const char marks[] = ";,\t";
    size_t count[sizeof marks] = {0};
    size_t best = 0;
    bool quoted = false;

    for (size_t i = c->pos; i < c->size && i - c->pos < POINT_ROW_MAX; i++) {
        const char *mark = memchr(marks, c->text[i], sizeof marks - 1);

        if (c->text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (c->text[i] == '\n' || c->text[i] == '\r'))
            break;
        else if (!quoted && mark)
            count[mark - marks]++;
    }
    for (size_t i = 1; i < sizeof marks - 1; i++)
        best = count[i] > count[best] ? i : best;
    return marks[best];
}

bool point_csv_begin(struct point_csv *c, const char *file, char *text, size_t size,
                     struct config_errors *errs)
{
    *c = (struct point_csv){
        .file = file, .errs = errs, .text = text, .size = size, .line = 1};
    text[size] = '\0';
    if (is_utf16((const unsigned char *)text, size))
        return complain(c, 0, SAVE, "this is UTF-16, not UTF-8");
    if (!check_octets(c))
        return false;
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        c->pos = 3;
    if (!take_separator_line(c))
        c->separator = find_separator(c);
    return true;
}

/* ---- rows ---- */

static bool is_line_end(char ch)
{
    return ch == '\n' || ch == '\r' || ch == '\0';
}

/* Behind a line's end; behind a CR without LF it ends as well. */
static void take_line_end(struct point_csv *c)
{
    if (c->text[c->pos] == '\r')
        c->pos++;
    if (c->pos < c->size && c->text[c->pos] == '\n')
        c->pos++;
    c->line++;
}

static void skip_blanks(struct point_csv *c)
{
    while (c->text[c->pos] == ' ' || (c->text[c->pos] == '\t' && c->separator != '\t'))
        c->pos++;
}

static char *trim(char *begin, char *end)
{
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    while (*begin == ' ' || *begin == '\t')
        begin++;
    return begin;
}

/* A cell within quotes, which two of them stand for; it is moved together where it is.
 * NULL after a finding. */
static char *take_quoted(struct point_csv *c)
{
    char *begin = c->text + c->pos, *out = begin;
    const unsigned int line = c->line;
    const size_t start = c->pos++;

    for (; c->pos < c->size && c->pos - start < POINT_ROW_MAX; c->pos++) {
        const char ch = c->text[c->pos];

        if (ch == '"' && c->text[++c->pos] != '"') {
            skip_blanks(c);
            return trim(begin, out);
        }
        c->line += ch == '\n';
        *out++ = ch;
    }
    (void)complain(c, line, "close it, and write \"\" for a quote within quotes",
                   "a quote is not closed");
    return NULL;
}

static char *take_plain(struct point_csv *c)
{
    char *begin = c->text + c->pos;

    while (!is_line_end(c->text[c->pos]) && c->text[c->pos] != c->separator) {
        if (c->text[c->pos] == '"') {
            (void)complain(c, c->line,
                           "put the whole cell in quotes and write \"\" for the quote",
                           "a quote stands within a cell");
            return NULL;
        }
        c->pos++;
    }
    return begin;
}

/* One cell, and what separates it from the next.  False after a finding; *last: it ends
 * the row. */
static bool take_cell(struct point_csv *c, struct point_row *row, bool *last)
{
    char *cell, *end;
    char mark;

    skip_blanks(c);
    const bool quoted = c->text[c->pos] == '"';
    cell = quoted ? take_quoted(c) : take_plain(c);
    if (!cell)
        return false;
    end = c->text + c->pos;
    mark = *end;
    if (mark != c->separator && !is_line_end(mark))
        return complain(c, c->line, "write \"\" for a quote within quotes",
                        "something follows a quoted cell");
    *last = mark != c->separator;
    if (*last && mark != '\0')
        take_line_end(c);
    else if (!*last)
        c->pos++;
    row->cell[row->count++] = quoted ? cell : trim(cell, end);
    return true;
}

static bool is_empty(const struct point_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        if (row->cell[i][0] != '\0')
            return false;
    }
    return true;
}

static enum point_csv_status take_row(struct point_csv *c, struct point_row *row)
{
    const size_t start = c->pos;
    bool last = false;

    row->line = c->line;
    row->count = 0;
    while (!last) { /* ends with the text */
        if (row->count == POINT_CELLS_MAX) {
            (void)complain(c, row->line, "keep only the columns that are read",
                           "the row has more than %u cells", POINT_CELLS_MAX);
            return POINT_CSV_BAD;
        }
        if (!take_cell(c, row, &last))
            return POINT_CSV_BAD;
    }
    if (c->pos - start <= POINT_ROW_MAX)
        return POINT_CSV_ROW;
    (void)complain(c, row->line, "look whether this is the list of points",
                   "the row has more than %u octets", POINT_ROW_MAX);
    return POINT_CSV_BAD;
}

enum point_csv_status point_csv_next(struct point_csv *c, struct point_row *row)
{
    while (c->pos < c->size) {
        const enum point_csv_status status = take_row(c, row);

        if (status != POINT_CSV_ROW || !is_empty(row))
            return status;
    }
    return POINT_CSV_END;
}
