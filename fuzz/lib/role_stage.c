#include "fuzz/lib/role_stage.h"

/* The role's own way of taking messages of the monitor. */
#define child_main child_main_of_a_process
#include "sandbox/child.c"
#undef child_main

#include "certs/identity.h"
#include "fuzz/lib/role_files.h"
#include "proxy/role_config.h"
#include "tests/hostile/mutant.h"
#include "tests/hostile/stage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define ROUNDS 4u

int broker_main(int argc, char **argv);
int tls_main(int argc, char **argv);
int gate_main(int argc, char **argv);
int signer_main(int argc, char **argv);
int audit_main(int argc, char **argv);
int fetcher_main(int argc, char **argv);

static const struct {
    int (*main)(int argc, char **argv);
    unsigned int peers; /* set of 1 << role */
} parts[ROLE_COUNT] = {
    [ROLE_BROKER] = {broker_main, 1u << ROLE_TLS | 1u << ROLE_GATE | 1u << ROLE_AUDIT},
    [ROLE_TLS] = {tls_main, 1u << ROLE_SIGNER | 1u << ROLE_FETCHER | 1u << ROLE_BROKER},
    [ROLE_GATE] = {gate_main, 1u << ROLE_AUDIT | 1u << ROLE_BROKER},
    [ROLE_SIGNER] = {signer_main, 1u << ROLE_TLS},
    [ROLE_AUDIT] = {audit_main, 1u << ROLE_GATE | 1u << ROLE_BROKER},
    [ROLE_FETCHER] = {fetcher_main, 1u << ROLE_TLS},
};

/* What a role is between two inputs. */
static struct actor {
    struct child *child;
    struct child_ops ops;
    void (*round_end)(void *ctx);
    void *round_ctx;
    struct loop_watch tick;
    unsigned int rounds;
    uint8_t *config;
    size_t config_size;
    uint16_t port;
} actors[ROLE_COUNT];

/* The sandbox stays outside. */
bool sandbox_enter(const struct sandbox_config *config, char *err, size_t errcap);
bool sandbox_enter(const struct sandbox_config *config, char *err, size_t errcap)
{
    (void)config;
    (void)err;
    (void)errcap;
    return true;
}

/* ---- making a role ---- */

static void ticked(void *ctx, uint32_t events)
{
    (void)ctx;
    (void)events;
}

static void stopped(struct child *c)
{
    loop_stop(&c->loop);
}

static void round_over(void *ctx)
{
    struct actor *a = ctx;

    if (a->round_end)
        a->round_end(a->round_ctx);
    if (++a->rounds >= ROUNDS)
        loop_stop(&a->child->loop);
}

/* What a broker accepts is reset when it is closed, as the others (see tcp_pair). */
static void note_port(struct actor *a)
{
    const struct linger now = {.l_onoff = 1};
    struct broker_config c;

    for (int fd = 0; fd < 64; fd++)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);

    if (!broker_config_decode(a->config, a->config_size, &c))
        return;
    a->port = c.route[0].listen[0].port;
    broker_config_free(&c);
}

/* In place of the program's: takes the role instead of running it. */
int child_main(int argc, char **argv, const struct child_ops *ops, struct child *c)
{
    struct actor *a = &actors[ops->role];
    const struct stage files = {.dir = role_files(), .role = ops->role};
    const int tick = eventfd(1, EFD_CLOEXEC);

    (void)argc;
    (void)argv;
    /* A role that ends is no finding, and would take the fuzzer with it. */
    a->ops = *ops;
    a->ops.stop = stopped;
    a->ops.orphan = NULL;
    a->child = c;
    c->ops = &a->ops;
    c->max_fds = ops->max_fds;
    c->control.fd = c->control_watch.fd = -1;
    (void)snprintf(c->name, sizeof c->name, "%s-0", role_name(ops->role));
    a->config_size = stage_config(&files, &a->config);
    FUZZ_CHECK(a->config_size > 0 && loop_init(&c->loop));
    FUZZ_CHECK(ops->init(c, a->config, a->config_size));
    if (ops->role == ROLE_BROKER)
        note_port(a);
    a->round_end = c->loop.round_end;
    a->round_ctx = c->loop.round_ctx;
    c->loop.round_end = round_over;
    c->loop.round_ctx = a;
    a->tick.fd = -1;
    FUZZ_CHECK(loop_add(&c->loop, &a->tick, tick, EPOLLIN, ticked, NULL));
    c->control.phase = PHASE_RUN;
    if (ops->start)
        ops->start(c);
    return 0;
}

