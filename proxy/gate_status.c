/* What the operator asks of a gate, by way of the monitor. */
#include "proxy/gate.h"

#include <stdio.h>

/* The open session with the smallest number above `after`; NULL: there is none. */
static const struct gate_session *next_session(const struct gate *g, uint64_t after)
{
    const struct gate_session *found = NULL;

    for (const struct gate_session *s = g->sessions; s; s = s->next) {
        if (s->state != GATE_CLOSED && s->id > after && (!found || s->id < found->id))
            found = s;
    }
    return found;
}

static uint8_t state_of(const struct gate_session *s)
{
    static const uint8_t states[] = {
        [GATE_IDENTIFY] = STATUS_IDENTIFY,
        [GATE_DIAL] = STATUS_DIAL,
        [GATE_OPEN] = STATUS_OPEN,
    };

    return states[s->state];
}

static void describe(const struct gate_session *s, struct msg_status_session *out)
{
    const char *closed = gate_commands_closed(s);

    out->route = s->route->index;
    out->state = state_of(s);
    out->session = s->id;
    out->age_ms = loop_now(&s->gate->child.loop) - s->opened_ms;
    out->source = s->source;
    out->target = s->target;
    if (s->started)
        out->flags |= STATUS_STARTED;
    if (closed) {
        out->flags |= STATUS_NO_COMMANDS;
        (void)snprintf(out->closed_by, sizeof out->closed_by, "%s", closed);
    }
    if (s->identified) {
        (void)snprintf(out->subject, sizeof out->subject, "%s", s->peer.subject);
        (void)snprintf(out->version, sizeof out->version, "%s", s->peer.version);
        (void)snprintf(out->suite, sizeof out->suite, "%s", s->peer.suite);
    }
    if (s->link) {
        const struct link_count *m = link_counts(s->link, LEG_MASTER);
        const struct link_count *t = link_counts(s->link, LEG_STATION);

        out->master_i = m->received.i;
        out->station_i = t->received.i;
        out->refused = m->refused;
        out->dropped = m->dropped + t->dropped;
    }
}

/* As many sessions as one answer may hold; without room in the channel the answer is
 * not finished, and the monitor's own time-out ends the question. */
static void answer(struct gate *g, const struct msg_status_ask *ask)
{
    struct msg_status_end end = {.request = ask->request,
                                 .log_broken = gate_log_is_broken(g)};
    uint64_t after = ask->after;

    for (unsigned int n = 0; n < STATUS_SESSIONS_MAX; n++) {
        struct msg_status_session m = {.request = ask->request};
        const struct gate_session *s = next_session(g, after);

        if (!s)
            break;
        describe(s, &m);
        if (imsg_send(&g->child.control, MSG_STATUS_SESSION, &m, sizeof m, NULL, 0) !=
            IMSG_OK)
            return;
        after = s->id;
    }
    end.more = next_session(g, after) != NULL;
    (void)imsg_send(&g->child.control, MSG_STATUS_END, &end, sizeof end, NULL, 0);
}

static void close_session(struct gate *g, uint64_t id)
{
    struct gate_session *s = gate_session_find(g, id);

    if (s) /* it may have ended meanwhile */
        gate_session_close(s, "operator", -1, "closed by an operator");
}

/* False: this gate has no such route, or a field is wrong. */
static bool set_commands(struct gate *g, const struct msg_route_commands *m)
{
    if (m->refused > 1 || m->zero != 0)
        return false;
    for (size_t i = 0; i < g->config.route_count; i++) {
        if (g->config.route[i].index != m->route)
            continue;
        g->config.route[i].commands_closed = m->refused == 1;
        return true;
    }
    return false;
}

enum imsg_status gate_status_message(struct gate *g, struct imsg *m)
{
    struct msg_route_commands commands;
    struct msg_status_ask ask;
    struct msg_session_id id;

    switch (m->type) {
    case MSG_PERMIT:
    case MSG_PERMIT_REVOKE: return gate_permit_message(g, m);
    case MSG_STATUS_ASK:
        imsg_get(m, &ask, sizeof ask);
        answer(g, &ask);
        return IMSG_OK;
    case MSG_GATE_CLOCK:
        if (gate_asker_clock_told(g, m))
            return IMSG_OK;
        return imsg_reject(&g->child.control, m);
    case MSG_SESSION_CLOSE:
        imsg_get(m, &id, sizeof id);
        close_session(g, id.session);
        return IMSG_OK;
    case MSG_ROUTE_COMMANDS:
        imsg_get(m, &commands, sizeof commands);
        if (set_commands(g, &commands))
            return IMSG_OK;
        return imsg_reject(&g->child.control, m);
    default: return imsg_reject(&g->child.control, m);
    }
}
