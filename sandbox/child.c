#include "sandbox/child.h"

#include "sandbox/enter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long the monitor may take to send a whole configuration. */
#define CONFIG_TIMEOUT_MS 10000

#ifdef GATE104_SAN
/* The leak checker wants to trace the process, which a role never allows. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

void child_log(struct child *c, const char *fmt, ...)
{
    char line[NOTE_MAX + 1];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n <= 0)
        return;
    n = n < (int)sizeof line ? n : (int)sizeof line - 1;
    (void)imsg_send(&c->control, MSG_NOTE, line, (size_t)n, NULL, 0);
}

void child_keep(struct child *c, int fd)
{
    if (c->keep_count == c->keep_size) {
        size_t size = c->keep_size ? 2 * c->keep_size : 32;
        int *keep = realloc(c->keep, size * sizeof *keep);

        if (!keep) {
            c->keep_failed = true;
            return;
        }
        c->keep = keep;
        c->keep_size = size;
    }
    c->keep[c->keep_count++] = fd;
}

void child_dials(struct child *c, uint16_t port)
{
    if (c->port_count == c->port_size) {
        size_t size = c->port_size ? 2 * c->port_size : 16;
        uint16_t *all = realloc(c->port, size * sizeof *all);

        if (!all) {
            c->keep_failed = true;
            return;
        }
        c->port = all;
        c->port_size = size;
    }
    c->port[c->port_count++] = port;
}

void child_violation(struct child *c, struct imsg_channel *ch, struct loop_watch *w)
{
    struct msg_violation v = {.role = (uint8_t)ch->peer,
                              .fault = (uint8_t)ch->fault,
                              .type = ch->fault_type,
                              .id = ch->peer_id};

    child_log(c, "%s-%u broke the message catalogue: %s (message %u, %s)",
              role_name(ch->peer), ch->peer_id, imsg_fault_name(ch->fault),
              ch->fault_type, imsg_name(ch->fault_type));
    if (w)
        loop_del(&c->loop, w);
    imsg_channel_close(ch);
    (void)imsg_send(&c->control, MSG_VIOLATION, &v, sizeof v, NULL, 0);
}

/* Waits for the next message of the monitor, before there is a loop to wait in. */
static enum imsg_status recv_blocking(struct child *c, uint64_t deadline)
{
    for (;;) {
        enum imsg_status s = imsg_recv(&c->control, &c->scratch);
        uint64_t now = monotonic_ms();
        struct pollfd p = {.fd = c->control.fd, .events = POLLIN};

        if (s != IMSG_AGAIN)
            return s;
        if (now >= deadline)
            return IMSG_CLOSED;
        (void)poll(&p, 1, (int)(deadline - now));
    }
}

/* Takes CFG_BEGIN and CFG_DATA.  NULL when the monitor is gone or errs. */
static uint8_t *receive_config(struct child *c, size_t *size)
{
    uint64_t deadline = monotonic_ms() + CONFIG_TIMEOUT_MS;
    struct msg_cfg_begin begin;
    size_t have = 0;
    uint8_t *cfg;

    if (recv_blocking(c, deadline) != IMSG_OK || c->scratch.type != MSG_CFG_BEGIN)
        return NULL;
    imsg_get(&c->scratch, &begin, sizeof begin);
    if (begin.size == 0 || begin.size > CFG_SIZE_MAX || !(cfg = malloc(begin.size)))
        return NULL;
    while (have < begin.size) {
        if (recv_blocking(c, deadline) != IMSG_OK || c->scratch.type != MSG_CFG_DATA ||
            c->scratch.len > begin.size - have) {
            free(cfg);
            return NULL;
        }
        memcpy(cfg + have, c->scratch.payload, c->scratch.len);
        have += c->scratch.len;
    }
    *size = have;
    return cfg;
}

static void orphaned(struct child *c)
{
    if (c->ops->orphan)
        c->ops->orphan(c);
    loop_stop(&c->loop);
}

static enum imsg_status handle(struct child *c, struct imsg *m)
{
    struct msg_channel channel;

    switch (m->type) {
    case MSG_START:
        c->control.phase = PHASE_RUN;
        if (c->ops->start)
            c->ops->start(c);
        return IMSG_OK;
    case MSG_STOP: c->ops->stop(c); return IMSG_OK;
    case MSG_CHANNEL:
        imsg_get(m, &channel, sizeof channel);
        if (!c->ops->channel || !role_valid(channel.role) || channel.zero[0] != 0 ||
            channel.zero[1] != 0 || channel.zero[2] != 0)
            return imsg_reject(&c->control, m);
        c->ops->channel(c, (enum role)channel.role, channel.id, m->fds[0]);
        m->fd_count = 0;
        return IMSG_OK;
    default: break;
    }
    if (!c->ops->message)
        return imsg_reject(&c->control, m);
    return c->ops->message(c, m);
}

