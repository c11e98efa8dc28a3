/* What gate104d knows of itself, and what the gates know of their sessions. */
#include "proxy/monitor_control.h"

#include "certs/expiry.h"
#include "proxy/endpoint.h"
#include "sandbox/layers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- status ---- */

static const char *state_name(enum proc_state s)
{
    static const char *const names[] = {
        [PROC_DOWN] = "down",       [PROC_STARTING] = "starting", [PROC_READY] = "ready",
        [PROC_RUNNING] = "running", [PROC_STOPPING] = "stopping",
    };

    return names[s];
}

static json_t *layers(unsigned int set)
{
    json_t *list = json_array();

    for (unsigned int i = 0; i < LAYER_COUNT; i++) {
        if (set >> i & 1u)
            (void)json_array_append_new(list, json_string(layer_name(i)));
    }
    return list;
}

static json_t *processes(const struct monitor *m)
{
    json_t *list = json_array();

    for (const struct proc *p = m->procs; p; p = p->next) {
        uint64_t age = p->pid > 0 ? loop_now(&m->loop) - p->started_ms : 0;

        (void)json_array_append_new(
            list,
            json_pack("{s:s,s:I,s:I,s:s,s:I,s:o}", "role", role_name(p->role), "number",
                      (json_int_t)p->id, "pid", (json_int_t)p->pid, "state",
                      state_name(p->state), "up_seconds", (json_int_t)(age / 1000),
                      "sandbox_lacks", layers(p->missing)));
    }
    return list;
}

static json_t *endpoints(const struct msg_endpoint *e, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        char text[ENDPOINT_TEXT_MAX];

        endpoint_text(&e[i], text);
        (void)json_array_append_new(list, json_string(text));
    }
    return list;
}

static json_t *hex(const uint8_t *p, size_t n)
{
    char text[2 * POLICY_HASH_SIZE + 1] = "";

    for (size_t i = 0; i < n && i < POLICY_HASH_SIZE; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", p[i]);
    return json_string(text);
}

static json_t *routes(const struct monitor *m)
{
    const struct config *c = m->config;
    json_t *list = json_array();

    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *r = &c->routes[i];
        const struct config_policy *policy = &c->policies[r->policy];
        char tls[120];
        json_t *route;

        config_tls_words(&c->tls[r->tls], tls, sizeof tls);
        route = json_pack(
            "{s:s,s:s,s:s,s:o,s:o,s:s,s:s,s:o,s:I}", "name", r->name, "kind",
            r->mode == ROUTE_PROTECT_RTU ? "protect-rtu" : "wrap-master", "mode",
            r->commands_closed ? "monitor-only"
            : r->enforce       ? "enforce"
                               : "observe",
            "listen", endpoints(r->listen, r->listen_count), "target",
            endpoints(r->target, r->target_count), "tls", tls, "policy", policy->path,
            "policy_sha256", hex(policy->hash, sizeof policy->hash), "permits",
            (json_int_t)monitor_permit_count(m, r->index));
        if (r->points != CONFIG_NO_POINTS)
            (void)json_object_set_new(
                route, "points_sha256",
                hex(c->points[r->points].list.hash, POINT_HASH_SIZE));
        (void)json_array_append_new(list, route);
    }
    return list;
}

struct file_visit {
    json_t *list;
    const char *file;
    const char *kind;
    int64_t now;
};

static void add_file(void *ctx, const struct expiry_item *item)
{
    struct file_visit *v = ctx;
    int64_t left = item->to - v->now;

    (void)json_array_append_new(
        v->list, json_pack("{s:s,s:s,s:s,s:o,s:I}", "kind", v->kind, "file", v->file,
                           "name", item->name, "sha256", hex(item->hash, 32), "days_left",
                           (json_int_t)(left < 0 ? -1 : left / 86400)));
}

static void visit(struct file_visit *v, const char *kind, const struct config_file *f)
{
    const struct pem_text pem = {f->path, f->text};

    v->kind = kind;
    v->file = f->path;
    if (strcmp(kind, "crl") == 0)
        expiry_of_crls(&pem, add_file, v);
    else
        expiry_of_certs(&pem, add_file, v);
}

