#include "tests/corpus/world.h"

#include "policy/policy.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void world_complain(struct world *w, const char *what)
{
    if (w->wrong[0] == '\0')
        (void)snprintf(w->wrong, sizeof w->wrong, "%s", what);
}

/* ---- the configuration ---- */

static bool add_route(struct gate_route *r, unsigned int i, const struct setting *setting,
                      const uint8_t *blob, size_t blob_size)
{
    r->index = (uint16_t)i;
    (void)snprintf(r->name, sizeof r->name, "%s", routes[i].name);
    r->mode = setting->mode;
    r->enforce = setting->enforce;
    r->profile = routes[i].profile;
    r->max_sessions = 1000;
    r->k = routes[i].k;
    r->w = 1;
    /* Nothing here takes that long. */
    r->t1_s = r->t3_s = 250;
    r->t2_s = 10;
    r->policy = malloc(blob_size);
    r->policy_size = blob_size;
    if (r->policy)
        memcpy(r->policy, blob, blob_size);
    return r->policy != NULL;
}

static size_t make_config(const struct setting *setting, uint8_t **out)
{
    static struct gate_route route[CORPUS_ROUTES];
    struct policy_builder *policy = policy_builder_new();
    struct gate_config c = {.commands_sync = setting->sync,
                            .handshake_s = 600,
                            .t0_max_s = 600,
                            .route_count = CORPUS_ROUTES,
                            .route = route};
    const uint8_t *blob = NULL;
    size_t blob_size = 0;
    size_t size = 0;
    bool good;

    memset(route, 0, sizeof route);
    if (policy) {
        policy_builder_default(policy, DIR_CONTROL, POLICY_PASS);
        blob = policy_builder_blob(policy, &blob_size);
    }
    good = blob != NULL;
    for (unsigned int i = 0; good && i < CORPUS_ROUTES; i++)
        good = add_route(&route[i], i, setting, blob, blob_size);
    if (good)
        size = gate_config_encode(&c, out);
    for (unsigned int i = 0; i < CORPUS_ROUTES; i++)
        free(route[i].policy);
    policy_builder_free(policy);
    return size;
}

/* ---- a gate ---- */

static bool listen_to_ourselves(struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

    w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return w->listener >= 0 && bind(w->listener, (struct sockaddr *)&a, sizeof a) == 0 &&
           listen(w->listener, 8) == 0;
}

bool world_begin(struct world *w, const char *build, const struct setting *setting)
{
    uint8_t *config = NULL;
    bool good;

    memset(w, 0, sizeof *w);
    w->setting = *setting;
    w->broker.fd = w->audit.fd = w->listener = -1;
    w->stage = (struct stage){.build = build, .role = ROLE_GATE, .control = {.fd = -1}};
    w->stage.config_size = make_config(setting, &config);
    w->stage.config = config;
    good = w->stage.config_size > 0 && listen_to_ourselves(w) &&
           stage_begin(&w->stage, PHASE_RUN) &&
           stage_channel(&w->stage, ROLE_AUDIT, 0, &w->audit) &&
           stage_channel(&w->stage, ROLE_BROKER, 0, &w->broker);
    w->stage.config = NULL;
    free(config);
    if (!good)
        (void)printf("# no gate: %s\n", w->stage.note);
    return good;
}

void world_end(struct world *w)
{
    imsg_channel_close(&w->broker);
    imsg_channel_close(&w->audit);
    if (w->listener >= 0)
        (void)close(w->listener);
    w->listener = -1;
    stage_end(&w->stage);
}

unsigned int world_gate_descriptors(const struct world *w)
{
    char path[64];
    unsigned int count = 0;
    DIR *dir;

    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)w->stage.pid);
    dir = opendir(path);
    while (dir && readdir(dir))
        count++;
    if (dir)
        (void)closedir(dir);
    return count;
}

/* ---- the broker ---- */

static struct session *session_of(struct world *w, uint64_t id)
{
    for (unsigned int i = 0; i < SESSIONS; i++) {
        if (w->session[i] && w->session[i]->id == id)
            return w->session[i];
    }
    return NULL;
}

static void broker_hears(struct world *w, const struct imsg *m)
{
    struct msg_session_id told;
    struct session *s;

    imsg_get(m, &told, sizeof told);
    s = session_of(w, told.session);
    if (!s)
        world_complain(w, "the broker was told of another session");
    else if (m->type == MSG_DIAL)
        w->asked_to_dial = told.session;
    else
        s->over = true;
}

/* ---- audit ---- */

/* The fields of a record that are looked at. */
struct told {
    uint64_t session;
    struct fault_record fault;
    char why[65], leg[17];
};

static void copy_text(char *out, size_t cap, const struct record_field *f)
{
    (void)snprintf(out, cap, "%.*s", (int)f->size, (const char *)f->octets);
}

