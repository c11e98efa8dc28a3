/* Lists of points: what an engineer calls the objects of a station, from a CSV file.
 *
 * Monitor and command line only. */
#ifndef GATE104_PROXY_POINT_LIST_H
#define GATE104_PROXY_POINT_LIST_H

#include "policy/policy.h"
#include "proxy/config_errors.h"
#include "proxy/point_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POINT_LIST_MAX      200000u
#define POINT_LIST_FILE_MAX (64u << 20)
#define POINT_NAME_MAX      63u /* octets */
#define POINT_UNIT_MAX      31u
#define POINT_ROLE_MAX      63u
#define POINT_HASH_SIZE     32u

enum point_select { POINT_SELECT_UNSAID, POINT_SELECT_YES, POINT_SELECT_NO };

struct point {
    uint16_t ca; /* 1..65534 */
    uint8_t type;
    uint8_t select; /* enum point_select */
    uint32_t ioa;
    uint32_t line;             /* of the file */
    uint32_t name, unit, role; /* places in the list's text; 0: none */
    bool has_min, has_max;
    double min, max;
};

struct point_list {
    char *path;
    size_t count;
    struct point *point; /* ascending by CA, IOA, type */
    uint32_t *by_name;   /* their places, ascending by name */
    char *text;
    uint8_t hash[POINT_HASH_SIZE]; /* SHA-256 of the file's octets */
};

/* Reads a list; `at` is where it was named.  False if there is an error, and then nothing
 * of it: the errors are in errs, of very many the first. */
bool point_list_load(const char *path, const struct config_place *at,
                     struct config_errors *errs, struct point_list *out);
void point_list_free(struct point_list *l);

/* "" for 0. */
const char *point_list_text(const struct point_list *l, uint32_t place);
/* NULL: there is none of this name. */
const struct point *point_list_by_name(const struct point_list *l, const char *name);
/* The name that is next to this, or NULL if none is near. */
const char *point_list_nearest(const struct point_list *l, const char *name);
/* The first point that is not before (ca, ioa), and all behind it; l->count: none. */
size_t point_list_from(const struct point_list *l, uint16_t ca, uint32_t ioa);

/* The names alone, to be freed.  False without memory. */
bool point_list_names(const struct point_list *l, struct point_names *out);

#endif