static json_t *trust(const struct config *c)
{
    struct file_visit v = {.list = json_array(), .now = time(NULL)};

    for (size_t i = 0; i < c->tls_count; i++) {
        const struct config_tls *t = &c->tls[i];

        visit(&v, "certificate", &t->cert);
        if (t->second_cert.text)
            visit(&v, "certificate", &t->second_cert);
        for (size_t k = 0; k < t->ca_count; k++)
            visit(&v, "ca", &t->ca[k]);
        for (size_t k = 0; k < t->crl_count; k++)
            visit(&v, "crl", &t->crl[k]);
    }
    return v.list;
}

/* Null while nothing is known. */
static json_t *log_files(const struct monitor *m)
{
    static const char *const level[] = {
        [LOG_PRESSURE_NONE] = "room",
        [LOG_PRESSURE_ALARM] = "filling",
        [LOG_PRESSURE_THIN] = "thinned",
        [LOG_PRESSURE_REFUSE] = "monitor-only",
    };
    static const char *const reserve[] = {
        [LOG_RESERVE_OFF] = "off",
        [LOG_RESERVE_WHOLE] = "whole",
        [LOG_RESERVE_USED] = "used",
        [LOG_RESERVE_IMPOSSIBLE] = "impossible",
    };
    static const char *const seal[] = {
        [LOG_SEAL_OFF] = "off",
        [LOG_SEAL_GOOD] = "good",
        [LOG_SEAL_NONE] = "impossible",
    };
    static const char *const ship[] = {
        [LOG_SHIP_OFF] = "off",
        [LOG_SHIP_GOOD] = "good",
        [LOG_SHIP_WAITS] = "waits",
        [LOG_SHIP_LAGS] = "lags",
    };
    const struct msg_log_status *s = &m->log;

    if (s->files == 0)
        return json_null();
    return json_pack("{s:s,s:b,s:s,s:I,s:I,s:I,s:s,s:I,s:I,s:I,s:I,s:s,s:I,s:s,s:I}",
                     "state", level[s->level], "writable", !s->broken, "on_failure",
                     m->config->log_closes ? "close" : "monitor-only",
                     "disk_used_percent", (json_int_t)s->used_percent, "files",
                     (json_int_t)s->files, "octets", (json_int_t)s->octets, "reserve",
                     reserve[s->reserve], "reserve_left", (json_int_t)s->reserve_left,
                     "oldest_seq", (json_int_t)s->oldest_seq, "oldest_seconds",
                     (json_int_t)(s->oldest_utc_ms / 1000), "last_seq",
                     (json_int_t)s->last_seq, "seals", seal[s->seal], "seal_seq",
                     (json_int_t)s->seal_seq, "shipping", ship[s->ship], "shipped_seq",
                     (json_int_t)s->ship_seq);
}

json_t *control_status(const struct monitor *m)
{
    const struct config *c = m->config;

    return json_pack("{s:b,s:s,s:I,s:s,s:b,s:o,s:s,s:o,s:b,s:s,s:o,s:o,s:o}", "ok", 1,
                     "version", GATE104_VERSION, "pid", (json_int_t)getpid(), "config",
                     c->path, "separate_users", geteuid() == 0, "sandbox_lacks",
                     layers(monitor_sandbox_missing(m)), "log", c->audit_dir, "log_files",
                     log_files(m), "log_sealed", c->seal.key != NULL, "log_commands",
                     c->commands_sync ? "sync" : "async", "processes", processes(m),
                     "routes", routes(m), "trust", trust(c));
}

/* ---- sessions ---- */

static struct control_client *client_of(struct monitor *m, uint32_t request)
{
    for (size_t i = 0; m->control && i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *c = &m->control->client[i];

        if (c->fd >= 0 && request != 0 && c->request == request)
            return c;
    }
    return NULL;
}

static void finish(struct control_client *c, bool complete)
{
    json_t *sessions = c->sessions;

    c->sessions = NULL;
    control_answer(c, json_pack("{s:b,s:b,s:o}", "ok", 1, "complete", complete,
                                "sessions", sessions));
}

void control_sessions_timeout(struct control_client *c)
{
    finish(c, false);
}

/* Puts the question to the gate whose turn it is; without it, or after the last, ends. */
static void ask(struct control_client *c)
{
    struct monitor *m = c->monitor;
    struct msg_status_ask question = {.after = c->after, .request = c->request};
    struct proc *gate = monitor_proc_find(m, ROLE_GATE, c->gate);

    if (!gate) {
        finish(c, true);
        return;
    }
    c->came = 0;
    if (gate->state != PROC_RUNNING ||
        imsg_send(&gate->control, MSG_STATUS_ASK, &question, sizeof question, NULL, 0) !=
            IMSG_OK)
        finish(c, false);
}

