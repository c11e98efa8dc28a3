#include "proxy/audit_ship.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Work of one turn: evidence that arrives meanwhile waits no longer than this takes. */
#define TURN_MESSAGES 8u
#define TURN_LINES    32u

#define SOON_MS     1u /* there is more to send */
#define FULL_MS     2u /* the receiver has no room; twice as long each time */
#define FULL_MAX_MS 100u
#define LOOK_MS     50u /* has the receiver read what was sent? */
#define CALM_MS     1000u

void audit_ship_begin(struct audit_ship *s, int dir_fd, const struct ship_config *c,
                      const char *host, const char *boot, uint64_t now_ms)
{
    memset(s, 0, sizeof *s);
    s->config = *c;
    (void)snprintf(s->host, sizeof s->host, "%s", host);
    (void)snprintf(s->boot, sizeof s->boot, "%s", boot);
    s->began_ms = now_ms;
    s->socket = -1;
    s->asked = true; /* the monitor sends the first one by itself */
    audit_follow_init(&s->from, dir_fd);
    audit_ship_state_open(&s->state, dir_fd, &s->delivered);
    s->sent = s->delivered;
    audit_follow_seek(&s->from, &s->delivered);
}

void audit_ship_end(struct audit_ship *s)
{
    if (s->socket >= 0)
        (void)close(s->socket);
    s->socket = -1;
    audit_follow_close(&s->from);
    audit_ship_state_close(&s->state);
}

bool audit_ship_done(const struct audit_ship *s, uint64_t last_seq)
{
    return s->config.what == SHIP_OFF || s->delivered.seq >= last_seq;
}

/* ---- the socket ---- */

/* Back to what the receiver has read for certain. */
static void rewind_flight(struct audit_ship *s)
{
    s->in_flight = 0;
    s->have_line = false;
    s->sent = s->delivered;
    audit_follow_seek(&s->from, &s->delivered);
}

static void socket_lost(struct audit_ship *s)
{
    if (s->socket >= 0)
        (void)close(s->socket);
    s->socket = -1;
    rewind_flight(s);
}

void audit_ship_socket(struct audit_ship *s, int fd)
{
    if (s->socket >= 0) {
        (void)close(s->socket);
        rewind_flight(s);
    }
    s->socket = fd;
    s->asked = false;
    s->most = s->config.size_max;
}