/* ---- channels ---- */

static struct stage_end *add_end(struct role_stage *s, int fd, enum role self)
{
    struct stage_end *e = &s->end[s->count++];

    imsg_channel_init(&e->ch, fd, self, s->role, 0, PHASE_RUN);
    e->session = 0;
    e->tcp = -1;
    return e;
}

static void give_channel(struct role_stage *s, enum role peer)
{
    struct msg_channel m = {.role = (uint8_t)peer};
    int pair[2];

    FUZZ_CHECK(imsg_pair(pair));
    FUZZ_CHECK(imsg_send(&s->end[0].ch, MSG_CHANNEL, &m, sizeof m, &pair[1], 1) ==
               IMSG_OK);
    (void)close(pair[1]);
    add_end(s, pair[0], peer);
}

void role_stage_begin(struct role_stage *s, enum role role)
{
    struct actor *a = &actors[role];
    char *argv[] = {NULL};
    struct child *c;
    int pair[2];

    (void)signal(SIGPIPE, SIG_IGN);
    if (!a->child)
        (void)parts[role].main(1, argv);
    memset(s, 0, sizeof *s);
    s->role = role;
    c = s->child = a->child;
    s->config = a->config;
    s->config_size = a->config_size;
    s->port = a->port;
    FUZZ_CHECK(imsg_pair(pair));
    imsg_channel_init(&c->control, pair[1], role, ROLE_MONITOR, 0, PHASE_RUN);
    c->control_watch.fd = -1;
    FUZZ_CHECK(loop_add(&c->loop, &c->control_watch, pair[1], EPOLLIN, control_ready, c));
    add_end(s, pair[0], ROLE_MONITOR);
    for (unsigned int peer = 0; peer < ROLE_COUNT; peer++) {
        if (parts[role].peers >> peer & 1u)
            give_channel(s, (enum role)peer);
    }
    role_stage_run(s);
}

static void take_in(struct role_stage *s, struct stage_end *e)
{
    static struct imsg m;

    e->ch.phase = PHASE_INIT | PHASE_RUN | PHASE_HELLO | PHASE_OPEN;
    memset(e->ch.seen, 0, sizeof e->ch.seen);
    while (imsg_recv(&e->ch, &m) == IMSG_OK) { /* a socket holds a few hundred */
        if (m.len >= sizeof s->session && e->ch.peer == ROLE_BROKER &&
            (m.type == MSG_TLS_SESSION || m.type == MSG_GATE_SESSION_TLS))
            memcpy(&s->session, m.payload, sizeof s->session);
        if (m.type == MSG_RECORD && m.payload[2] == 1)
            memcpy(&s->ticket, m.payload + 3, sizeof s->ticket);
        imsg_drop_fds(&m);
    }
}

void role_stage_run(struct role_stage *s)
{
    struct actor *a = &actors[s->role];

    a->rounds = 0;
    s->child->loop.stopping = false;
    loop_run(&s->child->loop);
    for (size_t i = 0; i < s->count; i++)
        take_in(s, &s->end[i]);
}

void role_stage_end(struct role_stage *s)
{
    for (size_t i = 0; i < s->count; i++) {
        imsg_channel_close(&s->end[i].ch);
        if (s->end[i].tcp >= 0)
            (void)close(s->end[i].tcp);
    }
    s->count = 0;
    role_stage_run(s);
    loop_del(&s->child->loop, &s->child->control_watch);
    imsg_channel_close(&s->child->control);
}

/* ---- what is sent ---- */

/* Both ends of a connection; they are reset when they are closed, so that no port waits
 * for a minute. */
static bool tcp_pair(int fd[2])
{
    static int listener = -1;
    static struct sockaddr_in at = {.sin_family = AF_INET};
    const struct linger now = {.l_onoff = 1};
    socklen_t n = sizeof at;

    if (listener < 0) {
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        FUZZ_CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 &&
                   listen(listener, 8) == 0 &&
                   getsockname(listener, (struct sockaddr *)&at, &n) == 0);
    }
    fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd[0], (struct sockaddr *)&at, sizeof at) != 0) {
        (void)close(fd[0]);
        return false;
    }
    fd[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    FUZZ_CHECK(fd[1] >= 0);
    (void)setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &now, sizeof now);
    (void)setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return true;
}

