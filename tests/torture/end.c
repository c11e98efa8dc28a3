#include "tests/torture/station.h"

#include "tests/sim/simclock.h"

#include <string.h>

#define ASDU_EVENT   14u /* with quality */
#define ASDU_COMMAND 13u

static void put(void *ctx, const uint8_t *apdu, size_t n)
{
    struct end *e = ctx;

    if (!sim_channel_put(&e->channel, apdu, n))
        ledger_violation(e->ledger, "gate104 takes nothing any more");
}

bool end_open(struct end *e, struct ledger *ledger, int fd, bool controlling,
              struct sim_tls_context *tls, void (*acknowledged)(void *end, uint64_t tag))
{
    /* t2 is short so that all comes to rest soon. */
    static const struct sim_link_params params = {
        .k = 12, .w = 8, .t1 = 15, .t2 = 1, .t3 = 20};

    memset(e, 0, sizeof *e);
    e->ledger = ledger;
    if (!sim_link_init(&e->link, &params, controlling, sim_clock_ms()))
        return false;
    e->link.ctx = e;
    e->link.put = put;
    e->link.acknowledged = acknowledged;
    e->open = sim_channel_open(&e->channel, fd, controlling, tls);
    if (!e->open)
        sim_link_free(&e->link);
    return e->open;
}

void end_close(struct end *e)
{
    if (!e->open)
        return;
    sim_channel_close(&e->channel, true);
    sim_link_free(&e->link);
    e->open = false;
}

struct pollfd end_poll(const struct end *e)
{
    if (!e->open)
        return (struct pollfd){.fd = -1};
    return (struct pollfd){.fd = e->channel.fd,
                           .events = sim_channel_events(&e->channel)};
}

void end_step(struct end *e, short revents)
{
    if (!e->open)
        return;
    sim_channel_step(&e->channel, revents);
    if (e->channel.state == SIM_OPEN &&
        sim_link_tick(&e->link, sim_clock_ms()) == SIM_LINK_BROKEN)
        ledger_violation(e->ledger, "%s: %s", e->link.controlling ? "master" : "RTU",
                         e->link.why);
}

static bool asdu_read(const uint8_t *p, size_t n, struct asdu_seen *out)
{
    memset(out, 0, sizeof *out);
    if (n < ASDU_COMMAND || n > ASDU_EVENT)
        return false;
    out->type = p[0];
    out->cause = p[2] & 0x3F;
    out->negative = (p[2] & 0x40) != 0;
    out->ioa = p[6] | (uint32_t)p[7] << 8 | (uint32_t)p[8] << 16;
    out->number =
        p[9] | (uint32_t)p[10] << 8 | (uint32_t)p[11] << 16 | (uint32_t)p[12] << 24;
    return out->type == TYPE_EVENT ? n == ASDU_EVENT
                                   : out->type == TYPE_COMMAND && n == ASDU_COMMAND;
}

/* What was read is looked at also when the connection has ended meanwhile. */
enum sim_link_event end_receive(struct end *e, struct asdu_seen *asdu)
{
    struct sim_apdu f;
    const int size = e->open ? sim_channel_next(&e->channel) : 0;

    if (size < 0)
        ledger_violation(e->ledger, "octets that are no APDU");
    if (size <= 0)
        return SIM_LINK_NOTHING;

    const enum sim_link_event event =
        sim_link_take(&e->link, sim_clock_ms(), e->channel.in, (size_t)size, &f);
    if (event == SIM_LINK_BROKEN)
        ledger_violation(e->ledger, "%s: %s", e->link.controlling ? "master" : "RTU",
                         e->link.why);
    if (event == SIM_LINK_ASDU && !asdu_read(f.asdu, f.asdu_size, asdu))
        ledger_violation(e->ledger, "an ASDU that nobody made");
    sim_channel_consume(&e->channel, (size_t)size);
    return event;
}

bool end_has_more(const struct end *e)
{
    return e->open && sim_channel_next(&e->channel) > 0;
}

void end_finish(struct end *e)
{
    if (!e->open)
        return;
    sim_channel_flush(&e->channel);
    if (e->channel.state == SIM_CLOSED)
        end_close(e);
}

bool end_has_room(const struct end *e)
{
    return e->open && e->channel.state == SIM_OPEN && sim_link_room(&e->link) &&
           sim_channel_room(&e->channel);
}

/* ---- ASDUs (101 7.3.1.7, 7.3.2.7), written here to have a number each ---- */

void end_send(struct end *e, const struct asdu_seen *a, uint64_t tag)
{
    uint8_t p[ASDU_EVENT] = {a->type, 1, a->cause, 0, 1, 0};
    const size_t n = a->type == TYPE_EVENT ? ASDU_EVENT : ASDU_COMMAND;

    for (unsigned int i = 0; i < 3; i++)
        p[6 + i] = (uint8_t)(a->ioa >> 8 * i);
    for (unsigned int i = 0; i < 4; i++)
        p[9 + i] = (uint8_t)(a->number >> 8 * i);
    (void)sim_link_send(&e->link, sim_clock_ms(), p, n, tag);
}