/* False with errno. */
static bool send_datagram(struct audit_ship *s, const void *p, size_t n)
{
    struct iovec iov = {(void *)(uintptr_t)p, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t sent;

    do {
        sent = sendmsg(s->socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

static bool no_room(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

/* ---- what was read ---- */

static void delivered_all(struct audit_ship *s)
{
    s->delivered = s->sent;
    s->in_flight = 0;
    (void)audit_ship_state_save(&s->state, &s->delivered);
}

/* When nothing of what was sent is left in the receiver's socket, it was either read, or
 * thrown away with the socket.  An empty datagram that it still takes tells which. */
static void look_what_was_read(struct audit_ship *s)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof memory;

    if (s->in_flight == 0 || s->socket < 0)
        return;
    if (getsockopt(s->socket, SOL_SOCKET, SO_MEMINFO, memory, &size) == 0 &&
        memory[SK_MEMINFO_WMEM_ALLOC] > 0)
        return;
    if (send_datagram(s, "", 0))
        delivered_all(s);
    else if (!no_room(errno))
        socket_lost(s);
}

/* ---- sending ---- */

static uint64_t born_ms(const struct audit_ship *s, const struct audit_envelope *e)
{
    return strcmp(e->boot, s->boot) == 0 ? e->mono_ms : s->began_ms;
}

static void tell_break(struct audit_ship *s)
{
    struct record r;

    if (!s->tell)
        return;
    record_begin(&r, EVENT_SHIP_GAP, 0, false);
    if (s->from.missing > 0)
        record_u64(&r, RECORD_COUNT, s->from.missing);
    record_text(&r, RECORD_DETAIL,
                "records that were not shipped are not in the log's files any more");
    s->tell(s->ctx, &r);
}

/* Makes the next wanted line the one to send; false when there is none for now. */
static bool have_line(struct audit_ship *s, uint64_t limit, unsigned int *lines)
{
    for (; !s->have_line && *lines > 0; (*lines)--) {
        enum audit_follow_result got = audit_follow_next(&s->from, limit, &s->line);

        if (got == AUDIT_FOLLOW_NONE)
            return false;
        if (got == AUDIT_FOLLOW_BREAK)
            tell_break(s);
        else
            s->have_line = audit_syslog_wanted(s->config.what, &s->line);
        if (!s->have_line)
            s->sent = s->from.at; /* passed over */
    }
    return s->have_line;
}

/* False: not now, or not by this socket. */
static bool send_line(struct audit_ship *s)
{
    char message[AUDIT_SYSLOG_MAX];
    size_t n =
        audit_syslog_format(&s->line, s->host, s->config.enterprise, s->most, message);

    if (send_datagram(s, message, n)) {
        if (s->in_flight++ == 0)
            s->flight_ms = born_ms(s, &s->line.head);
        s->sent = s->from.at;
        s->have_line = false;
        return true;
    }
    if (errno == EMSGSIZE && s->most > SHIP_SIZE_MIN)
        s->most = s->most / 2 > SHIP_SIZE_MIN ? s->most / 2 : SHIP_SIZE_MIN;
    else if (!no_room(errno))
        socket_lost(s);
    return false;
}

/* ---- alarm ---- */

static void tell_lag(struct audit_ship *s, uint64_t age_ms, uint64_t behind)
{
    struct record r;

    s->lagging = !s->lagging;
    if (!s->tell)
        return;
    record_begin(&r, s->lagging ? EVENT_SHIP_LAG : EVENT_SHIP_RESUMED, 0, false);
    if (s->lagging) {
        record_u64(&r, RECORD_COUNT, behind);
        record_u64(&r, RECORD_DURATION_MS, age_ms);
        record_text(&r, RECORD_DETAIL, "syslog does not take the records; they wait");
    } else {
        record_text(&r, RECORD_DETAIL, "syslog has the records that waited");
    }
    s->tell(s->ctx, &r);
}

static void watch_age(struct audit_ship *s, uint64_t limit, uint64_t now_ms)
{
    bool waiting = s->in_flight > 0 || s->have_line;
    uint64_t born = s->in_flight > 0 ? s->flight_ms : born_ms(s, &s->line.head);
    uint64_t age = waiting && now_ms > born ? now_ms - born : 0;
    bool late = age > (uint64_t)s->config.lag_s * 1000u;

    if (late && !s->lagging)
        tell_lag(s, age, limit > s->delivered.seq ? limit - s->delivered.seq : 0);
    else if (!waiting && s->lagging)
        tell_lag(s, 0, 0);
}

/* ---- turns ---- */

static uint64_t pause_of(const struct audit_ship *s, bool more)
{
    if (s->socket < 0)
        return CALM_MS;
    if (s->stuck)
        return s->full_ms;
    if (more)
        return SOON_MS;
    return s->in_flight > 0 ? LOOK_MS : CALM_MS;
}

static void send_some(struct audit_ship *s, uint64_t limit, unsigned int *lines)
{
    unsigned int sent = 0;

    s->stuck = s->socket < 0;
    while (have_line(s, limit, lines) && !s->stuck && sent++ < TURN_MESSAGES)
        s->stuck = s->in_flight == AUDIT_SHIP_WINDOW || !send_line(s);
    if (!s->stuck || sent > 1 || s->full_ms == 0)
        s->full_ms = FULL_MS;
    else if (s->full_ms < FULL_MAX_MS)
        s->full_ms *= 2;
}

uint64_t audit_ship_turn(struct audit_ship *s, uint64_t limit, uint64_t now_ms)
{
    unsigned int lines = TURN_LINES;

    look_what_was_read(s);
    send_some(s, limit, &lines);
    if (s->in_flight == 0 && s->sent.seq != s->delivered.seq)
        delivered_all(s); /* what was passed over */
    if (s->socket < 0 && !s->asked && s->ask)
        s->asked = s->ask(s->ctx);
    watch_age(s, limit, now_ms);
    return pause_of(s, s->have_line || lines == 0);
}
