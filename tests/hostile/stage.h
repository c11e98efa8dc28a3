/* A real role process with a monitor of ours, who may misbehave. */
#ifndef GATE104_TESTS_HOSTILE_STAGE_H
#define GATE104_TESTS_HOSTILE_STAGE_H

#include "sandbox/imsg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How long an answer may take before it counts as missing.  Nothing waits for its end in
 * a good run. */
#define WAIT_MS 15000

#define STAGE_INCARNATION 77u /* of the broker's session numbers */
#define ROUTE_PROTECT     0u
#define ROUTE_WRAP        1u

struct stage {
    const char *build; /* folder of the role programs */
    const char *dir;   /* folder with a lab PKI, and for logs */
    enum role role;
    pid_t pid;
    struct imsg_channel control; /* we are the monitor */
    char note[256];              /* the last line it wrote for the operator */
    int wait_ms;                 /* 0: WAIT_MS */
    const uint8_t *config;       /* its configuration; NULL: stage_config() makes one */
    size_t config_size;
};

/* Gives a malloc'ed configuration for the role; 0 if it cannot be made. */
size_t stage_config(const struct stage *s, uint8_t **out);

/* Each says on stdout (TAP comment) why it gave false. */
bool stage_spawn(struct stage *s);                     /* to PHASE_INIT of the role */
bool stage_configure(struct stage *s);                 /* to PHASE_READY */
bool stage_start(struct stage *s);                     /* to PHASE_RUN */
bool stage_begin(struct stage *s, unsigned int phase); /* all of it, up to this phase */
/* Kills it if it is still there. */
void stage_end(struct stage *s);
bool stage_is_alive(const struct stage *s);
/* True if it ended by itself in time (and not by a signal). */
bool stage_ended(struct stage *s);

/* A new channel between the role and a `peer`/`id` that we are. */
bool stage_channel(struct stage *s, enum role peer, uint32_t id,
                   struct imsg_channel *ours);
/* The same for the other end of somebody else's channel; `fd` stays open here. */
bool stage_give_channel(struct stage *s, enum role peer, uint32_t id, int fd);

/* Waits for a message of this type and skips others (notes are kept in s->note). */
bool stage_await(struct stage *s, struct imsg_channel *ch, unsigned int type,
                 struct imsg *m);
/* Waits until the role has closed the channel; drops what comes before. */
bool stage_await_end(struct stage *s, struct imsg_channel *ch);

#endif
