/* Names of points by address and type: what a list of points is to those that only write
 * names (audit, the command line).
 *
 * No I/O.  Memory is allocated in point_names_decode only. */
#ifndef GATE104_PROXY_POINT_NAMES_H
#define GATE104_PROXY_POINT_NAMES_H

#include "sandbox/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POINT_NAMES_MAX 200000u

struct point_name {
    uint32_t ioa;
    uint16_t ca;
    uint8_t type;
    uint32_t at; /* in text */
};

struct point_names {
    size_t count;
    struct point_name *item; /* ascending by CA, IOA, type */
    char *text;              /* the names, each with a NUL behind it */
    size_t text_size;
};

/* Octets on the way to another process: u32 points, u32 octets of text, per point u16 CA,
 * u32 IOA and u8 type, then the text, in the order of the points. */
size_t point_names_size(const struct point_names *names);
void point_names_put(struct wire_writer *w, const struct point_names *names);
/* Reads them.  Bad unless they ascend, each point is there once, and each name has 1 to
 * 63 octets, which may be any but NUL.  False when bad, or without memory: nothing is to
 * be freed. */
bool point_names_get(struct wire_reader *r, struct point_names *out);
void point_names_free(struct point_names *names);

/* True if an object of the list may come as this type: its own, with or without time tag;
 * for a value also a request to read it and its parameters (101 clause 7.3.5). */
bool point_type_fits(uint8_t listed, uint8_t type);
/* What an object is called: the point with its address and type, or with a type that
 * differs in the time tag only; a request to read and a parameter have the name of the
 * value that is meant.  NULL: no point is meant for sure.  `names` may be NULL. */
const char *point_names_find(const struct point_names *names, uint16_t ca, uint32_t ioa,
                             uint8_t type);

#endif
