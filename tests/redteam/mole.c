/* A role as if it had been taken over: in the sandbox, with the descriptors and under the
 * name of the real one, it does what a test says.
 *
 * It takes the place of gate104-ROLE in a copy of the build folder.  If the folder has a
 * socket "orders-ROLE-NUMBER" (or "orders-ROLE"), a test listens there and gives orders;
 * else the process becomes real/gate104-ROLE.  The connection takes the place of standard
 * output, so that attestation counts what it always does.
 *
 * One packet is one order, in host order:
 *
 *   S fd:2 times:4 n:1 fd:2{n} packet   sends the packet with these descriptors
 *   C fd:2                              closes
 *   P                                   makes a pair
 *   T port:2                            connects to 127.0.0.1
 *   A fd:2                              accepts
 *   W fd:2                              tells what comes
 *   I fd:2                              does not even read it
 *   Y number:8 argument:8{6}            makes a system call
 *
 * Each is answered by "D a:4 b:4": what it gave and errno, the two ends of a pair, or how
 * often it was sent.  Besides these it tells:
 *
 *   R                                   START has come
 *   L fd:2                              a listener
 *   H role:1 id:4 fd:2                  a channel
 *   M fd:2 n:1 fd:2{n} packet           what came; nothing: the other end is closed */
#include "proxy/endpoint.h"
#include "proxy/role_config.h"
#include "sandbox/child.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define FLAGS     (MSG_NOSIGNAL | MSG_DONTWAIT) /* no others pass the filter */
#define ORDERS_FD STDOUT_FILENO
#define PACKET    16384u
#define WATCHES   256u
#define FDS       8u

struct mole;

struct ear {
    struct mole *mole;
    struct loop_watch watch;
};

struct mole {
    struct child child;
    struct loop_watch orders;
    struct ear ear[WATCHES]; /* by descriptor */
    struct broker_config broker;
};

static enum role self;

/* ---- packets with descriptors ---- */

union control {
    struct cmsghdr align;
    char buf[CMSG_SPACE(sizeof(int) * FDS)];
};

static bool send_packet(int fd, const void *p, size_t n, const int *fds, size_t count)
{
    union control c;
    struct iovec iov = {(void *)(uintptr_t)p, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    memset(&c, 0, sizeof c);
    if (count > 0) {
        m.msg_control = c.buf;
        m.msg_controllen = CMSG_SPACE(count * sizeof(int));
        c.align.cmsg_level = SOL_SOCKET;
        c.align.cmsg_type = SCM_RIGHTS;
        c.align.cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(&c.align), fds, count * sizeof(int));
    }
    return sendmsg(fd, &m, FLAGS) >= 0;
}

static ssize_t receive_packet(int fd, uint8_t *p, size_t n, int *fds, size_t *count)
{
    union control c;
    struct iovec iov = {p, n};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = c.buf,
                       .msg_controllen = sizeof c.buf};
    ssize_t got = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *h = got >= 0 ? CMSG_FIRSTHDR(&m) : NULL;

    *count = 0;
    if (h && h->cmsg_type == SCM_RIGHTS) {
        *count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(h), *count * sizeof(int));
    }
    return got;
}

/* ---- reports ---- */

static void tell(const void *p, size_t n)
{
    (void)send_packet(ORDERS_FD, p, n, NULL, 0);
}

static void done(long a, long b)
{
    const uint32_t v[2] = {(uint32_t)a, (uint32_t)b};
    uint8_t packet[1 + sizeof v] = {'D'};

    memcpy(packet + 1, v, sizeof v);
    tell(packet, sizeof packet);
}

static void tell_message(int from, const uint8_t *p, size_t n, const int *fds,
                         size_t count)
{
    static uint8_t packet[4 + 2 * FDS + PACKET];
    uint16_t fd = (uint16_t)from;
    size_t at = 4;

    packet[0] = 'M';
    memcpy(packet + 1, &fd, 2);
    packet[3] = (uint8_t)count;
    for (size_t i = 0; i < count; i++) {
        fd = (uint16_t)fds[i];
        memcpy(packet + at, &fd, 2);
        at += 2;
    }
    memcpy(packet + at, p, n);
    tell(packet, at + n);
}

