#include "sandbox/imsg.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    MON = 1 << ROLE_MONITOR,
    BROKER = 1 << ROLE_BROKER,
    TLS = 1 << ROLE_TLS,
    GATE = 1 << ROLE_GATE,
    SIGNER = 1 << ROLE_SIGNER,
    AUDIT = 1 << ROLE_AUDIT,
    FETCHER = 1 << ROLE_FETCHER,
    ROLES = BROKER | TLS | GATE | SIGNER | AUDIT | FETCHER,
};

const struct imsg_row imsg_catalogue[] = {
#define X(name, number, from, to, min, max, phases, once, fds)                           \
    {(number), (from), (to), (min), (max), (phases), (once), (fds), #name},
#include "sandbox/messages.def"
#undef X
};

const size_t imsg_catalogue_size = sizeof imsg_catalogue / sizeof imsg_catalogue[0];

#define X(name, number, from, to, min, max, phases, once, fds)                           \
    static_assert((number) > 0 && (number) < 128, #name " fits imsg_channel.seen");      \
    static_assert((min) <= (max) && (max) <= IMSG_PAYLOAD_MAX, #name " fits a packet");
#include "sandbox/messages.def"
#undef X

const struct imsg_row *imsg_row(unsigned int type)
{
    for (size_t i = 0; i < imsg_catalogue_size; i++) {
        if (imsg_catalogue[i].type == type)
            return &imsg_catalogue[i];
    }
    return NULL;
}

const char *imsg_name(unsigned int type)
{
    const struct imsg_row *row = imsg_row(type);

    return row ? row->name : "unknown";
}

const char *imsg_fault_name(unsigned int fault)
{
    static const char *const names[] = {
        [IMSG_FAULT_NONE] = "none",
        [IMSG_FAULT_TYPE] = "unknown-type",
        [IMSG_FAULT_DIRECTION] = "wrong-direction",
        [IMSG_FAULT_LENGTH] = "wrong-length",
        [IMSG_FAULT_PHASE] = "wrong-phase",
        [IMSG_FAULT_TWICE] = "sent-twice",
        [IMSG_FAULT_DESCRIPTORS] = "wrong-descriptors",
        [IMSG_FAULT_FIELD] = "bad-field",
    };

    return fault < sizeof names / sizeof names[0] ? names[fault] : "unknown";
}

void imsg_channel_init(struct imsg_channel *ch, int fd, enum role self, enum role peer,
                       uint32_t peer_id, unsigned int phase)
{
    memset(ch, 0, sizeof *ch);
    ch->fd = fd;
    ch->self = self;
    ch->peer = peer;
    ch->peer_id = peer_id;
    ch->phase = phase;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

void imsg_channel_close(struct imsg_channel *ch)
{
    if (ch->fd >= 0)
        (void)close(ch->fd);
    ch->fd = -1;
}

bool imsg_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) ==
           0;
}

static enum imsg_status send_parts(struct imsg_channel *ch, struct iovec iov[3],
                                   const int *fds, unsigned int fd_count)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(int) * IMSG_FDS_MAX)];
    } control;
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};
    ssize_t sent;

    if (fd_count > 0) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof control);
        msg.msg_control = control.buf;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    do {
        sent = sendmsg(ch->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return IMSG_OK;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
                   errno == ENOMEM || errno == ETOOMANYREFS
               ? IMSG_AGAIN
               : IMSG_CLOSED;
}

/* What the sender itself must keep: its row, its length, its descriptors. */
static void assert_row(const struct imsg_channel *ch, enum imsg_type type, size_t len,
                       unsigned int fd_count)
{
    const struct imsg_row *row = imsg_row(type);

    assert(row && (row->from & (1u << ch->self)) && (row->to & (1u << ch->peer)));
    assert(row && len >= row->min && len <= row->max && strlen(row->fds) == fd_count);
    (void)row;
    (void)ch;
    (void)len;
    (void)fd_count;
}

static enum imsg_status send_message(struct imsg_channel *ch, enum imsg_type type,
                                     struct iovec *body, const int *fds,
                                     unsigned int fd_count)
{
    size_t len = body[0].iov_len + body[1].iov_len;
    uint16_t header[2] = {(uint16_t)type, (uint16_t)len};
    struct iovec iov[3] = {{header, sizeof header}, body[0], body[1]};

    static_assert(sizeof header == IMSG_HEADER_SIZE, "header on the wire");
    /* A channel that was never there has no roles to go by. */
    if (ch->fd < 0)
        return IMSG_CLOSED;
    assert_row(ch, type, len, fd_count);
    return send_parts(ch, iov, fds, fd_count);
}

enum imsg_status imsg_send(struct imsg_channel *ch, enum imsg_type type,
                           const void *payload, size_t len, const int *fds,
                           unsigned int fd_count)
{
    struct iovec body[2] = {{(void *)(uintptr_t)payload, len}, {NULL, 0}};

    return send_message(ch, type, body, fds, fd_count);
}

enum imsg_status imsg_send2(struct imsg_channel *ch, enum imsg_type type,
                            const void *head, size_t head_len, const void *tail,
                            size_t tail_len)
{
    struct iovec body[2] = {{(void *)(uintptr_t)head, head_len},
                            {(void *)(uintptr_t)tail, tail_len}};

    return send_message(ch, type, body, NULL, 0);
}

void imsg_drop_fds(struct imsg *m)
{
    for (unsigned int i = 0; i < m->fd_count; i++)
        (void)close(m->fds[i]);
    m->fd_count = 0;
}

/* Takes the descriptors of a received packet.  False when there are more than any message
 * may carry; then all of them are closed. */
static bool collect_fds(struct msghdr *msg, struct imsg *m)
{
    bool good = (msg->msg_flags & MSG_CTRUNC) == 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t count;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (m->fd_count < IMSG_FDS_MAX) {
                m->fds[m->fd_count++] = fd;
            } else {
                (void)close(fd);
                good = false;
            }
        }
    }
    return good;
}

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

