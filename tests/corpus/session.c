/* Sessions of the gate, and the stations at their ends. */
#include "tests/corpus/world.h"

#include "certs/identity.h"
#include "sandbox/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEQ_MASK 0x7FFFu

const uint8_t TESTFR_ACT[6] = {0x68, 0x04, 0x43, 0, 0, 0};
static const uint8_t TESTFR_CON[6] = {0x68, 0x04, 0x83, 0, 0, 0};

static const struct msg_endpoint somewhere = {
    .family = 4, .port = 40000, .addr = {127, 0, 0, 1}};

/* ---- octets out ---- */

static bool is_gone(const struct world *w)
{
    return w->broker.fd < 0 || w->audit.fd < 0 || w->stage.control.fd < 0;
}

/* Octets the gate has not read. */
static int unread(const struct station *st)
{
    int n = 0;

    return ioctl(st->theirs, FIONREAD, &n) == 0 ? n : 0;
}

static bool send_some(struct station *st, const uint8_t *p, size_t n, size_t *sent)
{
    ssize_t result;

    *sent = 0;
    if (st->tls) {
        size_t part = n < IMSG_PAYLOAD_MAX ? n : IMSG_PAYLOAD_MAX;
        enum imsg_status status = imsg_send(&st->pair, MSG_TLS_DATA, p, part, NULL, 0);

        *sent = status == IMSG_OK ? part : 0;
        return status == IMSG_OK || status == IMSG_AGAIN;
    }
    result = send(st->tcp, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result >= 0)
        *sent = (size_t)result;
    return result >= 0 || errno == EAGAIN;
}

/* One more try, a moment later; false after WAIT_MS. */
static bool try_again(struct world *w, uint64_t began)
{
    world_listen(w, 0);
    if (monotonic_ms() - began > WAIT_MS) {
        world_complain(w, "it does not read");
        return false;
    }
    (void)sched_yield();
    return !is_gone(w);
}

bool station_send(struct world *w, struct station *st, const uint8_t *p, size_t n)
{
    const uint64_t began = monotonic_ms();

    while (n > 0 && !st->ended) {
        size_t sent;

        if (!send_some(st, p, n, &sent))
            return false;
        p += sent;
        n -= sent;
        if (n > 0 && !try_again(w, began))
            return false;
    }
    return n == 0;
}

bool station_settle(struct world *w, struct station *st)
{
    const uint64_t began = monotonic_ms();

    while (unread(st) > 0 && !st->ended) {
        if (!try_again(w, began))
            return false;
    }
    return !st->ended;
}

/* ---- octets in ---- */

static void wrong(struct station *st, const char *what)
{
    if (!st->wrong)
        st->wrong = what;
}

static uint16_t number_at(const uint8_t *p)
{
    return (uint16_t)((p[0] + 256u * p[1]) / 2u);
}

static void hear_acknowledgement(struct station *st, uint16_t nr)
{
    if (((nr - st->acknowledged) & SEQ_MASK) >
        ((st->next.vs - st->acknowledged) & SEQ_MASK))
        wrong(st, "N(R) of what it has not sent");
    st->acknowledged = nr;
}

static void keep(struct station *st, const uint8_t *p, size_t n)
{
    if (st->size + n > HEARD_MAX) {
        wrong(st, "too much");
        return;
    }
    memcpy(st->heard + st->size, p, n);
    st->size += n;
}

static void hear_apdu(struct world *w, struct station *st, const uint8_t *p, size_t n)
{
    if ((p[2] & 1) == 0) {
        if (number_at(p + 2) != st->next.vr)
            wrong(st, "N(S) out of order");
        st->next.vr = (st->next.vr + 1u) & SEQ_MASK;
        hear_acknowledgement(st, number_at(p + 4));
        keep(st, p, n);
    } else if (p[2] == 1) {
        hear_acknowledgement(st, number_at(p + 4));
    } else if (memcmp(p, TESTFR_CON, sizeof TESTFR_CON) == 0) {
        st->confirmations++;
    } else {
        keep(st, p, n);
        if (memcmp(p, TESTFR_ACT, sizeof TESTFR_ACT) == 0 && !st->mute) {
            size_t sent;

            if (!send_some(st, TESTFR_CON, sizeof TESTFR_CON, &sent) ||
                sent != sizeof TESTFR_CON)
                world_complain(w, "it takes no confirmation");
        }
    }
}

