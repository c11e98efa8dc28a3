#include "tests/torture/station.h"

#include "tests/sim/net.h"

#include <stdio.h>
#include <string.h>

#define COT_SPONTANEOUS 3u
#define COT_CON         7u

/* Tag n stands for event n - 1. */
static void acknowledged(void *end, uint64_t tag)
{
    const struct rtu *r = end;

    ledger_event_acked(r->ledger, (uint32_t)tag - 1);
}

bool rtu_listen(struct rtu *r, struct ledger *ledger, const char *where)
{
    char why[200];

    memset(r, 0, sizeof *r);
    r->ledger = ledger;
    r->listener = sim_net_listen(where, why, sizeof why);
    if (r->listener < 0)
        (void)fprintf(stderr, "%s\n", why);
    return r->listener >= 0;
}

/* A new connection takes the place of the one before. */
static void take_connection(struct rtu *r)
{
    char peer[100];
    const int fd = sim_net_accept(r->listener, peer, sizeof peer);

    if (fd < 0)
        return;
    end_close(&r->end);
    r->answer_count = 0;
    r->last_command = UINT32_MAX;
    (void)end_open(&r->end, r->ledger, fd, false, NULL, acknowledged);
}

static void take_command(struct rtu *r, const struct asdu_seen *a)
{
    ledger_executed(r->ledger, a->number, a->ioa != IOA_ALLOWED, &r->last_command);
    if (r->answer_count == RTU_ANSWERS_MAX) {
        ledger_violation(r->ledger, "more commands at once than k");
        return;
    }
    r->answer[r->answer_count] = *a;
    r->answer[r->answer_count++].cause = COT_CON;
}

/* What is not acknowledged is sent again (104 clause 10). */
static void send_all(struct rtu *r)
{
    unsigned int sent = 0;

    while (sent < r->answer_count && end_has_room(&r->end))
        end_send(&r->end, &r->answer[sent++], 0);
    r->answer_count -= sent;
    memmove(r->answer, r->answer + sent, r->answer_count * sizeof r->answer[0]);
    while (r->next_event < r->ledger->events && end_has_room(&r->end)) {
        const struct asdu_seen event = {.type = TYPE_EVENT,
                                        .cause = COT_SPONTANEOUS,
                                        .ioa = IOA_EVENT,
                                        .number = r->next_event};
        end_send(&r->end, &event, ++r->next_event);
    }
}

void rtu_step(struct rtu *r, short listener, short revents)
{
    struct asdu_seen asdu;

    if (listener != 0)
        take_connection(r);
    end_step(&r->end, revents);
    while (end_has_more(&r->end)) {
        const enum sim_link_event event = end_receive(&r->end, &asdu);
        if (event == SIM_LINK_START)
            r->next_event = r->ledger->oldest_unacked;
        else if (event == SIM_LINK_ASDU)
            take_command(r, &asdu);
    }
    send_all(r);
    end_finish(&r->end);
}
