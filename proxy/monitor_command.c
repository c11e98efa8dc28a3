/* What the control socket is asked for. */
#include "proxy/monitor_control.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Gates may take their time to compile, and a signer to start with new keys. */
#define RELOAD_WAIT_MS 90000u

void control_record(const struct control_client *c, const char *what, uint64_t session,
                    const struct config_route *route)
{
    const struct passwd *pw = getpwuid(c->uid);
    char text[160];
    struct record r;

    (void)snprintf(text, sizeof text, "by %s (uid %u) at the control socket",
                   pw ? pw->pw_name : "?", (unsigned int)c->uid);
    monitor_log("%s%s%s %s", what, route ? " " : "", route ? route->name : "", text);
    record_begin(&r, EVENT_OPERATOR, 0, false);
    record_text(&r, RECORD_WHY, what);
    if (session != 0)
        record_u64(&r, RECORD_SESSION, session);
    if (route)
        record_u64(&r, RECORD_ROUTE, route->index);
    record_text(&r, RECORD_DETAIL, text);
    monitor_record(c->monitor, &r);
}

static void done(struct control_client *c)
{
    control_answer(c, json_pack("{s:b}", "ok", 1));
}

static void status(struct control_client *c, const char *rest)
{
    (void)rest;
    control_answer(c, control_status(c->monitor));
}

static void sessions(struct control_client *c, const char *rest)
{
    (void)rest;
    control_sessions(c);
}

static void close_session(struct control_client *c, const char *rest)
{
    struct msg_session_id id;
    char *end;
    bool sent = false;

    id.session = strtoull(rest, &end, 10);
    if (id.session == 0 || *end != '\0') {
        control_error(c, "\"close\" wants the number of a session");
        return;
    }
    /* Which gate has it only the gates know; the others pass over it. */
    for (struct proc *p = c->monitor->procs; p; p = p->next) {
        if (p->role == ROLE_GATE && p->state == PROC_RUNNING)
            sent |= imsg_send(&p->control, MSG_SESSION_CLOSE, &id, sizeof id, NULL, 0) ==
                    IMSG_OK;
    }
    if (!sent) {
        control_error(c, "no gate process takes messages now");
        return;
    }
    control_record(c, "close", id.session, NULL);
    done(c);
}

static const struct config_route *route_named(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->route_count; i++) {
        if (strcmp(c->routes[i].name, name) == 0)
            return &c->routes[i];
    }
    return NULL;
}

static bool tell_gate(struct proc *gate, uint16_t route, bool refused)
{
    struct msg_route_commands m = {.route = route, .refused = refused};

    return imsg_send(&gate->control, MSG_ROUTE_COMMANDS, &m, sizeof m, NULL, 0) ==
           IMSG_OK;
}

void monitor_control_gate_runs(struct proc *gate)
{
    const struct config *c = gate->monitor->config;

    for (size_t i = 0; i < c->route_count; i++) {
        if (c->routes[i].commands_closed && config_gate_of(c, i) == gate->id &&
            !tell_gate(gate, c->routes[i].index, true)) {
            monitor_proc_kill(gate); /* rather none than one that lets commands pass */
            return;
        }
    }
}

static void monitor_only(struct control_client *c, const char *rest)
{
    bool on = strncmp(rest, "on ", 3) == 0;
    const char *name = rest + (on ? 3 : 4);
    const struct config_route *route;
    struct config *config = c->monitor->config;
    struct proc *gate;

    if (!on && strncmp(rest, "off ", 4) != 0) {
        control_error(c, "\"monitor-only\" wants \"on\" or \"off\", and a route");
        return;
    }
    route = route_named(config, name);
    if (!route) {
        control_error(c, "there is no route \"%s\"", name);
        return;
    }
    /* Kept here, as a gate that is started anew has to be told again. */
    config->routes[route->index].commands_closed = on;
    gate = monitor_proc_find(c->monitor, ROLE_GATE, config_gate_of(config, route->index));
    if (gate && gate->state == PROC_RUNNING && !tell_gate(gate, route->index, on))
        monitor_proc_kill(gate); /* it is told when it is back */
    control_record(c, on ? "monitor-only on" : "monitor-only off", 0, route);
    done(c);
}

/* ---- reload ---- */

static void reload(struct control_client *c, const char *rest)
{
    struct monitor *m = c->monitor;

    (void)rest;
    if (m->initial || m->stop_step != 0) {
        control_error(c, "gate104d is %s", m->initial ? "starting" : "stopping");
        return;
    }
    control_record(c, "reload", 0, NULL);
    c->waits_for_reload = true;
    (void)loop_timer_set(&m->loop, &c->timer, RELOAD_WAIT_MS);
    monitor_reload_all(m);
}

void monitor_control_reloaded(struct monitor *m)
{
    if (!m->control)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *c = &m->control->client[i];

        if (c->fd < 0 || !c->waits_for_reload)
            continue;
        control_answer(
            c, json_pack("{s:b,s:s}", "ok", m->reload.failure[0] == '\0',
                         m->reload.failure[0] ? "error" : "detail",
                         m->reload.failure[0] ? m->reload.failure : m->reload.note));
    }
}

/* ---- the table ---- */

static const struct {
    const char *word;
    bool rest; /* more must follow */
    void (*run)(struct control_client *c, const char *rest);
} commands[] = {
    {"status", false, status},
    {"sessions", false, sessions},
    {"close", true, close_session},
    {"reload", false, reload},
    {"monitor-only", true, monitor_only},
    {"log", true, control_order},
    {"permit", true, control_permit},
};

void control_command(struct control_client *c)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        size_t n = strlen(commands[i].word);

        if (strncmp(c->line, commands[i].word, n) != 0 ||
            c->line[n] != (commands[i].rest ? ' ' : '\0'))
            continue;
        if (c->permits_only && commands[i].run != control_permit)
            break;
        commands[i].run(c, c->line + n + (commands[i].rest ? 1 : 0));
        return;
    }
    control_error(c,
                  c->permits_only ? "you may only ask for permits" : "no such question");
}
