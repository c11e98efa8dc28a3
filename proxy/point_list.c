#include "proxy/point_list.h"

#include "proxy/audit_hash.h"
#include "proxy/config_reader.h"
#include "proxy/config_text.h"
#include "proxy/point_row.h"

#include <stdlib.h>
#include <string.h>

/* Errors of one list that are told: who took the wrong file does not want them all. */
#define ERRORS_TOLD 50u

_Static_assert(POINT_LIST_MAX == POINT_NAMES_MAX, "a list has its names");

struct reading {
    struct point_csv csv;
    struct config_errors *errs;
    struct point_list *out;
    size_t room, text_size, text_room;
    size_t errors; /* before this list */
    bool no_memory;
};

__attribute__((format(printf, 4, 5))) static bool complain(const struct reading *rd,
                                                           unsigned int line,
                                                           const char *remedy,
                                                           const char *what, ...)
{
    const struct config_place at = {rd->csv.file, line, NULL};
    va_list ap;

    va_start(ap, what);
    config_errors_vadd(rd->errs, CONFIG_ERROR, &at, remedy, what, ap);
    va_end(ap);
    return false;
}

static bool out_of_memory(struct reading *rd)
{
    rd->no_memory = true;
    return complain(rd, 0, "free some memory", "out of memory");
}

/* True while more is to be told of this list. */
static bool go_on(const struct reading *rd)
{
    return rd->errs->errors - rd->errors < ERRORS_TOLD && !rd->no_memory;
}

/* ---- rows ---- */

static bool put_text(struct reading *rd, const char *text, uint32_t *place)
{
    const size_t n = strlen(text) + 1;
    struct point_list *l = rd->out;

    *place = 0;
    if (n == 1)
        return true;
    if (rd->text_size + n > rd->text_room) {
        const size_t room = 2 * rd->text_room + 65536;
        char *more = realloc(l->text, room);

        if (!more)
            return out_of_memory(rd);
        l->text = more;
        rd->text_room = room;
    }
    memcpy(l->text + rd->text_size, text, n);
    *place = (uint32_t)rd->text_size;
    rd->text_size += n;
    return true;
}

static bool put_point(struct reading *rd, struct point *p,
                      const struct point_cells *cells)
{
    struct point_list *l = rd->out;

    if (l->count == POINT_LIST_MAX)
        return complain(rd, p->line, "split it over several routes",
                        "the list has more than %u points", POINT_LIST_MAX);
    if (l->count == rd->room) {
        const size_t room = 2 * rd->room + 256;
        struct point *more = realloc(l->point, room * sizeof *more);

        if (!more)
            return out_of_memory(rd);
        l->point = more;
        rd->room = room;
    }
    if (!put_text(rd, cells->cell[POINT_NAME], &p->name) ||
        !put_text(rd, cells->cell[POINT_UNIT], &p->unit) ||
        !put_text(rd, cells->cell[POINT_ROLE], &p->role))
        return false;
    l->point[l->count++] = *p;
    return true;
}

static void read_rows(struct reading *rd)
{
    struct point_header header;
    struct point_cells cells;
    struct point_row row;
    struct point p;
    enum point_csv_status status = point_csv_next(&rd->csv, &row);

    if (status == POINT_CSV_END)
        (void)complain(rd, 0, "write a first row with name, ca, ioa and type",
                       "the list is empty");
    if (status != POINT_CSV_ROW || !point_header_read(&rd->csv, &row, &header))
        return;
    while (go_on(rd) && point_csv_next(&rd->csv, &row) == POINT_CSV_ROW) {
        if (point_row_read(&rd->csv, &header, &row, &cells, &p) &&
            !put_point(rd, &p, &cells))
            return;
    }
}

/* ---- order ---- */