static void read_field(struct told *t, const struct record_field *f)
{
    switch (f->tag->tag) {
    case RECORD_SESSION: t->session = f->u64; break;
    case RECORD_REASON: t->fault.reason = f->u64; break;
    case RECORD_OFFSET: t->fault.offset = f->u64; break;
    case RECORD_DIRECTION: t->fault.direction = f->u64; break;
    case RECORD_VERDICT: copy_text(t->fault.verdict, sizeof t->fault.verdict, f); break;
    case RECORD_WHY: copy_text(t->why, sizeof t->why, f); break;
    case RECORD_LEG: copy_text(t->leg, sizeof t->leg, f); break;
    case RECORD_APDU:
        t->fault.apdu_size = f->size;
        memcpy(t->fault.apdu, f->octets, f->size);
        break;
    default: break;
    }
}

static void keep_record(struct world *w, struct session *s, const struct told *t)
{
    switch (t->fault.event) {
    case EVENT_SESSION_OPEN:
    case EVENT_STARTDT:
    case EVENT_STOPDT:
    case EVENT_CONFIRMED:
    case EVENT_REJECTED:
    case EVENT_TERMINATED:
    case EVENT_OPERATION_CLOSED:
    case EVENT_TOLERATED: break;
    case EVENT_COMMAND: s->commands++; break;
    case EVENT_NOT_FORWARDED: s->not_forwarded++; break;
    case EVENT_SESSION_CLOSE:
        s->closes++;
        (void)snprintf(s->close_why, sizeof s->close_why, "%s", t->why);
        (void)snprintf(s->close_leg, sizeof s->close_leg, "%s", t->leg);
        break;
    case EVENT_APCI:
    case EVENT_ASDU:
    case EVENT_WOULD_REFUSE:
        if (s->faults < FAULTS_MAX)
            s->fault[s->faults] = t->fault;
        s->faults++;
        break;
    default: world_complain(w, event_info(t->fault.event)->name); break;
    }
}

static void audit_hears(struct world *w, const struct imsg *m)
{
    struct record_head head;
    struct record_field f;
    struct told t;
    struct session *s;
    size_t pos = 0;

    memset(&t, 0, sizeof t);
    if (!record_check(m->payload, m->len, &head)) {
        world_complain(w, "a record that is none");
        return;
    }
    t.fault.event = head.event->event;
    while (record_next(m->payload, m->len, &pos, &f))
        read_field(&t, &f);
    if (head.sync) {
        struct msg_record_ack ack = {.ticket = head.ticket, .durable = 1};

        (void)imsg_send(&w->audit, MSG_RECORD_ACK, &ack, sizeof ack, NULL, 0);
    }
    s = session_of(w, t.session);
    if (s)
        keep_record(w, s, &t);
    else
        world_complain(w, "a record of another session, or of none");
}

/* ---- listening ---- */

static void control_hears(struct world *w, const struct imsg *m)
{
    char text[160];

    (void)snprintf(text, sizeof text, "it told the monitor: %s %.*s", imsg_name(m->type),
                   m->type == MSG_NOTE ? (int)(m->len < 100 ? m->len : 100) : 0,
                   (const char *)m->payload);
    world_complain(w, text);
}

static void channel_listen(struct world *w, struct imsg_channel *ch, const char *name,
                           void (*hears)(struct world *, const struct imsg *))
{
    static struct imsg m;
    enum imsg_status status;
    char text[80];

    while ((status = imsg_recv(ch, &m)) == IMSG_OK)
        hears(w, &m);
    if (status == IMSG_AGAIN)
        return;
    (void)snprintf(text, sizeof text, "the channel to the %s has ended", name);
    world_complain(w, text);
    imsg_channel_close(ch);
}

static struct station *station_at(struct world *w, unsigned int i)
{
    struct session *s = w->session[i / LINK_LEGS];

    return s && !s->at[i % LINK_LEGS].ended ? &s->at[i % LINK_LEGS] : NULL;
}

void world_listen(struct world *w, int wait_ms)
{
    enum { STATIONS = SESSIONS * LINK_LEGS, BROKER = STATIONS, AUDIT, CONTROL, ALL };
    struct pollfd wait[ALL] = {[BROKER] = {.fd = w->broker.fd},
                               [AUDIT] = {.fd = w->audit.fd},
                               [CONTROL] = {.fd = w->stage.control.fd}};

    for (unsigned int i = 0; i < STATIONS; i++) {
        const struct station *st = station_at(w, i);

        wait[i].fd = !st ? -1 : st->tls ? st->pair.fd : st->tcp;
    }
    for (unsigned int i = 0; i < ALL; i++)
        wait[i].events = POLLIN;
    if (poll(wait, ALL, wait_ms) <= 0)
        return;
    for (unsigned int i = 0; i < STATIONS; i++) {
        if (wait[i].revents)
            station_listen(w, station_at(w, i));
    }
    if (wait[BROKER].revents)
        channel_listen(w, &w->broker, "broker", broker_hears);
    if (wait[CONTROL].revents)
        channel_listen(w, &w->stage.control, "monitor", control_hears);
    /* What was done is in the log before it is done: here it is read last, and at any
     * rate, as it may have come since. */
    channel_listen(w, &w->audit, "audit", audit_hears);
}
