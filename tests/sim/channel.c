#include "tests/sim/channel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WRITES_PER_FLUSH 256

static void fail(struct sim_channel *c, const char *why)
{
    if (c->state == SIM_CLOSED)
        return;
    if (why != NULL)
        snprintf(c->why, sizeof c->why, "%s", why);
    c->state = SIM_CLOSED;
}

bool sim_channel_open(struct sim_channel *c, int fd, bool connecting,
                      struct sim_tls_context *tls)
{
    int on = 1;

    memset(c, 0, sizeof *c);
    c->fd = fd;
    c->state = connecting ? SIM_CONNECTING : tls != NULL ? SIM_HANDSHAKE : SIM_OPEN;
    c->events = tls != NULL && !connecting ? POLLIN : POLLOUT;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tls != NULL)
        c->tls = sim_tls_new(tls, fd);
    return tls == NULL || c->tls != NULL;
}

void sim_channel_close(struct sim_channel *c, bool reset)
{
    struct linger rst = {.l_onoff = 1, .l_linger = 0};

    if (c->fd < 0)
        return;
    if (c->tls != NULL && c->state == SIM_OPEN && !reset)
        sim_tls_goodbye(c->tls);
    sim_tls_free(c->tls);
    c->tls = NULL;
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &rst, sizeof rst);
    close(c->fd);
    c->fd = -1;
    c->state = SIM_CLOSED;
}

bool sim_channel_idle(const struct sim_channel *c)
{
    return c->out_n == 0 && c->chunk_at == c->chunk_n;
}

void sim_channel_linger(struct sim_channel *c, int ms)
{
    uint8_t rest[4096];

    if (c->state != SIM_OPEN)
        return;
    if (c->tls != NULL)
        sim_tls_goodbye(c->tls);
    shutdown(c->fd, SHUT_WR);
    for (int i = 0; i < ms / 10; i++) {
        struct pollfd fd = {.fd = c->fd, .events = POLLIN};

        poll(&fd, 1, 10);
        if (fd.revents != 0 && recv(c->fd, rest, sizeof rest, 0) <= 0)
            break;
    }
    c->state = SIM_CLOSED;
}

short sim_channel_events(const struct sim_channel *c)
{
    short events = 0;

    if (c->state != SIM_OPEN)
        return c->events;
    if (c->in_n < sizeof c->in)
        events |= POLLIN;
    if (!sim_channel_idle(c))
        events |= c->events;
    return events;
}

bool sim_channel_ready(const struct sim_channel *c)
{
    /* The record reader waits for the raw socket even if decrypted octets wait inside. */
    return c->state == SIM_OPEN && c->tls != NULL && !c->record_reader &&
           c->in_n < sizeof c->in && sim_tls_pending(c->tls) > 0;
}

bool sim_channel_room(const struct sim_channel *c)
{
    return sizeof c->out - c->out_n >= SIM_APDU_MAX + 2u;
}

bool sim_channel_put(struct sim_channel *c, const uint8_t *octets, size_t n)
{
    if (n == 0 || n > SIM_APDU_MAX || !sim_channel_room(c))
        return false;
    if (c->mute)
        return true;
    c->out[c->out_n] = (uint8_t)n;
    memcpy(c->out + c->out_n + 1, octets, n);
    c->out_n += n + 1u;
    return true;
}

/* Moves queued APDUs into the chunk: one for a TLS record, many for a TCP segment. */
static void fill_chunk(struct sim_channel *c)
{
    size_t at = 0;

    c->chunk_n = c->chunk_at = 0;
    while (at < c->out_n && c->out[at] <= sizeof c->chunk - c->chunk_n) {
        memcpy(c->chunk + c->chunk_n, c->out + at + 1, c->out[at]);
        c->chunk_n += c->out[at];
        at += c->out[at] + 1u;
        if (c->tls != NULL && !c->batch)
            break;
    }
    memmove(c->out, c->out + at, c->out_n - at);
    c->out_n -= at;
}

static enum sim_io write_chunk(struct sim_channel *c, char *why, size_t n)
{
    ssize_t done;

    if (c->tls != NULL) {
        enum sim_io r = sim_tls_write(c->tls, c->chunk, c->chunk_n, why, n);

        c->chunk_at = r == SIM_IO_DONE ? c->chunk_n : 0;
        return r;
    }
    done = send(c->fd, c->chunk + c->chunk_at, c->chunk_n - c->chunk_at, MSG_NOSIGNAL);
    if (done >= 0) {
        c->chunk_at += (size_t)done;
        return SIM_IO_DONE;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return SIM_IO_WANT_WRITE;
    snprintf(why, n, "write: %s", strerror(errno));
    return SIM_IO_ERROR;
}

void sim_channel_flush(struct sim_channel *c)
{
    char why[160] = "connection closed by the peer";

    if (c->state != SIM_OPEN)
        return;
    for (int i = 0; i < WRITES_PER_FLUSH && !sim_channel_idle(c); i++) {
        enum sim_io r;

        if (c->chunk_at == c->chunk_n)
            fill_chunk(c);
        r = write_chunk(c, why, sizeof why);
        c->events = r == SIM_IO_WANT_READ ? POLLIN : POLLOUT;
        if (r == SIM_IO_WANT_READ || r == SIM_IO_WANT_WRITE)
            return;
        if (r != SIM_IO_DONE) {
            /* What the peer sent before it went may still be read; reading ends it. */
            c->mute = true;
            c->out_n = c->chunk_n = c->chunk_at = 0;
        }
    }
}

static void connect_step(struct sim_channel *c)
{
    int e = 0;
    socklen_t n = sizeof e;
    char why[160];

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &n) != 0)
        e = errno;
    if (e != 0) {
        snprintf(why, sizeof why, "connect: %s", strerror(e));
        fail(c, why);
        return;
    }
    c->state = c->tls != NULL ? SIM_HANDSHAKE : SIM_OPEN;
}