static int compare_points(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    const uint64_t p = (uint64_t)x->ca << 32 | (uint64_t)x->ioa << 8 | x->type;
    const uint64_t q = (uint64_t)y->ca << 32 | (uint64_t)y->ioa << 8 | y->type;

    if (p != q)
        return p < q ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static int compare_names(const void *a, const void *b, void *ctx)
{
    const struct point_list *l = ctx;
    const struct point *x = &l->point[*(const uint32_t *)a];
    const struct point *y = &l->point[*(const uint32_t *)b];
    const int order = strcmp(l->text + x->name, l->text + y->name);

    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static void check_places(struct reading *rd)
{
    const struct point_list *l = rd->out;

    for (size_t i = 1; i < l->count && go_on(rd); i++) {
        const struct point *p = &l->point[i], *q = p - 1;

        if (p->ca == q->ca && p->ioa == q->ioa && p->type == q->type)
            (void)complain(rd, p->line, "remove one of them",
                           "CA %u, IOA %u, %s is the point of line %u, too", p->ca,
                           p->ioa, type_info(p->type)->name, q->line);
    }
}

static void check_names(struct reading *rd)
{
    const struct point_list *l = rd->out;

    for (size_t i = 1; i < l->count && go_on(rd); i++) {
        const struct point *p = &l->point[l->by_name[i]],
                           *q = &l->point[l->by_name[i - 1]];

        if (strcmp(l->text + p->name, l->text + q->name) == 0)
            (void)complain(rd, p->line, "give each point a name of its own",
                           "\"%s\" is the name of line %u, too", l->text + p->name,
                           q->line);
    }
}

static void put_in_order(struct reading *rd)
{
    struct point_list *l = rd->out;

    if (l->count == 0) {
        (void)complain(rd, 0, "write a row for each point", "the list has no points");
        return;
    }
    qsort(l->point, l->count, sizeof *l->point, compare_points);
    l->by_name = calloc(l->count, sizeof *l->by_name);
    if (!l->by_name) {
        (void)out_of_memory(rd);
        return;
    }
    for (uint32_t i = 0; i < l->count; i++)
        l->by_name[i] = i;
    qsort_r(l->by_name, l->count, sizeof *l->by_name, compare_names, l);
    check_places(rd);
    check_names(rd);
}

/* ---- the file ---- */

static void read_list(struct reading *rd, char *text, size_t size)
{
    struct point_list *l = rd->out;

    /* Place 0 is the empty text. */
    l->text = calloc(1, 1);
    l->path = strdup(rd->csv.file);
    rd->text_size = rd->text_room = 1;
    if (!l->text || !l->path || !audit_hash_warm_up() ||
        !audit_hash(text, size, l->hash)) {
        (void)out_of_memory(rd);
        return;
    }
    if (point_csv_begin(&rd->csv, l->path, text, size, rd->errs))
        read_rows(rd);
    if (rd->errs->errors == rd->errors)
        put_in_order(rd);
    if (!go_on(rd) && !rd->no_memory)
        (void)complain(rd, 0, "mend these first",
                       "there may be more errors than the %u told", ERRORS_TOLD);
}

bool point_list_load(const char *path, const struct config_place *at,
                     struct config_errors *errs, struct point_list *out)
{
    struct reading rd = {
        .csv = {.file = path}, .errs = errs, .out = out, .errors = errs->errors};
    size_t size;
    char *text = config_file_read(path, POINT_LIST_FILE_MAX, &size, at, errs);

    memset(out, 0, sizeof *out);
    if (!text)
        return false;
    read_list(&rd, text, size);
    free(text);
    if (errs->errors == rd.errors)
        return true;
    point_list_free(out);
    return false;
}

void point_list_free(struct point_list *l)
{
    free(l->path);
    free(l->point);
    free(l->by_name);
    free(l->text);
    memset(l, 0, sizeof *l);
}

/* ---- asking ---- */

const char *point_list_text(const struct point_list *l, uint32_t place)
{
    return l->text + place;
}

const struct point *point_list_by_name(const struct point_list *l, const char *name)
{
    size_t low = 0, high = l->count;

    while (low < high) { /* halves each time */
        const size_t middle = low + (high - low) / 2;
        const struct point *p = &l->point[l->by_name[middle]];
        const int order = strcmp(l->text + p->name, name);

        if (order == 0)
            return p;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const char *name_at(const void *ctx, size_t i)
{
    const struct point_list *l = ctx;

    return l->text + l->point[i].name;
}

const char *point_list_nearest(const struct point_list *l, const char *name)
{
    return config_nearest(name, name_at, l, l->count);
}

size_t point_list_from(const struct point_list *l, uint16_t ca, uint32_t ioa)
{
    size_t low = 0, high = l->count;

    while (low < high) { /* halves each time */
        const size_t middle = low + (high - low) / 2;
        const struct point *p = &l->point[middle];

        if (p->ca != ca ? p->ca < ca : p->ioa < ioa)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool point_list_names(const struct point_list *l, struct point_names *out)
{
    size_t size = 0;

    for (size_t i = 0; i < l->count; i++)
        size += strlen(l->text + l->point[i].name) + 1;
    *out = (struct point_names){.count = l->count, .text_size = size};
    out->item = calloc(l->count + 1, sizeof *out->item);
    out->text = malloc(size + 1);
    if (!out->item || !out->text) {
        point_names_free(out);
        return false;
    }
    size = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct point *p = &l->point[i];
        const size_t n = strlen(l->text + p->name) + 1;

        out->item[i] = (struct point_name){p->ioa, p->ca, p->type, (uint32_t)size};
        memcpy(out->text + size, l->text + p->name, n);
        size += n;
    }
    return true;
}
