/* A piece of configuration that comes to a running role in several messages
 * (UPDATE_BEGIN, UPDATE_DATA): put together, bounded by CFG_SIZE_MAX. */
#ifndef GATE104_SANDBOX_COLLECT_H
#define GATE104_SANDBOX_COLLECT_H

#include "sandbox/imsg.h"

struct collect {
    uint8_t *buf; /* NULL: nothing is being collected */
    size_t size;
    size_t have;
};

enum collect_status {
    COLLECT_MORE,
    COLLECT_DONE,    /* buf holds all of it */
    COLLECT_NO_ROOM, /* out of memory: what comes now is passed over */
    COLLECT_BAD,     /* a message breaks the order or the lengths; `m` was not rejected */
};

/* Takes one message of either type. */
enum collect_status collect_take(struct collect *c, const struct imsg *m);
/* Frees it; ready for the next. */
void collect_reset(struct collect *c);

#endif