/* The descriptors of a message; ours become ends.  False: no port is free. */
static bool make_fds(struct role_stage *s, const struct imsg_row *row,
                     const uint8_t *payload, int fds[IMSG_FDS_MAX])
{
    struct stage_end *last;
    int tcp[2] = {-1, -1};
    int pair[2];

    if (strchr(row->fds, 'T') && !tcp_pair(tcp))
        return false;
    for (unsigned int i = 0; row->fds[i] != '\0'; i++) {
        fds[i] = tcp[1];
        if (row->fds[i] == 'T')
            continue;
        FUZZ_CHECK(imsg_pair(pair));
        fds[i] = pair[1];
        struct stage_end *e =
            add_end(s, pair[0], s->role == ROLE_GATE ? ROLE_TLS : ROLE_GATE);
        memcpy(&e->session, payload, sizeof e->session);
    }
    last = &s->end[s->count - 1];
    if (tcp[0] >= 0 && last->tcp >= 0)
        (void)close(last->tcp);
    if (tcp[0] >= 0)
        last->tcp = tcp[0]; /* of this session, or of any */
    return true;
}

static size_t identity(const struct role_stage *s, uint8_t *out, struct fuzz_input *in)
{
    static const char *const names[] = {"CN=master", "", "CN=a, O=b"};
    struct peer_identity id = {.not_after = 1, .version = "TLSv1.3"};
    struct msg_identity head = {.session = s->session};

    head.route = fuzz_u8(in) % 4 == 3 ? ROUTE_WRAP : ROUTE_PROTECT;
    (void)snprintf(id.subject, sizeof id.subject, "%s", names[fuzz_u8(in) % 3]);
    (void)snprintf(id.issuer, sizeof id.issuer, "CN=ca");
    (void)snprintf(id.serial, sizeof id.serial, "01");
    (void)snprintf(id.suite, sizeof id.suite, "TLS_AES_128_GCM_SHA256");
    memcpy(out, &head, sizeof head);
    return sizeof head + identity_encode(&id, out + sizeof head, IDENTITY_WIRE_MAX);
}

static bool has_session(unsigned int type)
{
    static const unsigned int types[] = {
        MSG_TLS_SESSION, MSG_TLS_DONE,      MSG_GATE_SESSION_TLS, MSG_GATE_SESSION_PLAIN,
        MSG_DIAL,        MSG_DIALED_PLAIN,  MSG_DIALED_TLS,       MSG_DIAL_FAILED,
        MSG_SESSION_END, MSG_SESSION_CLOSE,
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i] == type)
            return true;
    }
    return false;
}

/* A good one of its type, as far as there is one; then what the script changes in it. */
static size_t make_payload(struct role_stage *s, const struct imsg_row *row,
                           struct fuzz_input *in, uint8_t payload[IMSG_PAYLOAD_MAX])
{
    const uint8_t how = fuzz_u8(in);
    size_t n = row->min;

    memset(payload, 0, IMSG_PAYLOAD_MAX);
    if (row->type == MSG_IDENTITY)
        n = identity(s, payload, in);
    else if (sample_exists(row->type))
        n = sample_make(row->type, payload);
    if (has_session(row->type) && (how & 0x80) == 0) {
        if (strlen(row->fds) > 0 && strncmp(row->name, "DIALED", 6) != 0)
            s->session++;
        memcpy(payload, &s->session, sizeof s->session);
    }
    if (row->type == MSG_RECORD_ACK && (how & 0x80) == 0)
        memcpy(payload, &s->ticket, sizeof s->ticket);
    for (unsigned int i = 0; i < (how & 3u); i++) {
        const size_t at = fuzz_u8(in) % (n > 0 ? n : 1u);
        payload[at] = fuzz_u8(in);
    }
    if ((how & 0x0C) == 0x04 && row->max > row->min) {
        size_t more = fuzz_u8(in);
        const uint8_t *octets = fuzz_take(in, &more);
        const size_t from = row->min > 1 ? row->min - 1 : 0;
        more = more < row->max - from ? more : row->max - from;
        memcpy(payload + from, octets, more);
        n = from + more > row->min ? from + more : row->min;
    }
    return n;
}

