/* Permits: what the monitor tells of them, and commands that may pass only by one.  They
 * end by this process's own clock, whether the monitor says something or not. */
#include "proxy/gate.h"

#include "proxy/permit_wire.h"

#include <stdlib.h>

bool gate_permit_init(struct gate *g)
{
    g->permits = calloc(g->config.route_count, sizeof *g->permits);
    return g->permits != NULL;
}

/* ---- what the monitor tells ---- */

static size_t place_of(const struct gate *g, uint16_t route)
{
    size_t i = 0;

    while (i < g->config.route_count && g->config.route[i].index != route)
        i++;
    return i;
}

/* The place is that of a route.  NULL: out of memory. */
static struct permit_table *table_at(struct gate *g, size_t place)
{
    if (!g->permits[place])
        g->permits[place] = calloc(1, sizeof *g->permits[place]);
    return g->permits[place];
}

static bool take(struct gate *g, const struct imsg *m)
{
    const uint64_t now = permit_now_ms();
    struct permit_table *table;
    struct msg_permit msg;
    struct permit p;
    size_t place;

    imsg_get(m, &msg, sizeof msg);
    place = place_of(g, msg.route);
    if (place == g->config.route_count || !permit_wire_get(&msg, &p) ||
        (p.until_ms > now && p.until_ms - now > PERMIT_MS_MAX))
        return false;
    table = table_at(g, place);
    if (!table) {
        child_log(&g->child, "no memory for a permit: it does not hold");
        return true;
    }
    return permit_put(table, &p, now) || !permit_lives(&p, now);
}

static bool revoke(struct gate *g, const struct imsg *m)
{
    struct msg_permit_revoke msg;
    size_t place;

    imsg_get(m, &msg, sizeof msg);
    place = place_of(g, msg.route);
    if (place == g->config.route_count || msg.zero != 0)
        return false;
    if (g->permits[place])
        permit_drop(g->permits[place], msg.id);
    return true;
}

enum imsg_status gate_permit_message(struct gate *g, struct imsg *m)
{
    const bool good = m->type == MSG_PERMIT ? take(g, m) : revoke(g, m);

    return good ? IMSG_OK : imsg_reject(&g->child.control, m);
}

/* ---- commands ---- */

static struct permit_table *table_of(const struct gate_session *s)
{
    return s->gate->permits[s->route - s->gate->config.route];
}

/* The holder of a certificate; in wrap-master that is the station. */
static struct permit_asker asker_of(const struct gate_session *s)
{
    const bool known = s->identified && s->route->mode == ROUTE_PROTECT_RTU;

    return (struct permit_asker){known ? s->peer.fingerprint : NULL,
                                 known ? s->peer.subject : ""};
}

static bool asks_for_permit(const struct gate_session *s, int32_t rule,
                            const struct asdu *a)
{
    const struct policy_limits *limits = policy_rule_limits(s->policy, rule);

    /* To take a command back is always in order. */
    return limits && limits->permit && a->cause != COT_DEACTIVATION;
}

/* One more command by it, which the monitor is to know: a gate that is started anew goes
 * on counting from there.  A select moves nothing and is not counted. */
static bool use(const struct gate_session *s, struct permit *p, const struct asdu *a)
{
    struct msg_permit_used used = {.id = p->id, .route = s->route->index};

    if (select_is_select(a) || gate_commands_closed(s) || p->used == UINT32_MAX)
        return true;
    used.used = p->used + 1;
    if (imsg_send(&s->gate->child.control, MSG_PERMIT_USED, &used, sizeof used, NULL,
                  0) != IMSG_OK)
        return p->commands == 0;
    p->used++;
    return true;
}

const char *gate_permit_check(struct gate_session *s, int32_t rule, const struct asdu *a,
                              uint32_t *permit)
{
    const struct permit_asker who = asker_of(s);
    struct permit_table *table = table_of(s);
    enum permit_word word = PERMIT_NONE;
    struct permit *p = NULL;
    const char *why;

    *permit = 0;
    if (!asks_for_permit(s, rule, a))
        return gate_limits_check(s, rule, a);
    /* Judged again: it was counted the first time. */
    if (s->again_ticket != 0 && s->held_permit != 0) {
        *permit = s->held_permit;
        why = gate_permit_lapsed(s, s->held_permit);
        return why ? why : gate_limits_check(s, rule, a);
    }
    if (table)
        p = permit_find(table, &who, a, permit_now_ms(), &word);
    if (!p)
        return permit_word_name(word);
    why = gate_limits_check(s, rule, a);
    if (why)
        return why;
    if (!use(s, p, a))
        return "permit-not-counted";
    *permit = p->id;
    return NULL;
}

void gate_permit_record(struct record *r, uint32_t permit)
{
    if (permit != 0)
        record_u64(r, RECORD_PERMIT, permit);
}

/* The last of a number of commands has used the permit up itself. */
const char *gate_permit_lapsed(const struct gate_session *s, uint32_t permit)
{
    struct permit_table *table = table_of(s);
    const struct permit *p = permit != 0 && table ? permit_of(table, permit) : NULL;

    if (permit == 0 || !s->route->enforce)
        return NULL;
    if (!p)
        return permit_word_name(PERMIT_NONE);
    return permit_now_ms() < p->until_ms ? NULL : permit_word_name(PERMIT_EXPIRED);
}