static void hear(struct world *w, struct station *st, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        st->part[st->part_size++] = p[i];
        if (st->part_size == 2 &&
            (st->part[0] != 0x68 || st->part[1] < 4 || st->part[1] > 253)) {
            wrong(st, "octets that are no APDU");
            st->part_size = 0;
            return;
        }
        if (st->part_size < 6 || st->part_size < st->part[1] + 2u)
            continue;
        hear_apdu(w, st, st->part, st->part_size);
        st->part_size = 0;
    }
}

static void listen_tls(struct world *w, struct station *st)
{
    static struct imsg m;
    enum imsg_status status;

    while ((status = imsg_recv(&st->pair, &m)) == IMSG_OK && m.type == MSG_GATE_DATA) {
        hear(w, st, m.payload, m.len);
        if (st->part_size != 0)
            wrong(st, "half an APDU in a message");
    }
    if (status == IMSG_BAD)
        wrong(st, "a message that breaks the catalogue");
    if (status != IMSG_AGAIN)
        st->ended = true;
}

static void listen_tcp(struct world *w, struct station *st)
{
    static uint8_t octets[65536];
    ssize_t n;

    while ((n = recv(st->tcp, octets, sizeof octets, MSG_DONTWAIT)) > 0)
        hear(w, st, octets, (size_t)n);
    if (n == 0 || errno != EAGAIN)
        st->ended = true;
}

void station_listen(struct world *w, struct station *st)
{
    if (st->ended)
        return;
    if (st->tls)
        listen_tls(w, st);
    else
        listen_tcp(w, st);
    if (st->ended && st->part_size != 0)
        wrong(st, "half an APDU at the end");
}

/* ---- waiting ---- */

enum wait_for { FOR_DIAL, FOR_CONFIRMATIONS, FOR_HEARD, FOR_END };

struct waiting {
    enum wait_for what;
    const struct station *st;
    size_t count;
};

static bool is_there(const struct world *w, const struct session *s,
                     const struct waiting *for_)
{
    switch (for_->what) {
    case FOR_DIAL: return w->asked_to_dial == s->id;
    case FOR_CONFIRMATIONS: return for_->st->confirmations >= for_->count;
    case FOR_HEARD: return for_->st->size >= for_->count;
    case FOR_END: return s->at[LEG_MASTER].ended && s->at[LEG_STATION].ended;
    }
    return false;
}

static bool wait_for(struct world *w, struct session *s, struct waiting for_)
{
    const uint64_t deadline = monotonic_ms() + WAIT_MS;

    world_listen(w, 0);
    while (!is_there(w, s, &for_)) {
        if (is_gone(w) || (s->over && for_.what != FOR_END))
            return false;
        if (monotonic_ms() > deadline) {
            world_complain(w, "it is silent");
            return false;
        }
        world_listen(w, 100);
    }
    return true;
}

bool station_wait_confirmations(struct world *w, struct session *s, struct station *st,
                                unsigned int count)
{
    return wait_for(w, s, (struct waiting){FOR_CONFIRMATIONS, st, count});
}

bool station_wait_heard(struct world *w, struct session *s, struct station *st,
                        size_t size)
{
    return wait_for(w, s, (struct waiting){FOR_HEARD, st, size});
}

static bool wait_over(struct world *w, struct session *s)
{
    const uint64_t deadline = monotonic_ms() + WAIT_MS;

    while (!s->over && !is_gone(w) && monotonic_ms() < deadline)
        world_listen(w, 100);
    return s->over;
}

bool session_wait_end(struct world *w, struct session *s)
{
    bool good = wait_for(w, s, (struct waiting){.what = FOR_END}) && wait_over(w, s);

    world_listen(w, 0);
    return good;
}

/* ---- a session ---- */

