/* What operators ask of permits, and what they are answered. */
#include "proxy/monitor_permit.h"

#include "proxy/audit_hash.h"
#include "proxy/permit_wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Longer than a record may take. */
#define ANSWER_WAIT_MS 10000u

static const struct config_route *route_named(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->route_count; i++) {
        if (strcmp(c->routes[i].name, name) == 0)
            return &c->routes[i];
    }
    return NULL;
}

static bool may_ask_now(struct control_client *c)
{
    struct monitor *m = c->monitor;

    if (m->initial || m->stop_step != 0)
        control_error(c, "gate104d is %s", m->initial ? "starting" : "stopping");
    else if (!rate_take(&m->permits->rate, loop_now(&m->loop)))
        control_error(c, "too much is asked for: wait a moment");
    else
        return true;
    return false;
}

/* Against the rules, not only mistyped: others will want to know. */
static void refuse(struct control_client *c, const char *why, const char *text)
{
    grant_record_refused(c->monitor->permits, c->uid, why, text);
    control_error(c, "%s", text);
}

/* ---- answers ---- */

static const char *state_name(const struct grant *g)
{
    static const char *const names[] = {
        [GRANT_NEW] = "recording",        [GRANT_PENDING] = "pending",
        [GRANT_CONFIRMING] = "recording", [GRANT_RESTORED] = "recording",
        [GRANT_ACTIVE] = "active",
    };

    return names[g->state];
}

static uint64_t left_of(const struct grant *g)
{
    const uint64_t now = permit_now_ms();
    const uint64_t end = g->state == GRANT_ACTIVE || g->state == GRANT_RESTORED
                             ? g->permit.until_ms
                             : g->due_ms;

    return end > now ? (end - now + 999) / 1000 : 0;
}

static json_t *person(uid_t uid)
{
    char who[64];

    if (uid == PERMIT_NOBODY)
        return json_null();
    grant_who(uid, who, sizeof who);
    return json_string(who);
}

static json_t *peer_of(const struct permit_scope *s)
{
    char hex[2 * PERMIT_FINGERPRINT_LEN + 1];

    if (s->subject[0] != '\0')
        return json_string(s->subject);
    if (!s->has_fingerprint)
        return json_null();
    audit_hex(s->fingerprint, sizeof s->fingerprint, hex);
    return json_string(hex);
}

static json_t *grant_json(const struct permits *all, const struct grant *g)
{
    const struct permit *p = &g->permit;
    char scope[PERMIT_TEXT_CAP];

    if (!permit_scope_text(&p->scope, 0, scope))
        return NULL;
    return json_pack("{s:I,s:s,s:s,s:I,s:I,s:s,s:o,s:s,s:o,s:o,s:I,s:I,s:b}", "permit",
                     (json_int_t)p->id, "route", grant_route(all, g)->name, "state",
                     state_name(g), "left_seconds", (json_int_t)left_of(g), "for_seconds",
                     (json_int_t)(g->ms / 1000), "scope", scope, "peer",
                     peer_of(&p->scope), "reason", g->reason, "granted_by", person(g->by),
                     "confirmed_by", person(g->confirmed), "used", (json_int_t)p->used,
                     "commands", (json_int_t)p->commands, "persist", g->persist);
}

static struct control_client *client_of(struct permits *all, uint64_t ticket)
{
    struct control *control = all->monitor->control;

    for (size_t i = 0; control && ticket != 0 && i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *c = &control->client[i];

        if (c->fd >= 0 && c->permit_ticket == ticket)
            return c;
    }
    return NULL;
}

void grant_answer(struct permits *all, uint64_t ticket, const struct grant *g)
{
    struct control_client *c = client_of(all, ticket);
    json_t *answer = c ? grant_json(all, g) : NULL;

    if (!c)
        return;
    if (answer)
        (void)json_object_set_new(answer, "ok", json_true());
    if (answer && g->unsaved)
        (void)json_object_set_new(
            answer, "note",
            json_string("it cannot be written down, so it ends with gate104d"));
    control_answer(c, answer);
}

