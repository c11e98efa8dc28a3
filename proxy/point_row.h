/* One row of a point list.  Private to its reader. */
#ifndef GATE104_PROXY_POINT_ROW_H
#define GATE104_PROXY_POINT_ROW_H

#include "proxy/point_csv.h"
#include "proxy/point_list.h"

enum point_column {
    POINT_NAME,
    POINT_CA,
    POINT_IOA,
    POINT_TYPE,
    POINT_UNIT,
    POINT_MIN,
    POINT_MAX,
    POINT_SELECT,
    POINT_ROLE,
};
#define POINT_COLUMNS 9
#define POINT_NEEDED  4 /* the first of them */

struct point_header {
    size_t place[POINT_COLUMNS]; /* POINT_CELLS_MAX: there is none */
    size_t count;                /* of cells */
};

/* Reads the first row.  False after a finding. */
bool point_header_read(const struct point_csv *c, const struct point_row *row,
                       struct point_header *out);

struct point_cells {
    const char *cell[POINT_COLUMNS]; /* "" where there is none */
};

/* Reads one row: out has its numbers, cells its texts, which are good.  False after a
 * finding for each fault. */
bool point_row_read(const struct point_csv *c, const struct point_header *header,
                    const struct point_row *row, struct point_cells *cells,
                    struct point *out);

#endif
