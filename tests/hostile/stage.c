#include "tests/hostile/stage.h"

#include "sandbox/loop.h"
#include "sandbox/spawn.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool complain(const struct stage *s, const char *what)
{
    (void)printf("# gate104-%s: %s; it says: %s\n", role_name(s->role), what,
                 s->note[0] ? s->note : "nothing");
    return false;
}

static uint64_t deadline_of(const struct stage *s)
{
    return monotonic_ms() + (uint64_t)(s->wait_ms > 0 ? s->wait_ms : WAIT_MS);
}

bool stage_spawn(struct stage *s)
{
    const struct passwd *pw = geteuid() == 0 ? getpwnam("nobody") : NULL;
    struct spawn_request r = {
        .uid = pw ? pw->pw_uid : 0, .gid = pw ? pw->pw_gid : 0, .control_fd = -1};
    char program[512];
    int pair[2];

    s->note[0] = '\0';
    (void)snprintf(program, sizeof program, "%s/gate104-%s", s->build,
                   role_name(s->role));
    if (!imsg_pair(pair))
        return complain(s, strerror(errno));
    r.program = program;
    r.control_fd = pair[1];
    s->pid = spawn_role(&r);
    (void)close(pair[1]);
    imsg_channel_init(&s->control, pair[0], ROLE_MONITOR, s->role, 0, PHASE_INIT);
    return s->pid > 0 || complain(s, "cannot be started");
}

static void keep_note(struct stage *s, const struct imsg *m)
{
    size_t n = m->len < sizeof s->note - 1 ? m->len : sizeof s->note - 1;

    memcpy(s->note, m->payload, n);
    s->note[n] = '\0';
}

/* The next message, after waiting for it; IMSG_AGAIN: none came in time. */
static enum imsg_status next(struct stage *s, struct imsg_channel *ch, uint64_t deadline,
                             struct imsg *m)
{
    for (;;) {
        struct pollfd wait = {.fd = ch->fd, .events = POLLIN};
        enum imsg_status status = imsg_recv(ch, m);
        uint64_t now = monotonic_ms();

        if (status == IMSG_OK && ch == &s->control && m->type == MSG_NOTE) {
            keep_note(s, m);
            continue;
        }
        if (status != IMSG_AGAIN || now >= deadline)
            return status;
        (void)poll(&wait, 1, (int)(deadline - now));
    }
}

bool stage_await(struct stage *s, struct imsg_channel *ch, unsigned int type,
                 struct imsg *m)
{
    uint64_t deadline = deadline_of(s);
    char what[80];

    for (;;) {
        enum imsg_status status = next(s, ch, deadline, m);

        if (status == IMSG_OK && m->type == type)
            return true;
        if (status == IMSG_OK) {
            imsg_drop_fds(m);
            continue;
        }
        (void)snprintf(what, sizeof what, "%s %s",
                       status == IMSG_AGAIN    ? "is silent, no"
                       : status == IMSG_CLOSED ? "closed, no"
                                               : "sent an illegal message, no",
                       imsg_name(type));
        return complain(s, what);
    }
}

bool stage_await_end(struct stage *s, struct imsg_channel *ch)
{
    uint64_t deadline = deadline_of(s);
    struct imsg m;

    for (;;) {
        enum imsg_status status = next(s, ch, deadline, &m);

        if (status == IMSG_CLOSED)
            return true;
        if (status != IMSG_OK)
            return complain(s, status == IMSG_AGAIN ? "did not close the channel"
                                                    : "sent an illegal message");
        imsg_drop_fds(&m);
    }
}

/* Sends all of it, waiting for room. */
static bool send_all(struct stage *s, unsigned int type, const void *p, size_t n)
{
    for (;;) {
        struct pollfd wait = {.fd = s->control.fd, .events = POLLOUT};
        enum imsg_status status =
            imsg_send(&s->control, (enum imsg_type)type, p, n, NULL, 0);

        if (status != IMSG_AGAIN)
            return status == IMSG_OK;
        if (poll(&wait, 1, WAIT_MS) != 1)
            return false;
    }
}

bool stage_configure(struct stage *s)
{
    struct msg_cfg_begin begin;
    struct imsg m;
    uint8_t *made = NULL;
    size_t size = s->config ? s->config_size : stage_config(s, &made);
    const uint8_t *cfg = s->config ? s->config : made;
    bool good;

    if (size == 0)
        return complain(s, "its configuration cannot be made");
    begin.size = (uint32_t)size;
    good = send_all(s, MSG_CFG_BEGIN, &begin, sizeof begin);
    for (size_t at = 0; good && at < size;) {
        size_t n = size - at < IMSG_PAYLOAD_MAX ? size - at : IMSG_PAYLOAD_MAX;

        good = send_all(s, MSG_CFG_DATA, cfg + at, n);
        at += n;
    }
    free(made);
    if (!good)
        return complain(s, "does not take its configuration");
    if (!stage_await(s, &s->control, MSG_READY, &m))
        return false;
    s->control.phase = PHASE_RUN;
    return true;
}

bool stage_start(struct stage *s)
{
    return send_all(s, MSG_START, NULL, 0) || complain(s, "does not take START");
}

bool stage_begin(struct stage *s, unsigned int phase)
{
    return stage_spawn(s) && (phase == PHASE_INIT || stage_configure(s)) &&
           (phase != PHASE_RUN || stage_start(s));
}

void stage_end(struct stage *s)
{
    imsg_channel_close(&s->control);
    if (s->pid <= 0)
        return;
    (void)kill(s->pid, SIGKILL);
    (void)waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

bool stage_is_alive(const struct stage *s)
{
    siginfo_t info = {0};

    if (s->pid <= 0 ||
        waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return false;
    if (info.si_pid != 0)
        (void)printf("# gate104-%s ended %s %d\n", role_name(s->role),
                     info.si_code == CLD_EXITED ? "with status" : "by signal",
                     info.si_status);
    return info.si_pid == 0;
}

bool stage_ended(struct stage *s)
{
    int status = 0;

    /* The control channel closes with the process. */
    if (!stage_await_end(s, &s->control))
        return complain(s, "did not end");
    if (waitpid(s->pid, &status, 0) != s->pid)
        return complain(s, strerror(errno));
    s->pid = 0;
    return WIFEXITED(status) || complain(s, "was ended by a signal");
}

bool stage_give_channel(struct stage *s, enum role peer, uint32_t id, int fd)
{
    struct msg_channel m = {.role = (uint8_t)peer, .id = id};

    return imsg_send(&s->control, MSG_CHANNEL, &m, sizeof m, &fd, 1) == IMSG_OK ||
           complain(s, "does not take a channel");
}

bool stage_channel(struct stage *s, enum role peer, uint32_t id,
                   struct imsg_channel *ours)
{
    int pair[2];
    bool good;

    if (!imsg_pair(pair))
        return complain(s, strerror(errno));
    good = stage_give_channel(s, peer, id, pair[1]);
    (void)close(pair[1]);
    imsg_channel_init(ours, pair[0], peer, s->role, 0, PHASE_RUN);
    return good;
}