void grant_answer_failed(struct permits *all, uint64_t ticket, const char *why)
{
    struct control_client *c = client_of(all, ticket);

    if (c)
        control_error(c, "%s", why);
}

static void wait_for(struct control_client *c, uint64_t ticket)
{
    c->permit_ticket = ticket;
    (void)loop_timer_set(&c->monitor->loop, &c->timer, ANSWER_WAIT_MS);
}

/* ---- grant ---- */

static size_t count(const struct permits *all, uint16_t route, bool persist)
{
    size_t n = 0;

    for (const struct grant *g = all->grants; g; g = g->next)
        n += persist ? g->persist : g->route == route;
    return n;
}

/* NULL: it may be granted.  *why: the word for the log, if it is against the rules. */
static const char *grant_fault(const struct monitor *m, const struct config_route *route,
                               const struct permit_request *q, const char **why)
{
    const struct permit_settings *s = &m->config->permits;
    const bool peer = q->scope.has_fingerprint || q->scope.subject[0] != '\0';
    char text[PERMIT_TEXT_CAP];

    *why = NULL;
    if (!m->config->policies[route->policy].permits)
        return "no rule of this route's policy asks for a permit";
    if (peer && route->mode == ROUTE_WRAP_MASTER)
        return "the masters of this route have no certificate: leave out the peer";
    if (q->persist && q->commands != 0)
        return "how many commands have passed is not kept over a restart: leave out "
               "persist or the number of commands";
    if (!permit_scope_text(&q->scope, q->commands, text))
        return "so many types and ranges do not fit into a record: grant several permits";
    *why = "too-long";
    if (q->seconds > s->max_s)
        return "it is for longer than permits.max allows";
    *why = "persist";
    if (q->persist && !s->persist)
        return "permits do not persist here: permits.persist is false";
    *why = "too-many";
    if (count(m->permits, route->index, false) >= PERMITS_MAX ||
        (q->persist && count(m->permits, 0, true) >= PERMIT_STATE_MAX))
        return "there are too many permits: revoke one";
    return NULL;
}

/* 0: no random number is to be had. */
static uint32_t new_id(struct permits *all)
{
    for (unsigned int tries = 0; tries < 100; tries++) {
        uint32_t id;

        if (getrandom(&id, sizeof id, GRND_NONBLOCK) != (ssize_t)sizeof id)
            return 0;
        id = PERMIT_ID_MIN + id % (PERMIT_ID_MAX - PERMIT_ID_MIN + 1);
        if (!grant_of(all, id))
            return id;
    }
    return 0;
}

static struct grant *grant_new(struct permits *all, const struct config_route *route,
                               const struct permit_request *q, uid_t by)
{
    struct grant *g = calloc(1, sizeof *g);
    const uint32_t id = new_id(all);

    if (!g || id == 0) {
        free(g);
        return NULL;
    }
    g->permit.id = id;
    g->permit.commands = q->commands;
    g->permit.scope = q->scope;
    g->route = route->index;
    g->state = GRANT_NEW;
    g->ms = (uint64_t)q->seconds * 1000;
    g->by = by;
    g->confirmed = PERMIT_NOBODY;
    g->persist = q->persist;
    memcpy(g->reason, q->reason, sizeof g->reason);
    return g;
}

/* NULL: it is not; the client has been told. */
static const struct config_route *grant_route_of(struct control_client *c,
                                                 const struct permit_request *q)
{
    const struct config_route *route = route_named(c->monitor->config, q->route);
    const char *fault;
    const char *why;

    if (!route) {
        control_error(c, "there is no route \"%s\"", q->route);
        return NULL;
    }
    fault = grant_fault(c->monitor, route, q, &why);
    if (!fault)
        return route;
    if (why)
        refuse(c, why, fault);
    else
        control_error(c, "%s", fault);
    return NULL;
}

