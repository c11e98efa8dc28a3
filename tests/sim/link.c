#include "tests/sim/link.h"

#include "tests/sim/simclock.h"
#include "tests/sim/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEQ_MASK 0x7FFFu

static uint16_t seq(unsigned int n)
{
    return (uint16_t)(n & SEQ_MASK);
}

__attribute__((format(printf, 2, 3))) static enum sim_link_event
broken(struct sim_link *l, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(l->why, sizeof l->why, fmt, ap);
    va_end(ap);
    return SIM_LINK_BROKEN;
}

bool sim_link_init(struct sim_link *l, const struct sim_link_params *p, bool controlling,
                   uint64_t now)
{
    memset(l, 0, sizeof *l);
    l->p = *p;
    l->controlling = controlling;
    l->state = SIM_STOPPED;
    l->t1_u = l->t1_test = l->t2 = SIM_NEVER;
    l->t3 = now + (uint64_t)p->t3 * 1000u;
    l->flight = calloc(p->k, sizeof *l->flight);
    return l->flight != NULL;
}

void sim_link_free(struct sim_link *l)
{
    free(l->flight);
    l->flight = NULL;
}

uint32_t sim_link_in_flight(const struct sim_link *l)
{
    return seq((unsigned int)(l->vs - l->acked));
}

static void put_u(struct sim_link *l, uint8_t function)
{
    uint8_t out[SIM_APDU_MIN];

    l->counts.u_sent++;
    l->put(l->ctx, out, sim_apdu_put_u(out, function));
}

void sim_link_acknowledge(struct sim_link *l)
{
    uint8_t out[SIM_APDU_MIN];

    if (l->unacked == 0)
        return;
    l->unacked = 0;
    l->t2 = SIM_NEVER;
    l->counts.s_sent++;
    l->put(l->ctx, out, sim_apdu_put_s(out, l->vr));
}

bool sim_link_room(const struct sim_link *l)
{
    return l->state == SIM_STARTED && sim_link_in_flight(l) < l->p.k;
}

bool sim_link_send(struct sim_link *l, uint64_t now, const uint8_t *asdu, size_t n,
                   uint64_t tag)
{
    uint8_t out[SIM_APDU_MAX];
    uint32_t at;

    if (!sim_link_room(l) || n == 0 || n > SIM_APDU_MAX - SIM_APDU_MIN)
        return false;
    at = (l->oldest + sim_link_in_flight(l)) % l->p.k;
    l->flight[at] = (struct sim_link_flight){now, tag};
    n = sim_apdu_put_i(out, l->vs, l->vr, asdu, n);
    l->vs = seq(l->vs + 1u);
    l->unacked = 0;
    l->t2 = SIM_NEVER;
    l->counts.i_sent++;
    l->put(l->ctx, out, n);
    return true;
}

void sim_link_request(struct sim_link *l, uint64_t now, uint8_t function)
{
    uint64_t deadline = now + (uint64_t)l->p.t1 * 1000u;

    if (function == SIM_TESTFR_ACT) {
        l->t1_test = deadline;
    } else {
        /* What was received has to be acknowledged before STOPDT act (104 clause 5.3). */
        sim_link_acknowledge(l);
        l->state = function == SIM_STARTDT_ACT ? SIM_STARTING : SIM_STOPPING;
        l->waiting_u = function == SIM_STARTDT_ACT ? SIM_STARTDT_CON : SIM_STOPDT_CON;
        l->t1_u = deadline;
    }
    put_u(l, function);
}

static enum sim_link_event confirm_stop(struct sim_link *l)
{
    put_u(l, SIM_STOPDT_CON);
    l->state = SIM_STOPPED;
    return SIM_LINK_STOP;
}

/* N(R) acknowledges all frames below it; it may neither go back nor run ahead of V(S). */
static enum sim_link_event take_nr(struct sim_link *l, uint16_t nr)
{
    if (seq((unsigned int)(nr - l->acked)) > sim_link_in_flight(l))
        return broken(l, "N(R) %u acknowledges what was not sent (%u..%u outstanding)",
                      nr, l->acked, l->vs);
    for (uint32_t bound = 0; l->acked != nr && bound <= SEQ_MASK; bound++) {
        uint64_t tag = l->flight[l->oldest].tag;

        if (tag != 0 && l->acknowledged != NULL)
            l->acknowledged(l->ctx, tag);
        l->acked = seq(l->acked + 1u);
        l->oldest = (l->oldest + 1u) % l->p.k;
    }
    if (!l->controlling && l->state == SIM_STOPPING && sim_link_in_flight(l) == 0)
        return confirm_stop(l);
    return SIM_LINK_NOTHING;
}

