#include "tests/sim/rtu.h"

#include "tests/sim/net.h"
#include "tests/sim/signals.h"
#include "tests/sim/simclock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void host_of(const char *where, char *host, size_t n)
{
    const char *colon = strrchr(where, ':');

    snprintf(host, n, "%.*s", colon != NULL ? (int)(colon - where) : 0, where);
}

/* Written under another name first: who waits for the file never reads half a number. */
static bool write_port(const char *path, uint16_t port)
{
    char temporary[4096];
    FILE *f;
    bool ok;

    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return false;
    f = fopen(temporary, "w");
    if (f == NULL)
        return false;
    ok = fprintf(f, "%u\n", port) > 0;
    ok = fclose(f) == 0 && ok;
    return ok && rename(temporary, path) == 0;
}

static int open_listener(const struct sim_rtu_options *o)
{
    char why[256], host[256];
    int fd = sim_net_listen(o->listen, why, sizeof why);
    uint16_t port;

    if (fd < 0) {
        sim_print_error("%s", why);
        return -1;
    }
    port = sim_net_port(fd);
    host_of(o->listen, host, sizeof host);
    sim_print_event(&o->print, "listening", 0, "listening on %s:%u%s", host, port,
                    o->tls.on ? " (TLS)" : "");
    fflush(stdout);
    if (o->port_file != NULL && !write_port(o->port_file, port)) {
        sim_print_error("%s: cannot be written", o->port_file);
        close(fd);
        return -1;
    }
    return fd;
}

static void accept_one(struct sim_station *st, int listener)
{
    char peer[96];
    unsigned int i = 0;
    int fd = sim_net_accept(listener, peer, sizeof peer);

    if (fd < 0)
        return;
    while (i < SIM_CONNS_MAX && st->conns[i] != NULL)
        i++;
    if (i == SIM_CONNS_MAX) {
        close(fd);
        return;
    }
    st->conns[i] = sim_conn_new(st, fd, peer);
}

static void end_conn(struct sim_station *st, unsigned int i, const char *why)
{
    sim_conn_free(st->conns[i], why);
    st->conns[i] = NULL;
    st->conns_ended++;
}

/* In a redundancy group only one connection is STARTED (104 clause 10). */
static void keep_one_started(struct sim_station *st, unsigned int newest)
{
    for (unsigned int i = 0; i < SIM_CONNS_MAX; i++)
        if (i != newest && st->conns[i] != NULL &&
            st->conns[i]->link.state == SIM_STARTED)
            end_conn(st, i, "another connection of the group was started");
}

static void step_all(struct sim_station *st, const struct pollfd *fds, const int *slot,
                     unsigned int n)
{
    uint64_t now = sim_clock_ms();

    for (unsigned int i = 0; i < n; i++) {
        struct sim_conn *c = st->conns[slot[i]];
        bool before;
        const char *why;

        if (c == NULL)
            continue;
        before = c->link.state == SIM_STARTED;
        why = sim_conn_step(c, fds[i].revents, now);
        if (why != NULL)
            end_conn(st, (unsigned int)slot[i], why);
        else if (!before && c->link.state == SIM_STARTED && st->o->one_started)
            keep_one_started(st, (unsigned int)slot[i]);
    }
}

static bool any_started(const struct sim_station *st)
{
    for (unsigned int i = 0; i < SIM_CONNS_MAX; i++)
        if (st->conns[i] != NULL && st->conns[i]->link.state == SIM_STARTED)
            return true;
    return false;
}

static int timeout_of(const struct sim_station *st, uint64_t now)
{
    uint64_t first =
        any_started(st) && st->o->replay == NULL ? sim_events_due(st) : SIM_NEVER;

    if (first != SIM_NEVER)
        first += now;
    for (unsigned int i = 0; i < SIM_CONNS_MAX; i++) {
        uint64_t at =
            st->conns[i] != NULL ? sim_conn_deadline(st->conns[i], now) : SIM_NEVER;

        first = at < first ? at : first;
    }
    if (first == SIM_NEVER || first > now + 60000u)
        return 60000;
    return first <= now ? 0 : (int)(first - now);
}

static void serve(struct sim_station *st, int listener)
{
    struct pollfd fds[SIM_CONNS_MAX + 1u];
    int slot[SIM_CONNS_MAX];
    uint64_t before = sim_clock_ms();

    while (!sim_signals_stop() && !(st->o->once && st->conns_ended > 0)) {
        unsigned int n = 0;
        uint64_t now;

        for (unsigned int i = 0; i < SIM_CONNS_MAX; i++) {
            if (st->conns[i] == NULL)
                continue;
            slot[n] = (int)i;
            fds[n++] = (struct pollfd){.fd = st->conns[i]->ch.fd,
                                       .events = sim_channel_events(&st->conns[i]->ch)};
        }
        fds[n] = (struct pollfd){.fd = listener, .events = POLLIN};
        sim_signals_poll(fds, n + 1u, timeout_of(st, sim_clock_ms()));
        now = sim_clock_ms();
        if (any_started(st))
            sim_events_pass(st, (double)(now - before));
        before = now;
        step_all(st, fds, slot, n);
        if (fds[n].revents != 0)
            accept_one(st, listener);
    }
    for (unsigned int i = 0; i < SIM_CONNS_MAX; i++)
        if (st->conns[i] != NULL)
            end_conn(st, i, "told to stop");
}

static int list_replay(const struct sim_rtu_options *o)
{
    struct sim_replay r;
    char why[256];

    if (!sim_replay_load(&r, o->replay_list, (uint16_t)o->replay_port, o->per_packet, why,
                         sizeof why)) {
        sim_print_error("%s", why);
        return 2;
    }
    for (size_t i = 0; i < r.n; i++) {
        for (size_t j = 0; j < r.asdus[i].size; j++)
            printf("%02x", r.octets[r.asdus[i].at + j]);
        putchar('\n');
    }
    sim_replay_free(&r);
    return 0;
}

static bool prepare(struct sim_station *st, const struct sim_rtu_options *o)
{
    char why[256] = "out of memory";

    st->o = o;
    if (!sim_events_init(st))
        return false;
    if (!sim_points_init(st)) {
        sim_print_error("out of memory");
        return false;
    }
    if (o->replay != NULL &&
        !sim_replay_load(&st->replay, o->replay, (uint16_t)o->replay_port, o->per_packet,
                         why, sizeof why)) {
        sim_print_error("%s", why);
        return false;
    }
    if (o->replay != NULL)
        sim_print_event(&o->print, "replay", 0, "%s: %zu ASDUs of the monitor direction",
                        o->replay, st->replay.n);
    if (o->tls.on)
        st->tls = sim_tls_context_new(&o->tls, true, why, sizeof why);
    if (o->tls.on && st->tls == NULL)
        sim_print_error("%s", why);
    return !o->tls.on || st->tls != NULL;
}

int sim_rtu_run(const struct sim_rtu_options *o)
{
    static struct sim_station st;
    int listener = -1;

    if (o->replay_list != NULL)
        return list_replay(o);
    if (prepare(&st, o))
        listener = open_listener(o);
    if (listener >= 0) {
        serve(&st, listener);
        close(listener);
    }
    sim_tls_context_free(st.tls);
    sim_replay_free(&st.replay);
    sim_points_free(&st);
    return listener >= 0 ? 0 : 2;
}