void control_sessions(struct control_client *c)
{
    /* 0 is no question; after 2^32 of them numbers come again. */
    if (++c->monitor->control->request == 0)
        c->monitor->control->request++;
    c->request = c->monitor->control->request;
    c->sessions = json_array();
    c->gate = 0;
    c->after = 0;
    ask(c);
}

static bool text_valid(const char *p, size_t n)
{
    size_t size = strnlen(p, n);

    for (size_t i = 0; i < size; i++) {
        if (p[i] < 0x20 || p[i] > 0x7E)
            return false;
    }
    return size < n;
}

/* A gate may have been taken over: nothing is believed that cannot be. */
static bool session_valid(const struct monitor *m, const struct proc *gate,
                          const struct msg_status_session *s)
{
    const struct config *c = m->config;

    return s->route < c->route_count && config_gate_of(c, s->route) == gate->id &&
           s->state >= STATUS_IDENTIFY && s->state <= STATUS_OPEN &&
           (s->flags & ~(STATUS_STARTED | STATUS_NO_COMMANDS)) == 0 &&
           endpoint_valid(&s->source) &&
           (s->target.family == 0 || endpoint_valid(&s->target)) &&
           text_valid(s->subject, sizeof s->subject) &&
           text_valid(s->version, sizeof s->version) &&
           text_valid(s->suite, sizeof s->suite) &&
           text_valid(s->closed_by, sizeof s->closed_by) &&
           (s->closed_by[0] != '\0') == ((s->flags & STATUS_NO_COMMANDS) != 0);
}

static json_t *session_json(const struct monitor *m, const struct msg_status_session *s)
{
    static const char *const states[] = {[STATUS_IDENTIFY] = "handshake",
                                         [STATUS_DIAL] = "dialling",
                                         [STATUS_OPEN] = "open"};
    char source[ENDPOINT_TEXT_MAX];
    char target[ENDPOINT_TEXT_MAX] = "";

    endpoint_text(&s->source, source);
    if (s->target.family != 0)
        endpoint_text(&s->target, target);
    return json_pack(
        "{s:I,s:s,s:s,s:b,s:b,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "session",
        (json_int_t)s->session, "route", m->config->routes[s->route].name, "state",
        states[s->state], "started", (s->flags & STATUS_STARTED) != 0, "commands",
        (s->flags & STATUS_NO_COMMANDS) == 0, "refused_by", s->closed_by, "source",
        source, "target", target, "subject", s->subject, "tls_version", s->version,
        "tls_suite", s->suite, "age_seconds", (json_int_t)(s->age_ms / 1000), "master_i",
        (json_int_t)s->master_i, "station_i", (json_int_t)s->station_i, "refused",
        (json_int_t)s->refused, "dropped", (json_int_t)s->dropped);
}

/* Answers to a question that is over are passed over; more than were asked for are not.
 */
enum imsg_status monitor_control_session(struct proc *gate, struct imsg *msg)
{
    struct monitor *m = gate->monitor;
    struct msg_status_session s;
    struct control_client *c;

    imsg_get(msg, &s, sizeof s);
    if (!session_valid(m, gate, &s))
        return imsg_reject(&gate->control, msg);
    c = client_of(m, s.request);
    if (!c)
        return IMSG_OK;
    if (c->gate != gate->id || s.session <= c->after || c->came == STATUS_SESSIONS_MAX)
        return imsg_reject(&gate->control, msg);
    c->came++;
    c->after = s.session;
    (void)json_array_append_new(c->sessions, session_json(m, &s));
    return IMSG_OK;
}

enum imsg_status monitor_control_end_of(struct proc *gate, struct imsg *msg)
{
    struct monitor *m = gate->monitor;
    struct msg_status_end end;
    struct control_client *c;

    imsg_get(msg, &end, sizeof end);
    if (end.more > 1 || end.log_broken > 1 || end.zero[0] != 0 || end.zero[1] != 0)
        return imsg_reject(&gate->control, msg);
    c = client_of(m, end.request);
    if (!c)
        return IMSG_OK;
    if (c->gate != gate->id || (end.more && c->came == 0))
        return imsg_reject(&gate->control, msg);
    if (!end.more) {
        c->gate++;
        c->after = 0;
    }
    ask(c);
    return IMSG_OK;
}
