#include "tests/torture/station.h"

#include "tests/sim/net.h"
#include "tests/sim/simclock.h"

#include <stdlib.h>
#include <string.h>

#define COT_ACT  6u
#define COT_CON  7u
#define AGAIN_MS 20u

/* What comes in the same frame as the acknowledgement counts, so it is looked at first.
 * Tag n stands for command n - 1. */
static void acknowledged(void *end, uint64_t tag)
{
    struct master *m = end;

    if (m->acked_count < MASTER_ACKED_MAX)
        m->acked[m->acked_count++] = (uint32_t)tag - 1;
    else
        ledger_violation(m->ledger, "more commands acknowledged at once than k");
}

static void check_acked(struct master *m)
{
    for (unsigned int i = 0; i < m->acked_count; i++)
        ledger_command_acked(m->ledger, m->acked[i]);
    m->acked_count = 0;
}

static void connect_again(struct master *m)
{
    const uint64_t now = sim_clock_ms();
    char why[200];

    if (now < m->again_ms)
        return;
    m->again_ms = now + AGAIN_MS;

    const int fd = sim_net_connect(m->where, why, sizeof why);
    if (fd < 0)
        return;
    m->next_event = UINT32_MAX;
    m->unanswered = 0;
    (void)end_open(&m->end, m->ledger, fd, true, m->tls, acknowledged);
}

static void take_asdu(struct master *m, const struct asdu_seen *a)
{
    if (a->type == TYPE_EVENT) {
        ledger_event_received(m->ledger, a->number, &m->next_event);
        return;
    }
    if (a->cause != COT_CON)
        ledger_violation(m->ledger, "command %u was answered with cause %u", a->number,
                         a->cause);
    ledger_answered(m->ledger, a->number, a->negative);
    m->unanswered--;
}

static void begin_command(struct master *m)
{
    struct asdu_seen command = {
        .type = TYPE_COMMAND, .cause = COT_ACT, .ioa = IOA_ALLOWED};

    if (rand() % 3 == 0)
        command.ioa = IOA_FORBIDDEN;
    command.number = ledger_command(m->ledger, command.ioa == IOA_FORBIDDEN);
    m->unanswered++;
    end_send(&m->end, &command, (uint64_t)command.number + 1);
}

unsigned int master_step(struct master *m, short revents, unsigned int commands)
{
    struct asdu_seen asdu;
    unsigned int begun = 0;

    if (!m->end.open)
        connect_again(m);
    end_step(&m->end, revents);
    if (m->end.open && m->end.channel.state == SIM_OPEN &&
        m->end.link.state == SIM_STOPPED)
        sim_link_request(&m->end.link, sim_clock_ms(), SIM_STARTDT_ACT);
    while (end_has_more(&m->end)) {
        const enum sim_link_event event = end_receive(&m->end, &asdu);
        if (event == SIM_LINK_START)
            m->ledger->sessions++;
        else if (event == SIM_LINK_ASDU)
            take_asdu(m, &asdu);
        check_acked(m);
    }
    for (; begun < commands && end_has_room(&m->end); begun++)
        begin_command(m);
    end_finish(&m->end);
    return begun;
}
