#include "tests/lib/type_matrix.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char TEXT[] =
#include "tests/lib/type_matrix.def"
    ;
static const char OLD_TEXT[] =
#include "tests/lib/type_matrix_old.def"
    ;

#define FIELDS    10
#define TEXT_ROOM 4096
static_assert(sizeof TEXT <= TEXT_ROOM && sizeof OLD_TEXT <= TEXT_ROOM, "room");

static void need(bool condition, const char *line)
{
    if (condition)
        return;
    fprintf(stderr, "type_matrix.def: %.60s\n", line);
    abort();
}

/* "7,(9),10,44-47": numbers and spans; what is in brackets does not count. */
static void read_causes(const char *text, bool cause[64])
{
    const char *p = text;
    while (*p != '\0') {
        if (*p == ',' || *p == '(') {
            p = *p == ',' ? p + 1 : strchr(p, ')') + 1;
            continue;
        }
        char *end;
        const unsigned long first = strtoul(p, &end, 10);
        const unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        need(end != p && first <= last && last < 64, text);
        for (unsigned long c = first; c <= last; c++)
            cause[c] = true;
        p = end;
    }
}

static void read_row(char *line, struct matrix_row *row)
{
    char *field[FIELDS];
    for (int i = 0; i < FIELDS; i++) {
        field[i] = strsep(&line, ";");
        need(field[i] != NULL, "fields");
    }
    need(line == NULL && strlen(field[1]) < sizeof row->name, "fields");
    need(strlen(field[9]) < sizeof row->elements, "elements");
    memset(row, 0, sizeof *row);
    row->id = (unsigned int)atoi(field[0]);
    strcpy(row->name, field[1]);
    row->octets = (unsigned int)atoi(field[2]);
    snprintf(row->sq, sizeof row->sq, "%s", field[3]);
    row->direction = field[4][0];
    read_causes(field[5], row->cause[0]);
    read_causes(field[6], row->cause[1]);
    row->ioa = field[7][0];
    row->single = field[8][0] == '1';
    strcpy(row->elements, field[9]);
}

static void read_rows(const char *source, struct matrix_row *rows, int count)
{
    char text[TEXT_ROOM];
    snprintf(text, sizeof text, "%s", source);
    char *rest = text;
    int n = 0;
    for (char *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n")) {
        need(n < count && isdigit((unsigned char)line[0]), line);
        read_row(line, &rows[n++]);
    }
    need(n == count, "number of rows");
}

void type_matrix_read(struct matrix_row rows[MATRIX_ROWS])
{
    read_rows(TEXT, rows, MATRIX_ROWS);
}

void type_matrix_read_old(struct matrix_row rows[MATRIX_OLD_ROWS])
{
    read_rows(OLD_TEXT, rows, MATRIX_OLD_ROWS);
}

const struct matrix_row *type_matrix_find(const struct matrix_row rows[MATRIX_ROWS],
                                          unsigned int id)
{
    for (int i = 0; i < MATRIX_ROWS; i++)
        if (rows[i].id == id)
            return &rows[i];
    return NULL;
}