static void heard(void *ctx, uint32_t events)
{
    static uint8_t packet[PACKET];
    struct ear *ear = ctx;
    int fd = ear->watch.fd;
    int fds[FDS];
    size_t count;
    ssize_t n = receive_packet(fd, packet, sizeof packet, fds, &count);

    (void)events;
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        loop_del(&ear->mole->child.loop, &ear->watch);
    tell_message(fd, packet, n > 0 ? (size_t)n : 0, fds, count);
}

static void listen_to(struct mole *m, int fd)
{
    struct ear *ear = &m->ear[(unsigned int)fd % WATCHES];

    ear->mole = m;
    (void)loop_add(&m->child.loop, &ear->watch, fd, EPOLLIN, heard, ear);
}

/* ---- orders ---- */

struct order {
    const uint8_t *p;
    size_t n;
};

static uint64_t take(struct order *o, size_t octets)
{
    uint64_t v = 0;

    if (octets > o->n)
        return 0;
    memcpy(&v, o->p, octets);
    o->p += octets;
    o->n -= octets;
    return v;
}

static void order_send(struct mole *m, struct order *o)
{
    int fd = (int)take(o, 2);
    uint32_t times = (uint32_t)take(o, 4);
    size_t count = take(o, 1);
    int fds[FDS];
    uint32_t sent = 0;
    int error = 0;

    (void)m;
    for (size_t i = 0; i < count; i++)
        fds[i % FDS] = (int)take(o, 2);
    while (sent < times && send_packet(fd, o->p, o->n, fds, count < FDS ? count : FDS))
        sent++;
    if (sent < times)
        error = errno;
    done((long)sent, error);
}

static void order_close(struct mole *m, struct order *o)
{
    int fd = (int)take(o, 2);

    if (m->ear[(unsigned int)fd % WATCHES].watch.fd == fd)
        loop_del(&m->child.loop, &m->ear[(unsigned int)fd % WATCHES].watch);
    done(close(fd), errno);
}

static void order_pair(struct mole *m, struct order *o)
{
    int fds[2] = {-1, -1};

    (void)m;
    (void)o;
    (void)socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
    done(fds[0], fds[1]);
}

static void order_connect(struct mole *m, struct order *o)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)take(o, 2)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = 0;

    (void)m;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        error = errno;
    done(fd, error);
}

static void order_accept(struct mole *m, struct order *o)
{
    int fd = accept4((int)take(o, 2), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)m;
    done(fd, fd < 0 ? errno : 0);
}

static void order_watch(struct mole *m, struct order *o)
{
    listen_to(m, (int)take(o, 2));
    done(0, 0);
}

static void order_ignore(struct mole *m, struct order *o)
{
    loop_del(&m->child.loop, &m->ear[take(o, 2) % WATCHES].watch);
    done(0, 0);
}

static void order_call(struct mole *m, struct order *o)
{
    long a[7];
    long result;

    (void)m;
    for (size_t i = 0; i < 7; i++)
        a[i] = (long)take(o, 8);
    result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    done(result, result < 0 ? errno : 0);
}

static const struct {
    char letter;
    void (*act)(struct mole *m, struct order *o);
} acts[] = {
    {'S', order_send},   {'C', order_close}, {'P', order_pair},   {'T', order_connect},
    {'A', order_accept}, {'W', order_watch}, {'I', order_ignore}, {'Y', order_call},
};

static void ordered(void *ctx, uint32_t events)
{
    static uint8_t packet[PACKET];
    struct mole *m = ctx;
    int fds[FDS];
    size_t count;
    ssize_t n = receive_packet(ORDERS_FD, packet, sizeof packet, fds, &count);
    struct order o = {packet + 1, n > 0 ? (size_t)n - 1 : 0};

    (void)events;
    if (n == 0)
        loop_stop(&m->child.loop); /* the test is over */
    for (size_t i = 0; n > 0 && i < sizeof acts / sizeof acts[0]; i++) {
        if (acts[i].letter == (char)packet[0])
            acts[i].act(m, &o);
    }
}