static void grant(struct control_client *c, const char *rest)
{
    struct permits *all = c->monitor->permits;
    const struct config_route *route;
    struct permit_request q;
    struct grant *g;
    bool alone;
    char err[250];

    if (!permit_request_read(rest, &q, err, sizeof err)) {
        control_error(c, "%s", err);
        return;
    }
    route = grant_route_of(c, &q);
    if (!route)
        return;
    g = grant_new(all, route, &q, c->uid);
    if (!g) {
        control_error(c, "out of memory, or of random numbers");
        return;
    }
    alone = config_permit_persons(c->monitor->config, route->index) == 1;
    if (!grant_record(all, g, EVENT_PERMIT_GRANTED, alone ? NULL : "pending")) {
        control_error(c, "the log does not work: no permit is granted");
        free(g);
        return;
    }
    g->next = all->grants;
    all->grants = g;
    permits_wake(all);
    wait_for(c, g->ticket);
}

/* ---- confirm, revoke, list ---- */

/* NULL: there is none; the client has been told. */
static struct grant *named(struct control_client *c, const char *text)
{
    char *end;
    const unsigned long id = strtoul(text, &end, 10);
    struct grant *g = NULL;

    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && id <= PERMIT_ID_MAX)
        g = grant_of(c->monitor->permits, (uint32_t)id);
    if (!g)
        control_error(c, "there is no permit \"%.40s\": it has ended, or never was",
                      text);
    return g;
}

static void confirm(struct control_client *c, const char *rest)
{
    struct permits *all = c->monitor->permits;
    struct grant *g = named(c, rest);

    if (!g)
        return;
    if (g->state != GRANT_PENDING) {
        control_error(c, "permit %u does not wait for a second person", g->permit.id);
        return;
    }
    if (g->by == c->uid) {
        refuse(c, "same-person",
               "who granted it cannot confirm it: it takes another "
               "Unix user");
        return;
    }
    g->confirmed = c->uid;
    if (!grant_record(all, g, EVENT_PERMIT_CONFIRMED, NULL)) {
        g->confirmed = PERMIT_NOBODY;
        control_error(c, "the log does not work: no permit is confirmed");
        return;
    }
    g->state = GRANT_CONFIRMING;
    wait_for(c, g->ticket);
}

/* At once: a log that does not work is no reason to let a permit go on. */
static void revoke(struct control_client *c, const char *rest)
{
    struct grant *g = named(c, rest);

    if (!g)
        return;
    grant_answer_failed(c->monitor->permits, g->ticket, "it was revoked meanwhile");
    if (grant_end(c->monitor->permits, g, "revoked", c->uid))
        control_answer(c, json_pack("{s:b}", "ok", 1));
    else
        control_error(c,
                      "it is revoked, but %s/" PERMIT_STATE_NAME " still has it: remove "
                      "that file",
                      c->monitor->config->permits.dir);
}

static void list(struct control_client *c, const char *rest)
{
    json_t *permits = json_array();

    (void)rest;
    for (const struct grant *g = c->monitor->permits->grants; g; g = g->next)
        (void)json_array_append_new(permits, grant_json(c->monitor->permits, g));
    control_answer(c, json_pack("{s:b,s:o}", "ok", 1, "permits", permits));
}

static const struct {
    const char *word;
    char behind; /* it: what parts it from the rest */
    void (*run)(struct control_client *c, const char *rest);
} questions[] = {
    {"grant", '\t', grant},
    {"confirm", ' ', confirm},
    {"revoke", ' ', revoke},
    {"list", '\0', list},
};

void control_permit(struct control_client *c, const char *rest)
{
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        const size_t n = strlen(questions[i].word);

        if (strncmp(rest, questions[i].word, n) != 0 || rest[n] != questions[i].behind)
            continue;
        /* What takes rights away is never put off. */
        if (questions[i].run == list || questions[i].run == revoke || may_ask_now(c))
            questions[i].run(c, rest[n] == '\0' ? "" : rest + n + 1);
        return;
    }
    control_error(c, "\"permit\" wants grant, confirm, revoke or list");
}
