/* Sessions of a gate or a tls worker, with everybody else played here; only the signer of
 * a worker is real. */
#include "tests/hostile/trial.h"

#include "certs/identity.h"
#include "tests/sim/tls_io.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct session {
    uint64_t id;
    int tcp;                  /* the station, or the TLS peer */
    struct imsg_channel pair; /* to the role: we are its gate, or its tls worker */
    struct sim_tls *tls;      /* over tcp, of a worker's session */
};

static struct imsg_channel broker = {.fd = -1};
static struct imsg_channel audit = {.fd = -1};
static struct stage signer;
static struct sim_tls_context *client;
static struct session witness;
static uint64_t last_session;
static struct imsg got;

static const struct msg_endpoint somewhere = {
    .family = 4, .port = 40000, .addr = {127, 0, 0, 1}};
static const uint8_t startdt[] = {0x68, 0x04, 0x07, 0, 0, 0};

static bool complain(const char *what)
{
    (void)printf("# %s\n", what);
    return false;
}

/* ---- TCP ---- */

/* A connection to ourselves; neither end blocks, as the broker passes them on. */
static bool tcp_pair(int fds[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good;

    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fds[1] = -1;
    good = bind(l, (struct sockaddr *)&a, sizeof a) == 0 && listen(l, 1) == 0 &&
           getsockname(l, (struct sockaddr *)&a, &len) == 0 &&
           connect(fds[0], (struct sockaddr *)&a, sizeof a) == 0 &&
           fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 &&
           (fds[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;
    (void)close(l);
    return good || complain("no TCP connection to ourselves");
}

static bool readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, WAIT_MS) == 1;
}

/* Reads to the end, which must come, and ends too, as a worker waits for a while. */
static bool tcp_ends(int fd)
{
    char sink[4096];

    while (readable(fd)) {
        if (recv(fd, sink, sizeof sink, MSG_DONTWAIT) > 0)
            continue;
        (void)shutdown(fd, SHUT_RDWR);
        return true;
    }
    return complain("its TCP connection stays open");
}

static bool tcp_brings(int fd, const uint8_t *want, size_t n)
{
    uint8_t have[64];
    size_t got_n = 0;

    while (got_n < n && readable(fd)) {
        ssize_t part = recv(fd, have + got_n, n - got_n, MSG_DONTWAIT);

        if (part <= 0)
            break;
        got_n += (size_t)part;
    }
    return (got_n == n && memcmp(have, want, n) == 0) || complain("octets do not arrive");
}

/* ---- a session of the gate: we are broker, tls worker, station and audit ---- */

/* The number of the tls worker we play in a session of the gate. */
static uint32_t worker_of(unsigned int type, uint64_t session)
{
    return type == MSG_GATE_SESSION_TLS ? 5000u + (uint32_t)session : 0;
}

static bool send_session(unsigned int type, uint64_t id, const int *fds,
                         unsigned int count)
{
    struct msg_session m = {.session = id,
                            .route = ROUTE_PROTECT,
                            .worker = worker_of(type, id),
                            .remote = somewhere};

    return imsg_send(&broker, (enum imsg_type)type, &m, sizeof m, fds, count) ==
               IMSG_OK ||
           complain("it does not take a session");
}

static bool say_identity(struct session *x)
{
    static const struct peer_identity peer = {.subject = "CN=master",
                                              .issuer = "CN=ca",
                                              .serial = "01",
                                              .not_after = 1,
                                              .version = "TLSv1.3",
                                              .suite = "TLS_AES_128_GCM_SHA256"};
    uint8_t wire[IDENTITY_WIRE_MAX];
    struct msg_identity head = {.session = x->id, .route = ROUTE_PROTECT};
    size_t n = identity_encode(&peer, wire, sizeof wire);

    return n > 0 &&
           imsg_send2(&x->pair, MSG_IDENTITY, &head, sizeof head, wire, n) == IMSG_OK;
}

static bool gate_session(struct stage *s, struct session *x, unsigned int phase)
{
    int pair[2];
    int tcp[2];
    bool good;

    if (!imsg_pair(pair))
        return complain("no socket pair");
    good = send_session(MSG_GATE_SESSION_TLS, x->id, &pair[1], 1);
    (void)close(pair[1]);
    imsg_channel_init(&x->pair, pair[0], ROLE_TLS, ROLE_GATE, 0, PHASE_HELLO);
    if (!good || phase == PHASE_HELLO)
        return good;
    x->pair.phase = PHASE_OPEN;
    if (!say_identity(x) || !stage_await(s, &broker, MSG_DIAL, &got) || !tcp_pair(tcp))
        return complain("it does not ask to dial");
    x->tcp = tcp[0];
    good = send_session(MSG_DIALED_PLAIN, x->id, &tcp[1], 1);
    (void)close(tcp[1]);
    return good;
}

/* ---- a session of the worker: we are broker, gate and TLS peer ---- */

static bool shake_hands(struct session *x)
{
    char why[200] = "";
    enum sim_io io;

    while ((io = sim_tls_handshake(x->tls, why, sizeof why)) != SIM_IO_DONE) {
        if (io != SIM_IO_WANT_READ || !readable(x->tcp)) {
            (void)printf("# handshake: %s\n", why);
            return false;
        }
    }
    return true;
}

static bool tls_session(struct stage *s, struct session *x, unsigned int phase)
{
    int pair[2];
    int tcp[2];
    int fds[2];
    bool good;

    if (!imsg_pair(pair) || !tcp_pair(tcp))
        return complain("no sockets");
    x->tcp = tcp[1];
    fds[0] = tcp[0];
    fds[1] = pair[1];
    good = send_session(MSG_TLS_SESSION, x->id, fds, 2);
    (void)close(tcp[0]);
    (void)close(pair[1]);
    imsg_channel_init(&x->pair, pair[0], ROLE_GATE, ROLE_TLS, 0, PHASE_HELLO);
    if (!good || phase == PHASE_HELLO)
        return good;
    x->tls = sim_tls_new(client, x->tcp);
    if (!x->tls || !shake_hands(x) || !stage_await(s, &x->pair, MSG_IDENTITY, &got))
        return complain("no TLS session");
    x->pair.phase = PHASE_OPEN;
    return true;
}

/* ---- both ---- */

static bool session_begin(struct stage *s, struct session *x, unsigned int phase)
{
    memset(x, 0, sizeof *x);
    x->tcp = x->pair.fd = -1;
    x->id = ++last_session;
    return s->role == ROLE_GATE ? gate_session(s, x, phase) : tls_session(s, x, phase);
}

static void session_drop(struct session *x)
{
    sim_tls_free(x->tls);
    x->tls = NULL;
    imsg_channel_close(&x->pair);
    if (x->tcp >= 0)
        (void)close(x->tcp);
    x->tcp = -1;
}

/* The broker is told that this session, and no other, ended. */
static bool end_is_told(struct stage *s, uint64_t id)
{
    unsigned int type = s->role == ROLE_GATE ? MSG_SESSION_END : MSG_TLS_DONE;
    struct msg_session_id told;

    if (!stage_await(s, &broker, type, &got))
        return false;
    imsg_get(&got, &told, sizeof told);
    return told.session == id || complain("it ended another session");
}

static bool make_client(const struct stage *s)
{
    static char cert[600];
    static char key[600];
    static char ca[600];
    struct sim_tls_options o = {.on = true, .cert = cert, .key = key, .ca_file = ca};
    char why[200] = "";

    (void)snprintf(cert, sizeof cert, "%s/master.crt", s->dir);
    (void)snprintf(key, sizeof key, "%s/master.key", s->dir);
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", s->dir);
    if (!client)
        client = sim_tls_context_new(&o, false, why, sizeof why);
    return client || complain(why);
}

/* A real signer for a worker. */
static bool give_signer(struct stage *s)
{
    int pair[2];
    bool good;

    signer.build = s->build;
    signer.dir = s->dir;
    signer.role = ROLE_SIGNER;
    if (!stage_begin(&signer, PHASE_RUN) || !imsg_pair(pair))
        return false;
    good = stage_give_channel(&signer, ROLE_TLS, 0, pair[0]) &&
           stage_give_channel(s, ROLE_SIGNER, 0, pair[1]);
    (void)close(pair[0]);
    (void)close(pair[1]);
    return good;
}

bool sessions_open(struct stage *s)
{
    bool good = stage_channel(s, ROLE_BROKER, 0, &broker);

    if (s->role == ROLE_GATE)
        good = good && stage_channel(s, ROLE_AUDIT, 0, &audit);
    else
        good = good && make_client(s) && give_signer(s);
    return good && session_begin(s, &witness, PHASE_OPEN);
}

bool trial_session(struct stage *s, unsigned int phase, const struct mutant *m)
{
    /* What is in TLS_DATA is the peer's word, not the worker's. */
    bool accuses = s->role == ROLE_GATE && m->fault != IMSG_FAULT_FIELD;
    unsigned int first = 0;
    struct session x;
    bool good = session_begin(s, &x, phase);

    if (phase == PHASE_OPEN)
        first = sample_for(x.pair.self, s->role, phase, m->type);
    if (good && first != 0 && !sample_send(&x.pair, first))
        good = complain("a good message cannot be sent");
    good = good && mutant_send(x.pair.fd, m) &&
           (!accuses ||
            trial_violation(s, ROLE_TLS, worker_of(MSG_GATE_SESSION_TLS, x.id), m)) &&
           stage_await_end(s, &x.pair) && (x.tcp < 0 || tcp_ends(x.tcp)) &&
           end_is_told(s, x.id);
    if (!stage_is_alive(s))
        good = complain("the role is gone");
    session_drop(&x);
    /* What else it has to say is not of interest, but must not fill its channels. */
    while (imsg_recv(&audit, &got) == IMSG_OK || imsg_recv(&s->control, &got) == IMSG_OK)
        ;
    return good;
}

static bool witness_works(struct stage *s)
{
    char why[200] = "";

    if (s->role == ROLE_GATE)
        return imsg_send(&witness.pair, MSG_TLS_DATA, startdt, sizeof startdt, NULL, 0) ==
                   IMSG_OK &&
               tcp_brings(witness.tcp, startdt, sizeof startdt);
    return sim_tls_write(witness.tls, startdt, sizeof startdt, why, sizeof why) ==
               SIM_IO_DONE &&
           stage_await(s, &witness.pair, MSG_TLS_DATA, &got) &&
           got.len == sizeof startdt && memcmp(got.payload, startdt, got.len) == 0;
}

bool sessions_close(struct stage *s)
{
    bool good = witness_works(s);

    session_drop(&witness);
    imsg_channel_close(&broker);
    imsg_channel_close(&audit);
    stage_end(&signer);
    return good;
}

bool session_ask_signer(struct stage *s)
{
    struct session x;
    char why[200] = "";
    bool good;

    if (broker.fd < 0 && !stage_channel(s, ROLE_BROKER, 0, &broker))
        return false;
    if (!make_client(s) || !session_begin(s, &x, PHASE_HELLO))
        return false;
    x.tls = sim_tls_new(client, x.tcp);
    /* Up to the alert that follows when there is no signature. */
    while (x.tls && sim_tls_handshake(x.tls, why, sizeof why) == SIM_IO_WANT_READ &&
           readable(x.tcp))
        ;
    good = x.tls && stage_await(s, &x.pair, MSG_TLS_FAILED, &got) && tcp_ends(x.tcp) &&
           end_is_told(s, x.id);
    session_drop(&x);
    return good;
}
