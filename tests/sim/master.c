#include "tests/sim/master.h"

#include "tests/sim/attack.h"
#include "tests/sim/net.h"
#include "tests/sim/signals.h"
#include "tests/sim/simclock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_OK         0
#define STATUS_UNEXPECTED 1
#define STATUS_ERROR      2
#define FLUSH_MS          2000u
#define LINGER_MS         500

static void put(void *ctx, const uint8_t *apdu, size_t n)
{
    struct sim_master *m = ctx;

    sim_print_frame(&m->o->print, 0, true, apdu, n);
    if (!sim_channel_put(&m->ch, apdu, n))
        m->overflow = true;
}

static void end(struct sim_master *m, const char *why)
{
    if (m->ended)
        return;
    snprintf(m->why, sizeof m->why, "%s", why);
    m->ended = true;
}

static void dump(struct sim_master *m, const uint8_t *asdu, size_t n)
{
    if (m->dump == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        fprintf(m->dump, "%02x", asdu[i]);
    fputc('\n', m->dump);
}

static void take_one(struct sim_master *m, size_t size, uint64_t now)
{
    struct sim_apdu f;
    enum sim_link_event event;

    sim_print_frame(&m->o->print, 0, false, m->ch.in, size);
    event = sim_link_take(&m->link, now, m->ch.in, size, &f);
    if (event == SIM_LINK_ASDU) {
        dump(m, f.asdu, f.asdu_size);
        sim_steps_asdu(m, f.asdu, f.asdu_size, now);
    } else if (event == SIM_LINK_BROKEN) {
        end(m, m->link.why);
    } else {
        sim_steps_link(m, event, now);
    }
}

static void take_all(struct sim_master *m, uint64_t now)
{
    for (size_t i = 0; i < SIM_IN_MAX / SIM_APDU_MIN && !m->ended; i++) {
        int size = sim_channel_next(&m->ch);

        if (size < 0)
            end(m, "start octet or length of an APDU is wrong");
        if (size <= 0)
            return;
        take_one(m, (size_t)size, now);
        sim_channel_consume(&m->ch, (size_t)size);
    }
}

static void announce(struct sim_master *m, uint64_t now)
{
    char tls[512] = "plain TCP";

    if (m->announced || m->ch.state != SIM_OPEN)
        return;
    m->announced = true;
    if (m->ch.tls != NULL)
        sim_tls_describe(m->ch.tls, tls, sizeof tls);
    sim_print_event(&m->o->print, "connected", 0, "connected to %s, %s", m->o->connect,
                    tls);
    if (!m->o->no_start)
        sim_link_request(&m->link, now, SIM_STARTDT_ACT);
}

static void step(struct sim_master *m, short revents, uint64_t connect_by)
{
    uint64_t now = sim_clock_ms();

    sim_channel_step(&m->ch, revents);
    announce(m, now);
    take_all(m, now);
    if (m->ch.state == SIM_CLOSED)
        end(m, m->ch.why);
    if (!m->announced) {
        if (now >= connect_by)
            end(m, "no connection in time");
        return;
    }
    if (!m->ended && sim_link_tick(&m->link, now) == SIM_LINK_BROKEN)
        end(m, m->link.why);
    if (m->overflow)
        end(m, "the peer takes nothing any more");
    m->started = m->started || m->o->no_start || m->link.state == SIM_STARTED;
    if (m->o->attack != NULL && now >= connect_by + SIM_ATTACK_MAX_MS)
        end(m, "the time of the attack is over");
    if (!m->ended && m->started)
        sim_steps_advance(m, now);
    sim_channel_flush(&m->ch);
}

static int timeout_of(const struct sim_master *m, uint64_t connect_by, uint64_t now)
{
    uint64_t first = m->announced ? sim_link_deadline(&m->link) : connect_by;
    uint64_t own = m->started ? sim_steps_deadline(m) : SIM_NEVER;

    first = own < first ? own : first;
    if (sim_channel_ready(&m->ch) || first <= now)
        return 0;
    return first - now > 60000u ? 60000 : (int)(first - now);
}

static void run(struct sim_master *m)
{
    uint64_t connect_by = sim_clock_ms() + (uint64_t)m->o->timeout * 1000u;

    while (!m->ended && !m->finished && !sim_signals_stop()) {
        struct pollfd fd = {.fd = m->ch.fd, .events = sim_channel_events(&m->ch)};

        sim_signals_poll(&fd, 1, timeout_of(m, connect_by, sim_clock_ms()));
        step(m, fd.revents, connect_by);
    }
}

/* Acknowledges what came and lets the last octets out before the goodbye. */
static void say_goodbye(struct sim_master *m)
{
    uint64_t until = sim_clock_ms() + FLUSH_MS;

    if (m->ch.state != SIM_OPEN || m->reset)
        return;
    if (m->link.state == SIM_STARTED)
        sim_link_acknowledge(&m->link);
    sim_channel_flush(&m->ch);
    while (m->ch.state == SIM_OPEN && !sim_channel_idle(&m->ch) &&
           sim_clock_ms() < until) {
        struct pollfd fd = {.fd = m->ch.fd, .events = POLLOUT};

        sim_signals_poll(&fd, 1, 100);
        sim_channel_flush(&m->ch);
    }
    sim_channel_linger(&m->ch, LINGER_MS);
}

static void say_records(const struct sim_master *m)
{
    const struct sim_records *r = &m->ch.seen;

    if (m->o->record_reader)
        sim_print_event(
            &m->o->print, "records", 0,
            "TLS records %llu, most APDUs in one record %llu, records cut inside "
            "an APDU %llu, most APDUs left waiting for the socket %llu",
            (unsigned long long)r->records, (unsigned long long)r->most,
            (unsigned long long)r->cut, (unsigned long long)r->waiting);
}

static void say_summary(const struct sim_master *m)
{
    const struct sim_link_counts *n = &m->link.counts;
    const uint64_t *o = m->outcomes;

    say_records(m);
    sim_print_event(
        &m->o->print, "summary", 0,
        "sent/received I %llu/%llu S %llu/%llu U %llu/%llu; confirmed %llu, answered "
        "%llu, "
        "terminated %llu, refused %llu, mirrored %llu, no answer %llu, malformed %llu, "
        "not "
        "acknowledged %u",
        (unsigned long long)n->i_sent, (unsigned long long)n->i_received,
        (unsigned long long)n->s_sent, (unsigned long long)n->s_received,
        (unsigned long long)n->u_sent, (unsigned long long)n->u_received,
        (unsigned long long)o[OUTCOME_CONFIRMED], (unsigned long long)o[OUTCOME_DATA],
        (unsigned long long)m->terminations, (unsigned long long)o[OUTCOME_REFUSED],
        (unsigned long long)o[OUTCOME_MIRRORED], (unsigned long long)o[OUTCOME_TIMEOUT],
        (unsigned long long)m->malformed, sim_link_in_flight(&m->link));
}

static int status(struct sim_master *m)
{
    /* Without a script the master listens until told to stop. */
    if (!m->ended || m->why[0] == '\0')
        return m->failed                                      ? STATUS_UNEXPECTED
               : m->ended || m->finished || m->script->n == 0 ? STATUS_OK
                                                              : STATUS_UNEXPECTED;
    if (m->announced && sim_steps_closed(m, sim_clock_ms()))
        return m->failed || !m->finished ? STATUS_UNEXPECTED : STATUS_OK;
    sim_print_event(&m->o->print, "closed", 0, "connection ended: %s", m->why);
    return STATUS_ERROR;
}

static bool prepare(struct sim_master *m, const struct sim_master_options *o)
{
    char why[256] = "out of memory";
    int fd;

    m->o = o;
    if (o->dump_asdus != NULL && (m->dump = fopen(o->dump_asdus, "w")) == NULL) {
        sim_print_error("%s: %s", o->dump_asdus, strerror(errno));
        return false;
    }
    if (o->tls.on &&
        (m->tls = sim_tls_context_new(&o->tls, false, why, sizeof why)) == NULL) {
        sim_print_error("%s", why);
        return false;
    }
    if (!sim_link_init(&m->link, &o->link, true, sim_clock_ms())) {
        sim_print_error("out of memory");
        return false;
    }
    m->link.ctx = m;
    m->link.put = put;
    fd = sim_net_connect_if(o->connect, o->attack != NULL ? sim_attack_allows : NULL, why,
                            sizeof why);
    if (fd < 0 || !sim_channel_open(&m->ch, fd, true, m->tls)) {
        sim_print_error("%s", why);
        return false;
    }
    m->ch.record_reader = o->record_reader;
    m->ch.batch = o->batch;
    return true;
}

int sim_master_run(const struct sim_master_options *o)
{
    static struct sim_master m;
    static struct sim_script script;
    int result = STATUS_ERROR;

    m.ch.fd = -1;
    m.script = &script;
    if (!sim_script_read(&script, o))
        return STATUS_ERROR;
    if (prepare(&m, o)) {
        run(&m);
        say_goodbye(&m);
        result = status(&m);
        say_summary(&m);
    }
    sim_channel_close(&m.ch, m.reset);
    sim_link_free(&m.link);
    sim_tls_context_free(m.tls);
    if (m.dump != NULL && fclose(m.dump) != 0)
        result = STATUS_ERROR;
    return result;
}