/* ---- what every role does ---- */

static bool open_listener(struct mole *m, const struct msg_endpoint *e)
{
    struct sockaddr_storage ss;
    socklen_t len = endpoint_to_sockaddr(e, &ss);
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint8_t packet[3] = {'L', (uint8_t)fd, 0};
    int one = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&ss, len) != 0 || listen(fd, 64) != 0)
        return false;
    child_keep(&m->child, fd);
    tell(packet, sizeof packet);
    return true;
}

static bool init_broker(struct mole *m, const uint8_t *config, size_t n)
{
    if (!broker_config_decode(config, n, &m->broker))
        return false;
    for (size_t i = 0; i < m->broker.route_count; i++) {
        const struct broker_route *r = &m->broker.route[i];

        for (size_t k = 0; k < r->listen_count; k++) {
            if (!open_listener(m, &r->listen[k]))
                return false;
        }
        for (size_t k = 0; k < r->target_count; k++)
            child_dials(&m->child, r->target[k].port);
    }
    return true;
}

static bool init(struct child *c, const uint8_t *config, size_t n)
{
    struct mole *m = (struct mole *)c;

    for (size_t i = 0; i < WATCHES; i++)
        m->ear[i].watch.fd = -1;
    c->max_fds = 256;
    return (self != ROLE_BROKER || init_broker(m, config, n)) &&
           loop_add(&c->loop, &m->orders, ORDERS_FD, EPOLLIN, ordered, m);
}

static void start(struct child *c)
{
    (void)c;
    tell("R", 1);
}

static void channel(struct child *c, enum role peer, uint32_t id, int fd)
{
    uint8_t packet[8] = {'H', (uint8_t)peer};
    uint16_t number = (uint16_t)fd;

    memcpy(packet + 2, &id, 4);
    memcpy(packet + 6, &number, 2);
    tell(packet, sizeof packet);
    listen_to((struct mole *)c, fd);
}

static enum imsg_status message(struct child *c, struct imsg *m)
{
    static uint8_t packet[IMSG_SIZE_MAX];
    uint16_t length = (uint16_t)m->len;

    memcpy(packet, &m->type, 2);
    memcpy(packet + 2, &length, 2);
    memcpy(packet + 4, m->payload, m->len);
    tell_message(c->control.fd, packet, 4 + m->len, NULL, 0);
    return IMSG_OK;
}

static void stop(struct child *c)
{
    loop_stop(&c->loop);
}

/* The test that listens at this name, or -1. */
static int find_orders(const char *folder, const char *name, const char *number)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int size = 4 * 1024 * 1024;

    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/orders-%s%s%s", folder, name,
                   number ? "-" : "", number ? number : "");
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

int main(int argc, char **argv)
{
    static const char prefix[] = "gate104-";
    static struct mole mole;
    static struct child_ops ops = {.init = init,
                                   .start = start,
                                   .channel = channel,
                                   .message = message,
                                   .stop = stop};
    const char *name = argc >= 4 ? strrchr(argv[0], '/') : NULL;
    char folder[100];
    char real[200];
    int fd;

    _Static_assert(offsetof(struct mole, child) == 0, "callbacks get the child");
    if (!name || strncmp(name + 1, prefix, sizeof prefix - 1) != 0)
        return 2;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(name - argv[0]), argv[0]);
    (void)snprintf(real, sizeof real, "%s/real%s", folder, name);
    name += sizeof prefix;
    fd = find_orders(folder, name, argv[1]);
    fd = fd >= 0 ? fd : find_orders(folder, name, NULL);
    if (fd < 0) {
        (void)execv(real, argv);
        return 3;
    }
    (void)dup2(fd, ORDERS_FD);
    (void)close(fd);
    while (self < ROLE_COUNT && strcmp(role_name(self), name) != 0)
        self++;
    ops.role = self;
    return child_main(argc, argv, &ops, &mole.child);
}
