/* A handshake takes tens of KB that are free again after it, in pieces between what its
 * session keeps.  Nothing else gives these back to the system. */
#include "proxy/tls.h"

#include <malloc.h>

/* Long enough that masters who come one after the other do not have it done each time;
 * what is given back has to be got again. */
#define QUIET_MS 200u

static void quiet(void *ctx)
{
    (void)ctx;
    (void)malloc_trim(0);
}

void tls_memory_init(struct tls *t)
{
    loop_timer_init(&t->memory, quiet, t);
}

void tls_memory_stir(struct tls *t)
{
    (void)loop_timer_set(&t->child.loop, &t->memory, QUIET_MS);
}
