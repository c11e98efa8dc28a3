#include "sandbox/collect.h"

#include <stdlib.h>
#include <string.h>

void collect_reset(struct collect *c)
{
    free(c->buf);
    memset(c, 0, sizeof *c);
}

static enum collect_status begin(struct collect *c, const struct imsg *m)
{
    struct msg_update_begin body;

    imsg_get(m, &body, sizeof body);
    /* One at a time, and each to its end. */
    if (c->have < c->size || body.size == 0 || body.size > CFG_SIZE_MAX)
        return COLLECT_BAD;
    collect_reset(c);
    c->buf = malloc(body.size);
    c->size = body.size;
    return c->buf ? COLLECT_MORE : COLLECT_NO_ROOM;
}

enum collect_status collect_take(struct collect *c, const struct imsg *m)
{
    if (m->type == MSG_UPDATE_BEGIN)
        return begin(c, m);
    if (m->type != MSG_UPDATE_DATA || m->len > c->size - c->have)
        return COLLECT_BAD;
    if (c->buf)
        memcpy(c->buf + c->have, m->payload, m->len);
    c->have += m->len;
    if (!c->buf)
        return COLLECT_NO_ROOM;
    return c->have == c->size ? COLLECT_DONE : COLLECT_MORE;
}
