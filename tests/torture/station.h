/* The two stations at the ends of gate104, each with the link layer of the simulator. */
#ifndef GATE104_TESTS_TORTURE_STATION_H
#define GATE104_TESTS_TORTURE_STATION_H

#include "tests/sim/channel.h"
#include "tests/sim/link.h"
#include "tests/torture/ledger.h"

#include <poll.h>

#define TYPE_EVENT    7u  /* M_BO_NA_1: its 32 bits are a number */
#define TYPE_COMMAND  51u /* C_BO_NA_1, likewise */
#define IOA_EVENT     1u
#define IOA_ALLOWED   1001u
#define IOA_FORBIDDEN 2001u

struct asdu_seen {
    uint8_t type, cause;
    bool negative; /* P/N; never sent */
    uint32_t ioa, number;
};

/* ---- end.c: one connection ---- */

struct end {
    bool open;
    struct sim_channel channel;
    struct sim_link link;
    struct ledger *ledger;
};

/* Takes over fd; `tls` is NULL for plain TCP.  `acknowledged` gets the end.  False
 * without memory. */
bool end_open(struct end *e, struct ledger *ledger, int fd, bool controlling,
              struct sim_tls_context *tls, void (*acknowledged)(void *end, uint64_t tag));
void end_close(struct end *e);
struct pollfd end_poll(const struct end *e);

/* A round: end_step, end_receive until end_has_more is false, end_send while
 * end_has_room, end_finish, which closes what has ended.  A peer that breaks the rules of
 * 104 is a violation. */
void end_step(struct end *e, short revents);
bool end_has_more(const struct end *e);
enum sim_link_event end_receive(struct end *e, struct asdu_seen *asdu);
bool end_has_room(const struct end *e);
void end_send(struct end *e, const struct asdu_seen *asdu, uint64_t tag);
void end_finish(struct end *e);

/* ---- rtu.c ---- */

#define RTU_ANSWERS_MAX 64u

struct rtu {
    struct end end; /* the first member: callbacks get it */
    struct ledger *ledger;
    int listener;
    uint32_t next_event, last_command;
    struct asdu_seen answer[RTU_ANSWERS_MAX];
    unsigned int answer_count;
};

bool rtu_listen(struct rtu *r, struct ledger *ledger, const char *where);
void rtu_step(struct rtu *r, short listener, short revents);

/* ---- master.c ---- */

#define MASTER_ACKED_MAX 64u

struct master {
    struct end end; /* the first member */
    struct ledger *ledger;
    const char *where;
    struct sim_tls_context *tls;
    uint64_t again_ms;   /* when to connect */
    uint32_t next_event; /* that must come on this connection; UINT32_MAX: any */
    uint32_t acked[MASTER_ACKED_MAX];
    unsigned int acked_count;
    uint32_t unanswered; /* commands of this connection */
};

/* `commands`: how many it may begin now; gives how many it began. */
unsigned int master_step(struct master *m, short revents, unsigned int commands);

#endif
