/* Octets that end at a page nobody may touch: reading one octet too many is a crash, also
 * without a sanitizer. */
#ifndef GATE104_TESTS_LIB_GUARD_PAGE_H
#define GATE104_TESTS_LIB_GUARD_PAGE_H

#include <stddef.h>
#include <stdint.h>

#define GUARD_PAGE_ROOM 4096u

struct guard_page {
    uint8_t *base;
    size_t mapped;
    uint8_t *end; /* first octet that may not be touched */
};

/* Maps the pages; aborts the test program if that is not possible. */
void guard_page_open(struct guard_page *g);
void guard_page_close(struct guard_page *g);
/* Copies n <= GUARD_PAGE_ROOM octets so that the last one is the last that may be read.
 */
const uint8_t *guard_page_put(struct guard_page *g, const void *octets, size_t n);

#endif