/* TCP to ourselves: our end, and the one for the gate. */
static bool tcp_begin(struct world *w, struct station *st)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    const int on = 1;

    st->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (getsockname(w->listener, (struct sockaddr *)&a, &len) != 0 ||
        connect(st->tcp, (struct sockaddr *)&a, sizeof a) != 0)
        return false;
    st->theirs = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    /* So that tens of thousands of them leave no port in TIME_WAIT. */
    return st->theirs >= 0 && fcntl(st->tcp, F_SETFL, O_NONBLOCK) == 0 &&
           setsockopt(st->tcp, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0 &&
           setsockopt(st->tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
           /* As the broker does. */
           setsockopt(st->theirs, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

static bool tls_begin(struct station *st)
{
    int pair[2];

    if (!imsg_pair(pair))
        return false;
    st->tls = true;
    st->theirs = pair[1];
    imsg_channel_init(&st->pair, pair[0], ROLE_TLS, ROLE_GATE, 0, PHASE_OPEN);
    return true;
}

static bool say_identity(struct station *st, const struct session *s,
                         enum corpus_route route)
{
    static const struct peer_identity peer = {.subject = "CN=peer",
                                              .issuer = "CN=ca",
                                              .serial = "01",
                                              .not_after = 1,
                                              .version = "TLSv1.3",
                                              .suite = "TLS_AES_128_GCM_SHA256"};
    uint8_t wire[IDENTITY_WIRE_MAX];
    struct msg_identity head = {.session = s->id, .route = (uint16_t)route};
    size_t n = identity_encode(&peer, wire, sizeof wire);

    return n > 0 &&
           imsg_send2(&st->pair, MSG_IDENTITY, &head, sizeof head, wire, n) == IMSG_OK;
}

static bool hand_over(struct world *w, const struct session *s, enum corpus_route route,
                      enum imsg_type type, const struct station *st)
{
    struct msg_session m = {
        .session = s->id, .route = (uint16_t)route, .remote = somewhere};

    return imsg_send(&w->broker, type, &m, sizeof m, &st->theirs, 1) == IMSG_OK;
}

bool session_begin(struct world *w, unsigned int place, struct session *s,
                   enum corpus_route route)
{
    bool protect = w->setting.mode == ROUTE_PROTECT_RTU;
    struct station *m = &s->at[LEG_MASTER];
    struct station *st = &s->at[LEG_STATION];
    struct station *tls = protect ? m : st;
    struct station *plain = protect ? st : m;
    bool good;

    memset(s, 0, sizeof *s);
    m->tcp = st->tcp = m->theirs = st->theirs = m->pair.fd = st->pair.fd = -1;
    s->id = ++w->last_session;
    w->session[place] = s;
    good = tcp_begin(w, plain) && tls_begin(tls) &&
           hand_over(w, s, route, protect ? MSG_GATE_SESSION_TLS : MSG_GATE_SESSION_PLAIN,
                     m) &&
           (!protect || say_identity(tls, s, route)) &&
           wait_for(w, s, (struct waiting){.what = FOR_DIAL}) &&
           hand_over(w, s, route, protect ? MSG_DIALED_PLAIN : MSG_DIALED_TLS, st) &&
           (protect || say_identity(tls, s, route));
    if (!good)
        world_complain(w, "no session");
    return good;
}

static void station_close(struct station *st)
{
    const struct msg_tls_closed closed = {.how = TLS_CLOSE_EOF};

    if (st->tls && !st->ended)
        (void)imsg_send(&st->pair, MSG_TLS_CLOSED, &closed, sizeof closed, NULL, 0);
    imsg_channel_close(&st->pair);
    if (st->tcp >= 0)
        (void)close(st->tcp);
    if (st->theirs >= 0)
        (void)close(st->theirs);
    st->tcp = st->theirs = -1;
    st->ended = true;
}

bool session_end(struct world *w, unsigned int place)
{
    struct session *s = w->session[place];
    bool good;

    station_close(&s->at[LEG_MASTER]);
    station_close(&s->at[LEG_STATION]);
    good = wait_over(w, s);
    if (!good)
        world_complain(w, "it does not end the session");
    world_listen(w, 0);
    w->session[place] = NULL;
    return good;
}

void session_forget(struct session *s)
{
    for (unsigned int leg = 0; leg < LINK_LEGS; leg++) {
        s->at[leg].size = 0;
        s->at[leg].confirmations = 0;
    }
    s->commands = s->faults = s->closes = s->not_forwarded = 0;
}
