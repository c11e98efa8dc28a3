/* The types of 104 read from text, as an opinion of its own beside policy/types.c. */
#ifndef GATE104_TESTS_LIB_TYPE_MATRIX_H
#define GATE104_TESTS_LIB_TYPE_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

#define MATRIX_ROWS     54
#define MATRIX_OLD_ROWS 14

struct matrix_row {
    unsigned int id;
    char name[16];
    unsigned int octets; /* without a segment */
    char sq[3];          /* "0", "1" or "01" */
    char direction;      /* 'M', 'C' or 'B' */
    bool cause[2][64];   /* [0] control, [1] monitor */
    char ioa;            /* 'p', '0', 'q' or 'f' */
    bool single;
    char elements[24]; /* "NVA+QOS+CP56" */
};

/* Fills all rows; aborts if the text is not as it should be. */
void type_matrix_read(struct matrix_row rows[MATRIX_ROWS]);
/* The same with the types a route must ask for by a quirk. */
void type_matrix_read_old(struct matrix_row rows[MATRIX_OLD_ROWS]);
/* The row of an id, or NULL. */
const struct matrix_row *type_matrix_find(const struct matrix_row rows[MATRIX_ROWS],
                                          unsigned int id);

#endif
