/* Rows of a CSV file as spreadsheets write them (RFC 4180): quotes, one of three
 * separators, CRLF or LF, a byte order mark.
 *
 * Pure but for findings; monitor and command line only. */
#ifndef GATE104_PROXY_POINT_CSV_H
#define GATE104_PROXY_POINT_CSV_H

#include "proxy/config_errors.h"

#include <stddef.h>

#define POINT_CELLS_MAX 256u
#define POINT_ROW_MAX   65536u /* octets */

struct point_csv {
    const char *file; /* for findings */
    struct config_errors *errs;
    char *text; /* is written to */
    size_t size, pos;
    unsigned int line; /* of pos */
    char separator;    /* ',', ';' or a tab */
};

struct point_row {
    unsigned int line; /* where it begins */
    size_t count;
    char *cell[POINT_CELLS_MAX]; /* UTF-8 without NUL, no blanks at its ends */
};

enum point_csv_status { POINT_CSV_ROW, POINT_CSV_END, POINT_CSV_BAD };

/* Takes the file's octets, with room for one more behind them; they must live as long as
 * the rows.  Looks at them as a whole: UTF-16, octets that are no UTF-8, a NUL.  False
 * after a finding. */
bool point_csv_begin(struct point_csv *c, const char *file, char *text, size_t size,
                     struct config_errors *errs);
/* The next row that is not empty.  BAD after a finding: what follows cannot be told. */
enum point_csv_status point_csv_next(struct point_csv *c, struct point_row *row);

#endif
