#include "tests/lib/guard_page.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void guard_page_open(struct guard_page *g)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = (GUARD_PAGE_ROOM + page - 1) / page * page;

    g->mapped = room + page;
    g->base =
        mmap(NULL, g->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->base == MAP_FAILED)
        abort();
    g->end = g->base + room;
    if (mprotect(g->end, page, PROT_NONE) != 0)
        abort();
}

void guard_page_close(struct guard_page *g)
{
    munmap(g->base, g->mapped);
    memset(g, 0, sizeof *g);
}

const uint8_t *guard_page_put(struct guard_page *g, const void *octets, size_t n)
{
    if (n > GUARD_PAGE_ROOM)
        abort();
    if (n > 0)
        memcpy(g->end - n, octets, n);
    return g->end - n;
}