void role_stage_message(struct role_stage *s, struct fuzz_input *in)
{
    uint8_t payload[IMSG_PAYLOAD_MAX];
    struct stage_end *e = &s->end[fuzz_u8(in) % s->count];
    const struct imsg_row *fit[128];
    int fds[IMSG_FDS_MAX] = {-1, -1};
    size_t count = 0;

    for (size_t i = 0; i < imsg_catalogue_size; i++) {
        const struct imsg_row *row = &imsg_catalogue[i];
        if ((row->from >> e->ch.self & 1) && (row->to >> s->role & 1) && row->max > 0 &&
            row->type != MSG_CHANNEL)
            fit[count++] = row;
    }
    if (count == 0)
        return;
    const struct imsg_row *row = fit[fuzz_u8(in) % count];
    const size_t n = make_payload(s, row, in, payload);
    const unsigned int fd_count = (unsigned int)strlen(row->fds);
    if (s->count + fd_count > STAGE_ENDS || !make_fds(s, row, payload, fds))
        return;
    (void)imsg_send(&e->ch, (enum imsg_type)row->type, payload, n, fds, fd_count);
    for (unsigned int i = 0; i < fd_count; i++)
        (void)close(fds[i]);
}

void role_stage_connect(struct role_stage *s)
{
    const struct linger now = {.l_onoff = 1};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(s->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd;

    if (s->port == 0 || s->end[0].tcp >= 0)
        return;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)connect(fd, (struct sockaddr *)&at, sizeof at);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    s->end[0].tcp = fd;
}

void role_stage_octets(struct role_stage *s, struct fuzz_input *in)
{
    const struct stage_end *e = &s->end[fuzz_u8(in) % s->count];
    size_t n = fuzz_u8(in);
    const uint8_t *octets = fuzz_take(in, &n);

    if (e->tcp >= 0)
        (void)send(e->tcp, octets, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void role_stage_update(struct role_stage *s, struct fuzz_input *in)
{
    struct msg_update_begin begin = {.size = (uint32_t)s->config_size};
    const size_t at = fuzz_u16(in) % s->config_size;
    const uint8_t octet = fuzz_u8(in);
    const struct msg_policy_step check = {.update = 1, .step = POLICY_STEP_CHECK};
    uint8_t *config;

    if (s->role != ROLE_TLS && s->role != ROLE_GATE)
        return;
    config = fuzz_copy(s->config, s->config_size);
    config[at] ^= octet;
    (void)imsg_send(&s->end[0].ch, MSG_UPDATE_BEGIN, &begin, sizeof begin, NULL, 0);
    for (size_t done = 0; done < s->config_size;) {
        size_t n = s->config_size - done;
        n = n < IMSG_PAYLOAD_MAX ? n : IMSG_PAYLOAD_MAX;
        (void)imsg_send(&s->end[0].ch, MSG_UPDATE_DATA, config + done, n, NULL, 0);
        done += n;
    }
    free(config);
    if (s->role == ROLE_GATE)
        (void)imsg_send(&s->end[0].ch, MSG_POLICY_STEP, &check, sizeof check, NULL, 0);
}

void role_stage_config(const struct role_stage *s, struct fuzz_input *in)
{
    static struct child c;
    static uint8_t octets[IMSG_PAYLOAD_MAX];
    struct msg_cfg_begin begin = {.size = fuzz_u32(in) >> fuzz_u8(in) % 32u};
    struct imsg_channel ours;
    size_t sent = 0, size = 0;
    int pair[2];

    FUZZ_CHECK(imsg_pair(pair));
    imsg_channel_init(&ours, pair[0], ROLE_MONITOR, s->role, 0, PHASE_INIT);
    imsg_channel_init(&c.control, pair[1], s->role, ROLE_MONITOR, 0, PHASE_INIT);
    (void)imsg_send(&ours, MSG_CFG_BEGIN, &begin, sizeof begin, NULL, 0);
    for (unsigned int i = fuzz_u8(in) % 8u; i > 0; i--) {
        const size_t n = 1 + fuzz_u16(in) % sizeof octets;

        memset(octets, (int)i, n);
        (void)imsg_send(&ours, MSG_CFG_DATA, octets, n, NULL, 0);
        sent += n;
    }
    imsg_channel_close(&ours);
    uint8_t *config = receive_config(&c, &size);
    FUZZ_CHECK(!config || (size == begin.size && size <= sent && size > 0));
    FUZZ_CHECK(config || begin.size == 0 || begin.size != sent);
    free(config);
    imsg_channel_close(&c.control);
}
