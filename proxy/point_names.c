#include "proxy/point_names.h"

#include "policy/types.h"
#include "sandbox/wire.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_OCTETS 63u
#define ITEM_OCTETS     7u

/* Ascending where both ascend: CA, IOA, type. */
static uint64_t place_of(uint16_t ca, uint32_t ioa, uint8_t type)
{
    return (uint64_t)ca << 32 | (uint64_t)ioa << 8 | type;
}

static uint64_t place(const struct point_name *n)
{
    return place_of(n->ca, n->ioa, n->type);
}

size_t point_names_size(const struct point_names *names)
{
    return 8 + ITEM_OCTETS * names->count + names->text_size;
}

void point_names_put(struct wire_writer *w, const struct point_names *names)
{
    wire_put_u32(w, (uint32_t)names->count);
    wire_put_u32(w, (uint32_t)names->text_size);
    for (size_t i = 0; i < names->count; i++) {
        wire_put_u16(w, names->item[i].ca);
        wire_put_u32(w, names->item[i].ioa);
        wire_put_u8(w, names->item[i].type);
    }
    wire_put_bytes(w, names->text, names->text_size);
}

static bool get_items(struct wire_reader *r, struct point_names *out)
{
    for (size_t i = 0; i < out->count; i++) {
        struct point_name *n = &out->item[i];

        n->ca = wire_get_u16(r);
        n->ioa = wire_get_u32(r);
        n->type = wire_get_u8(r);
        if (n->ioa > 0xFFFFFF || !type_info(n->type) ||
            (i > 0 && place(n - 1) >= place(n)))
            return false;
    }
    return true;
}

/* One name behind the other, as many as there are points. */
static bool find_texts(struct point_names *out)
{
    size_t used = 0;

    for (size_t i = 0; i < out->count; i++) {
        const size_t n = strnlen(out->text + used, out->text_size - used);

        if (n == 0 || n > NAME_MAX_OCTETS || n == out->text_size - used)
            return false;
        out->item[i].at = (uint32_t)used;
        used += n + 1;
    }
    return used == out->text_size;
}

bool point_names_get(struct wire_reader *r, struct point_names *out)
{
    bool good;

    memset(out, 0, sizeof *out);
    out->count = wire_get_u32(r);
    out->text_size = wire_get_u32(r);
    if (out->count <= POINT_NAMES_MAX && out->text_size <= wire_left(r) &&
        ITEM_OCTETS * out->count <= wire_left(r) - out->text_size) {
        out->item = calloc(out->count + 1, sizeof *out->item);
        out->text = calloc(out->text_size + 1, 1);
    }
    good = out->item && out->text && get_items(r, out);
    if (good)
        wire_get_bytes(r, out->text, out->text_size);
    if (good && !r->bad && find_texts(out))
        return true;
    r->bad = true;
    point_names_free(out);
    return false;
}

void point_names_free(struct point_names *names)
{
    free(names->item);
    free(names->text);
    memset(names, 0, sizeof *names);
}

static size_t find(const struct point_names *names, uint64_t at)
{
    size_t low = 0, high = names->count;

    while (low < high) { /* halves each time */
        const size_t middle = low + (high - low) / 2;
        if (place(&names->item[middle]) < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Types 102 (C_RD_NA_1) and 110 to 113 (parameters of measured values) are about what
 * another type reports. */
static bool is_about_values(uint8_t type)
{
    return type == 102 || (type >= 110 && type <= 113);
}

bool point_type_fits(uint8_t listed, uint8_t type)
{
    const struct type_info *a = type_info(listed), *b = type_info(type);

    if (!a || !b)
        return false;
    if (is_about_values(type))
        return listed == type || a->direction == TYPE_DIR_MONITOR;
    return a->direction == b->direction && a->elements[0] == b->elements[0];
}

const char *point_names_find(const struct point_names *names, uint16_t ca, uint32_t ioa,
                             uint8_t type)
{
    const char *found = NULL;

    if (!names)
        return NULL;
    for (size_t i = find(names, place_of(ca, ioa, 0)); i < names->count; i++) {
        const struct point_name *n = &names->item[i];
        if (n->ca != ca || n->ioa != ioa)
            break;
        if (n->type == type)
            return names->text + n->at;
        if (!found && point_type_fits(n->type, type))
            found = names->text + n->at;
    }
    return found;
}
