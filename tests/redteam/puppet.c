/* gate104-tls as if it had been taken over: its first client says what it does.  No TLS
 * is spoken.  It takes the worker's place in a copy of the build folder, with the
 * worker's channels and in the worker's sandbox.
 *
 * A frame of the client, and of the answers: two octets of length (big-endian) of what
 * follows, one octet that names a channel (g: the pair to the gate, s: signer, b: broker,
 * m: monitor), one packet as it is, header included.  Channel i: an identity with this
 * subject is sent to the gate. */
#include "certs/identity.h"
#include "sandbox/child.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX    (1u + 8192u)
#define SEND_WAIT_MS 1000

struct puppet {
    struct child child;
    struct imsg_channel broker;
    struct loop_watch watch;
    int signer;
    int gate;
    int tcp;
    uint64_t session;
    uint16_t route;
    size_t have;
    uint8_t in[2 + FRAME_MAX];
};

static void put(int fd, const void *p, size_t n)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};

    if (send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
        return;
    if (poll(&room, 1, SEND_WAIT_MS) == 1)
        (void)send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void identity(const struct puppet *p, const uint8_t *subject, size_t n)
{
    struct peer_identity id = {.not_after = 4102444800, .version = "TLSv1.3"};
    struct msg_identity head = {.session = p->session, .route = p->route};
    uint8_t packet[4 + sizeof head + IDENTITY_WIRE_MAX];
    uint16_t type = MSG_IDENTITY;
    uint16_t length;
    size_t size;

    (void)snprintf(id.subject, sizeof id.subject, "%.*s", (int)n, (const char *)subject);
    (void)snprintf(id.issuer, sizeof id.issuer, "CN=nobody");
    (void)snprintf(id.serial, sizeof id.serial, "01");
    (void)snprintf(id.suite, sizeof id.suite, "TLS_AES_128_GCM_SHA256");
    size = identity_encode(&id, packet + 4 + sizeof head, IDENTITY_WIRE_MAX);
    length = (uint16_t)(sizeof head + size);
    memcpy(packet, &type, sizeof type);
    memcpy(packet + 2, &length, sizeof length);
    memcpy(packet + 4, &head, sizeof head);
    put(p->gate, packet, 4u + length);
}

static void act(const struct puppet *p, uint8_t channel, const uint8_t *packet, size_t n)
{
    if (channel == 'i')
        identity(p, packet, n);
    else if (channel == 'g')
        put(p->gate, packet, n);
    else if (channel == 's')
        put(p->signer, packet, n);
    else if (channel == 'b')
        put(p->broker.fd, packet, n);
    else if (channel == 'm')
        put(p->child.control.fd, packet, n);
}

/* False: the client is gone. */
static bool obey(struct puppet *p)
{
    ssize_t n = recv(p->tcp, p->in + p->have, sizeof p->in - p->have, MSG_DONTWAIT);

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    p->have += (size_t)n;
    while (p->have >= 3) {
        size_t size = ((size_t)p->in[0] << 8 | p->in[1]) + 2u;

        if (size < 3 || size > sizeof p->in)
            return false;
        if (p->have < size)
            break;
        act(p, p->in[2], p->in + 3, size - 3);
        p->have -= size;
        memmove(p->in, p->in + size, p->have);
    }
    return true;
}

/* A frame without a packet: that channel is closed. */
static bool tell(const struct puppet *p, char channel, int fd)
{
    uint8_t packet[3 + 8192];
    ssize_t n = recv(fd, packet + 3, sizeof packet - 3, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return true;
    n = n < 0 ? 0 : n;
    packet[0] = (uint8_t)((size_t)(n + 1) >> 8);
    packet[1] = (uint8_t)(n + 1);
    packet[2] = (uint8_t)channel;
    put(p->tcp, packet, (size_t)n + 3);
    return n > 0;
}

/* Until the client goes or the monitor says anything. */
static void serve(struct puppet *p)
{
    struct pollfd fds[] = {{.fd = p->tcp, .events = POLLIN},
                           {.fd = p->gate, .events = POLLIN},
                           {.fd = p->signer, .events = POLLIN},
                           {.fd = p->child.control.fd, .events = POLLIN}};
    bool on = true;

    while (on && poll(fds, 4, -1) > 0) {
        if (fds[3].revents)
            return;
        if (fds[0].revents)
            on = obey(p);
        if (fds[1].revents && !tell(p, 'g', p->gate))
            fds[1].fd = -1;
        if (fds[2].revents && !tell(p, 's', p->signer))
            fds[2].fd = -1;
    }
}

static void broker_ready(void *ctx, uint32_t events)
{
    struct puppet *p = ctx;
    struct imsg *m = &p->child.scratch;
    struct msg_session session;

    (void)events;
    if (imsg_recv(&p->broker, m) != IMSG_OK || m->type != MSG_TLS_SESSION)
        return;
    imsg_get(m, &session, sizeof session);
    p->session = session.session;
    p->route = session.route;
    p->tcp = m->fds[0];
    p->gate = m->fds[1];
    serve(p);
    loop_stop(&p->child.loop);
}

static void channel(struct child *c, enum role peer, uint32_t id, int fd)
{
    struct puppet *p = (struct puppet *)c;

    if (peer == ROLE_SIGNER) {
        p->signer = fd;
    } else if (peer == ROLE_BROKER) {
        imsg_channel_init(&p->broker, fd, ROLE_TLS, ROLE_BROKER, id, PHASE_RUN);
        (void)loop_add(&c->loop, &p->watch, fd, EPOLLIN, broker_ready, p);
    } else {
        (void)close(fd);
    }
}

static bool init(struct child *c, const uint8_t *config, size_t n)
{
    struct puppet *p = (struct puppet *)c;

    (void)config;
    (void)n;
    p->signer = p->gate = p->tcp = -1;
    c->max_fds = 64;
    return true;
}

static void stop(struct child *c)
{
    loop_stop(&c->loop);
}

static const struct child_ops ops = {
    .role = ROLE_TLS, .init = init, .channel = channel, .stop = stop};

int main(int argc, char **argv)
{
    static struct puppet puppet;

    _Static_assert(offsetof(struct puppet, child) == 0, "callbacks get the child");
    return child_main(argc, argv, &ops, &puppet.child);
}