static void handshake_step(struct sim_channel *c)
{
    char why[160] = "connection closed during the TLS handshake";

    switch (sim_tls_handshake(c->tls, why, sizeof why)) {
    case SIM_IO_DONE:
        c->state = SIM_OPEN;
        c->events = POLLOUT;
        break;
    case SIM_IO_WANT_READ: c->events = POLLIN; break;
    case SIM_IO_WANT_WRITE: c->events = POLLOUT; break;
    case SIM_IO_END:
    case SIM_IO_ERROR: fail(c, why); break;
    }
}

static enum sim_io read_some(struct sim_channel *c, size_t max, char *why, size_t n)
{
    size_t got = 0;
    ssize_t r;

    if (c->tls != NULL) {
        enum sim_io io = sim_tls_read(c->tls, c->in + c->in_n, max, &got, why, n);

        c->in_n += got;
        return io;
    }
    r = recv(c->fd, c->in + c->in_n, max, 0);
    if (r > 0) {
        c->in_n += (size_t)r;
        return SIM_IO_DONE;
    }
    if (r == 0)
        return SIM_IO_END;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return SIM_IO_WANT_READ;
    snprintf(why, n, "read: %s", strerror(errno));
    return SIM_IO_ERROR;
}

/* Counts the APDUs that begin in a record of n octets. */
static void count_record(struct sim_records *s, const uint8_t *octets, size_t n)
{
    size_t at = s->carry < n ? s->carry : n;
    uint64_t begun = 0;

    s->records++;
    s->carry -= at;
    while (at < n) {
        size_t size = n - at >= 2 ? octets[at + 1] + 2u : 2u;

        begun++;
        if (size > n - at)
            s->carry = size - (n - at);
        at += size < n - at ? size : n - at;
    }
    s->cut += s->carry > 0;
    s->most = begun > s->most ? begun : s->most;
}

/* Whole APDUs that lie decrypted and unread. */
static uint64_t count_waiting(struct sim_channel *c)
{
    uint8_t rest[SIM_RECORD_MAX];
    char why[8];
    size_t n = 0, at = 0;
    uint64_t whole = 0;

    if (sim_tls_pending(c->tls) == 0)
        return 0;
    sim_tls_peek(c->tls, rest, sizeof rest, &n, why, sizeof why);
    while (n - at >= 2 && rest[at + 1] + 2u <= n - at) {
        at += rest[at + 1] + 2u;
        whole++;
    }
    return whole;
}

/* The habit of a widely used stack: woken by the raw socket it takes one record, reads
 * the length octet, reads that APDU and no more, and goes back to waiting. */
static enum sim_io read_record(struct sim_channel *c, char *why, size_t n)
{
    uint8_t record[SIM_RECORD_MAX];
    enum sim_io io = SIM_IO_DONE;
    size_t got;
    uint64_t left;

    if (sim_tls_pending(c->tls) == 0) {
        io = sim_tls_peek(c->tls, record, sizeof record, &got, why, n);
        if (io != SIM_IO_DONE)
            return io;
        count_record(&c->seen, record, got);
    }
    for (int part = 0; part < 2 && io == SIM_IO_DONE; part++) {
        size_t whole = c->in_n < 2 ? 2u : c->in[1] + 2u;
        size_t pending = sim_tls_pending(c->tls);
        size_t max = whole > c->in_n ? whole - c->in_n : 0;

        max = max < pending ? max : pending;
        if (max > 0)
            io = read_some(c, max, why, n);
    }
    left = count_waiting(c);
    c->seen.waiting = left > c->seen.waiting ? left : c->seen.waiting;
    return io;
}

static void read_step(struct sim_channel *c)
{
    char why[160] = "connection closed by the peer";
    enum sim_io io = SIM_IO_DONE;

    if (c->in_n == sizeof c->in)
        return;
    if (c->record_reader && c->tls != NULL)
        io = read_record(c, why, sizeof why);
    else
        io = read_some(c, sizeof c->in - c->in_n, why, sizeof why);
    if (io == SIM_IO_END || io == SIM_IO_ERROR)
        fail(c, why);
}

void sim_channel_step(struct sim_channel *c, short revents)
{
    if (c->state == SIM_CONNECTING && revents != 0)
        connect_step(c);
    if (c->state == SIM_HANDSHAKE && (revents != 0 || c->tls != NULL))
        handshake_step(c);
    if (c->state != SIM_OPEN)
        return;
    if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0 || sim_channel_ready(c))
        read_step(c);
    sim_channel_flush(c);
}

int sim_channel_next(const struct sim_channel *c)
{
    return sim_apdu_size(c->in, c->in_n);
}

void sim_channel_consume(struct sim_channel *c, size_t n)
{
    memmove(c->in, c->in + n, c->in_n - n);
    c->in_n -= n;
}