static bool fd_is_kind(int fd, char kind)
{
    int domain = socket_option(fd, SO_DOMAIN);

    if (socket_option(fd, SO_ACCEPTCONN) != 0)
        return false; /* it listens */
    if (kind == 'U' || kind == 'G')
        return domain == AF_UNIX &&
               socket_option(fd, SO_TYPE) == (kind == 'U' ? SOCK_SEQPACKET : SOCK_DGRAM);
    return (domain == AF_INET || domain == AF_INET6) &&
           socket_option(fd, SO_PROTOCOL) == IPPROTO_TCP;
}

static bool fds_fit(const struct imsg *m, const char *kinds)
{
    if (strlen(kinds) != m->fd_count)
        return false;
    for (unsigned int i = 0; i < m->fd_count; i++) {
        if (!fd_is_kind(m->fds[i], kinds[i]))
            return false;
    }
    return true;
}

static enum imsg_fault check(struct imsg_channel *ch, const struct imsg *m, bool fds_good)
{
    const struct imsg_row *row = imsg_row(m->type);

    if (!row)
        return IMSG_FAULT_TYPE;
    if (!(row->from & (1u << ch->peer)) || !(row->to & (1u << ch->self)))
        return IMSG_FAULT_DIRECTION;
    if (m->len < row->min || m->len > row->max)
        return IMSG_FAULT_LENGTH;
    if (!(row->phases & ch->phase))
        return IMSG_FAULT_PHASE;
    if (row->once && (ch->seen[m->type / 64] >> (m->type % 64) & 1u))
        return IMSG_FAULT_TWICE;
    if (!fds_good || !fds_fit(m, row->fds))
        return IMSG_FAULT_DESCRIPTORS;
    ch->seen[m->type / 64] |= UINT64_C(1) << (m->type % 64);
    return IMSG_FAULT_NONE;
}

static enum imsg_status fail(struct imsg_channel *ch, struct imsg *m, enum imsg_fault why)
{
    imsg_drop_fds(m);
    ch->fault = why;
    ch->fault_type = m->type;
    return IMSG_BAD;
}

/* A sender that closed while it had mail of ours unread leaves one ECONNRESET in front of
 * what it sent before. */
static ssize_t receive(int fd, struct msghdr *msg)
{
    ssize_t n = -1;

    for (int tries = 0; tries < 8; tries++) {
        n = recvmsg(fd, msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n >= 0 || (errno != EINTR && errno != ECONNRESET))
            break;
    }
    return n;
}

enum imsg_status imsg_recv(struct imsg_channel *ch, struct imsg *m)
{
    union {
        struct cmsghdr align;
        /* Room for more than is allowed, so that too many are seen and closed. */
        char buf[CMSG_SPACE(sizeof(int) * (IMSG_FDS_MAX + 6))];
    } control;
    uint16_t header[2] = {0, 0};
    struct iovec iov[2] = {{header, sizeof header}, {m->payload, sizeof m->payload}};
    struct msghdr msg = {.msg_iov = iov,
                         .msg_iovlen = 2,
                         .msg_control = control.buf,
                         .msg_controllen = sizeof control.buf};
    enum imsg_fault fault;
    bool fds_good;
    ssize_t n;

    m->type = 0;
    m->len = 0;
    m->fd_count = 0;
    if (ch->fd < 0)
        return IMSG_CLOSED;
    n = receive(ch->fd, &msg);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? IMSG_AGAIN : IMSG_CLOSED;
    fds_good = collect_fds(&msg, m);
    if (n == 0 && m->fd_count == 0)
        return IMSG_CLOSED;
    if ((size_t)n < IMSG_HEADER_SIZE)
        return fail(ch, m, IMSG_FAULT_LENGTH);
    /* The type first, so that the report of any other fault can name it. */
    m->type = header[0];
    m->len = (size_t)n - IMSG_HEADER_SIZE;
    if ((msg.msg_flags & MSG_TRUNC) || header[1] != m->len)
        return fail(ch, m, IMSG_FAULT_LENGTH);
    fault = check(ch, m, fds_good);
    return fault == IMSG_FAULT_NONE ? IMSG_OK : fail(ch, m, fault);
}

void imsg_get(const struct imsg *m, void *out, size_t size)
{
    assert(size <= m->len);
    memcpy(out, m->payload, size);
}

enum imsg_status imsg_reject(struct imsg_channel *ch, struct imsg *m)
{
    return fail(ch, m, IMSG_FAULT_FIELD);
}