static enum sim_link_event take_i(struct sim_link *l, uint64_t now,
                                  const struct sim_apdu *f)
{
    l->counts.i_received++;
    if (l->state == SIM_STOPPED || l->state == SIM_STARTING)
        return broken(l, "I-frame before data transfer was started");
    if (l->state == SIM_STOPPING && !l->controlling)
        return broken(l, "I-frame after STOPDT act");
    if (f->ns != l->vr)
        return broken(l, "N(S) %u received, %u expected", f->ns, l->vr);
    if (take_nr(l, f->nr) == SIM_LINK_BROKEN)
        return SIM_LINK_BROKEN;
    l->vr = seq(l->vr + 1u);
    l->unacked++;
    if (l->unacked == 1)
        l->t2 = now + (uint64_t)l->p.t2 * 1000u;
    if (l->unacked >= l->p.w || l->state == SIM_STOPPING)
        sim_link_acknowledge(l);
    return SIM_LINK_ASDU;
}

static enum sim_link_event take_s(struct sim_link *l, const struct sim_apdu *f)
{
    l->counts.s_received++;
    if (l->state == SIM_STOPPED || l->state == SIM_STARTING)
        return broken(l, "S-frame while data transfer is stopped");
    return take_nr(l, f->nr);
}

static enum sim_link_event take_act(struct sim_link *l, uint8_t function)
{
    if (l->controlling)
        return broken(l, "%s from a controlled station", sim_function_name(function));
    if (function == SIM_STARTDT_ACT) {
        bool again = l->state == SIM_STARTED;

        put_u(l, SIM_STARTDT_CON);
        l->state = SIM_STARTED;
        return again ? SIM_LINK_NOTHING : SIM_LINK_START;
    }
    sim_link_acknowledge(l);
    if (sim_link_in_flight(l) == 0)
        return confirm_stop(l);
    l->state = SIM_STOPPING;
    return SIM_LINK_NOTHING;
}

static enum sim_link_event take_con(struct sim_link *l, uint8_t function)
{
    if (!l->controlling)
        return broken(l, "%s from a controlling station", sim_function_name(function));
    if (l->t1_u == SIM_NEVER || l->waiting_u != function)
        return broken(l, "%s without a request", sim_function_name(function));
    l->t1_u = SIM_NEVER;
    l->state = function == SIM_STARTDT_CON ? SIM_STARTED : SIM_STOPPED;
    return function == SIM_STARTDT_CON ? SIM_LINK_START : SIM_LINK_STOP;
}

static enum sim_link_event take_u(struct sim_link *l, const struct sim_apdu *f)
{
    l->counts.u_received++;
    if (f->function == SIM_TESTFR_ACT) {
        put_u(l, SIM_TESTFR_CON);
        return SIM_LINK_NOTHING;
    }
    if (f->function == SIM_TESTFR_CON) {
        l->t1_test = SIM_NEVER;
        return SIM_LINK_TESTED;
    }
    if (f->function == SIM_STARTDT_ACT || f->function == SIM_STOPDT_ACT)
        return take_act(l, f->function);
    return take_con(l, f->function);
}

enum sim_link_event sim_link_take(struct sim_link *l, uint64_t now, const uint8_t *apdu,
                                  size_t n, struct sim_apdu *f)
{
    const char *wrong = sim_apdu_open(f, apdu, n);

    l->t3 = now + (uint64_t)l->p.t3 * 1000u;
    if (wrong != NULL)
        return broken(l, "%s", wrong);
    if (f->format == SIM_I)
        return take_i(l, now, f);
    return f->format == SIM_S ? take_s(l, f) : take_u(l, f);
}

static uint64_t t1_of_i(const struct sim_link *l)
{
    if (sim_link_in_flight(l) == 0)
        return SIM_NEVER;
    return l->flight[l->oldest].sent_ms + (uint64_t)l->p.t1 * 1000u;
}

enum sim_link_event sim_link_tick(struct sim_link *l, uint64_t now)
{
    if (now >= t1_of_i(l))
        return broken(l, "t1: N(S) %u not acknowledged in %u s", l->acked, l->p.t1);
    if (now >= l->t1_u)
        return broken(l, "t1: no %s in %u s", sim_function_name(l->waiting_u), l->p.t1);
    if (now >= l->t1_test)
        return broken(l, "t1: no TESTFR con in %u s", l->p.t1);
    if (now >= l->t2)
        sim_link_acknowledge(l);
    if (now >= l->t3) {
        l->t3 = now + (uint64_t)l->p.t3 * 1000u;
        if (l->t1_test == SIM_NEVER)
            sim_link_request(l, now, SIM_TESTFR_ACT);
    }
    return SIM_LINK_NOTHING;
}

uint64_t sim_link_deadline(const struct sim_link *l)
{
    uint64_t all[] = {t1_of_i(l), l->t1_u, l->t1_test, l->t2, l->t3};
    uint64_t first = SIM_NEVER;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        first = all[i] < first ? all[i] : first;
    return first;
}