static void control_ready(void *ctx, uint32_t events)
{
    struct child *c = ctx;

    (void)events;
    /* Bounded, so that a talkative monitor cannot starve the sessions. */
    for (int budget = 16; budget > 0 && !c->loop.stopping; budget--) {
        enum imsg_status s = imsg_recv(&c->control, &c->scratch);

        if (s == IMSG_AGAIN)
            return;
        if (s == IMSG_OK)
            s = handle(c, &c->scratch);
        if (s == IMSG_OK)
            continue;
        if (s == IMSG_BAD)
            child_log(c, "the monitor broke the message catalogue: %s (message %u)",
                      imsg_fault_name(c->control.fault), c->control.fault_type);
        orphaned(c);
        return;
    }
}

static bool enter(struct child *c)
{
    struct sandbox_config sandbox = {
        .role = c->ops->role,
        .uid = c->uid,
        .gid = c->gid,
        .max_fds = c->max_fds,
        .port = c->port,
        .port_count = c->port_count,
        .folder = c->folder,
        .note_fd = CHILD_CONTROL_FD,
        .module = c->module,
        .moved = c->moved,
    };
    char err[160];

    child_keep(c, STDIN_FILENO);
    child_keep(c, STDOUT_FILENO);
    child_keep(c, STDERR_FILENO);
    child_keep(c, c->control.fd);
    child_keep(c, c->loop.epoll_fd);
    sandbox.keep = c->keep;
    sandbox.keep_count = c->keep_count;
    if (c->keep_failed)
        (void)snprintf(err, sizeof err, "out of memory");
    else if (sandbox_enter(&sandbox, err, sizeof err))
        return true;
    child_log(c, "%s", err);
    return false;
}

static bool parse_args(struct child *c, int argc, char **argv)
{
    unsigned long v[4] = {0};

    if (argc != 5)
        return false;
    for (int i = 0; i < 4; i++) {
        char *end;

        errno = 0;
        v[i] = strtoul(argv[i + 1], &end, 10);
        if (errno != 0 || end == argv[i + 1] || *end != '\0' || v[i] > UINT32_MAX)
            return false;
    }
    c->id = (uint32_t)v[0];
    c->uid = (uid_t)v[1];
    c->gid = (gid_t)v[2];
    c->moved = v[3] != 0;
    return true;
}

static bool set_up(struct child *c)
{
    size_t size = 0;
    uint8_t *cfg = receive_config(c, &size);
    bool good;

    if (!cfg) {
        child_log(c, "no configuration from the monitor");
        return false;
    }
    good = c->ops->init(c, cfg, size);
    free(cfg);
    return good && enter(c) &&
           loop_add(&c->loop, &c->control_watch, c->control.fd, EPOLLIN, control_ready,
                    c) &&
           imsg_send(&c->control, MSG_READY, NULL, 0, NULL, 0) == IMSG_OK;
}

int child_main(int argc, char **argv, const struct child_ops *ops, struct child *c)
{
    c->ops = ops;
    c->max_fds = ops->max_fds;
    (void)signal(SIGPIPE, SIG_IGN);
    /* What stops a role is STOP, so that a signal to all processes of a service or
     * terminal does not take the roles away before their sessions are closed and logged.
     */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    if (!parse_args(c, argc, argv)) {
        (void)fprintf(stderr, "gate104-%s is started by gate104d, not by hand\n",
                      role_name(ops->role));
        return 2;
    }
    (void)snprintf(c->name, sizeof c->name, "%s-%u", role_name(ops->role), c->id);
    tzset(); /* reads a file, which it cannot in the sandbox */
    imsg_channel_init(&c->control, CHILD_CONTROL_FD, ops->role, ROLE_MONITOR, 0,
                      PHASE_INIT);
    c->control_watch.fd = -1;
    if (!loop_init(&c->loop)) {
        child_log(c, "epoll: %s", strerror(errno));
        return 1;
    }
    if (!set_up(c))
        return 1;
    c->control.phase = PHASE_READY;
    loop_run(&c->loop);
    return 0;
}
