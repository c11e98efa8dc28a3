#include "tests/lib/prisoner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_MAX    600
#define FD_SEARCH   1024
#define ANSWER_MS   20000
#define DUP_ATTEMPT 4096

struct order {
    enum prisoner_order what;
    long arg;
};

struct report {
    pid_t pid;
    char err[200];
};

static long try_fork(void)
{
    pid_t pid = fork();

    if (pid < 0)
        return errno;
    if (pid == 0)
        _exit(0);
    (void)waitpid(pid, NULL, 0);
    return 0;
}

static long try_become_root(void)
{
    if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0)
        return 0;
    return errno;
}

static long count_fds(void)
{
    long n = 0;

    for (int fd = 0; fd < FD_SEARCH; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static long open_many(int channel)
{
    int fds[DUP_ATTEMPT];
    int n = 0;

    while (n < DUP_ATTEMPT && (fds[n] = dup(channel)) >= 0)
        n++;
    for (int i = 0; i < n; i++)
        (void)close(fds[i]);
    return n;
}

static long get_limit(int resource, bool hard)
{
    struct rlimit r;

    if (getrlimit((__rlimit_resource_t)resource, &r) != 0)
        return -1;
    return (long)(hard ? r.rlim_max : r.rlim_cur);
}

static long raise_limit(int resource)
{
    struct rlimit r = {1, 1};

    return setrlimit((__rlimit_resource_t)resource, &r) == 0 ? 0 : errno;
}

static long pipe_signal_ignored(void)
{
    struct sigaction act;

    return sigaction(SIGPIPE, NULL, &act) == 0 && act.sa_handler == SIG_IGN;
}

/* 1 if both are the same open file, as far as fstat() can tell. */
static long same_file(int a, int b)
{
    struct stat x;
    struct stat y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static long obey(int channel, const struct order *o)
{
    const gid_t root = 0;
    int value = -1;

    switch (o->what) {
    case PRISONER_DUMPABLE: return prctl(PR_GET_DUMPABLE);
    case PRISONER_DEATHSIG: return prctl(PR_GET_PDEATHSIG, &value) == 0 ? value : -1;
    case PRISONER_NONEWPRIVS: return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    case PRISONER_FORK: return try_fork();
    case PRISONER_BECOME_ROOT: return try_become_root();
    case PRISONER_TAKE_GROUP: return setgroups(1, &root) == 0 ? 0 : errno;
    case PRISONER_HOLDS: return fcntl((int)o->arg, F_GETFD) >= 0;
    case PRISONER_COUNT_FDS: return count_fds();
    case PRISONER_OPEN_MANY: return open_many(channel);
    case PRISONER_WRITE: return write((int)o->arg, "x", 1) == 1 ? 0 : errno;
    case PRISONER_LIMIT: return get_limit((int)o->arg, false);
    case PRISONER_HARD_LIMIT: return get_limit((int)o->arg, true);
    case PRISONER_RAISE_LIMIT: return raise_limit((int)o->arg);
    case PRISONER_PIPE_SIGNAL: return pipe_signal_ignored();
    case PRISONER_NULL_STDERR: return same_file(STDIN_FILENO, STDERR_FILENO);
    case PRISONER_QUIT: break;
    }
    _exit(0);
}

static bool enter(const struct sandbox_config *config, int channel, struct report *r)
{
    struct sandbox_config own = *config;
    int keep[KEEP_MAX];

    if (config->keep_count > KEEP_MAX - 4)
        return false;
    if (config->keep_count > 0)
        memcpy(keep, config->keep, config->keep_count * sizeof keep[0]);
    own.keep = keep;
    keep[own.keep_count++] = channel;
    keep[own.keep_count++] = STDERR_FILENO;
    keep[own.keep_count++] = STDIN_FILENO;
    keep[own.keep_count++] = STDOUT_FILENO;
    return sandbox_enter_walls(&own, r->err, sizeof r->err);
}

static _Noreturn void live(int channel, const struct sandbox_config *config)
{
    struct report r = {.err = ""};
    struct order o;

    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    /* As spawn_role() leaves it. */
    (void)dup2(null, STDIN_FILENO);
    (void)close(null);
    if (config && !enter(config, channel, &r) && r.err[0] == '\0')
        (void)snprintf(r.err, sizeof r.err, "no reason was given");
    r.pid = getpid();
    /* The socket is a packet socket: each order and each answer arrives whole. */
    if (send(channel, &r, sizeof r, MSG_NOSIGNAL) < 0 || r.err[0] != '\0')
        _exit(1);
    while (recv(channel, &o, sizeof o, 0) == (ssize_t)sizeof o) {
        long answer = obey(channel, &o);

        if (send(channel, &answer, sizeof answer, MSG_NOSIGNAL) < 0)
            break;
    }
    _exit(0);
}

static bool receive(int channel, void *p, size_t n)
{
    struct pollfd wait = {.fd = channel, .events = POLLIN};

    return poll(&wait, 1, ANSWER_MS) == 1 && recv(channel, p, n, 0) == (ssize_t)n;
}

static bool meet(struct prisoner *p, const int pair[2])
{
    struct report r;

    (void)close(pair[1]);
    p->channel = pair[0];
    p->theirs = pair[1];
    if (!receive(p->channel, &r, sizeof r)) {
        (void)close(p->channel);
        return false;
    }
    p->pid = r.pid;
    memcpy(p->err, r.err, sizeof p->err);
    return true;
}

bool prisoner_start(struct prisoner *p, const struct sandbox_config *config)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
        return false;
    pid = fork();
    if (pid == 0) {
        (void)close(pair[0]);
        live(pair[1], config);
    }
    return pid > 0 && meet(p, pair);
}

/* The process between: parent of the prisoner, sleeping until it is killed. */
static _Noreturn void stand_between(const int pair[2],
                                    const struct sandbox_config *config)
{
    pid_t last;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
    last = fork();
    (void)close(pair[0]);
    if (last == 0)
        live(pair[1], config);
    (void)close(pair[1]);
    for (;;)
        (void)pause();
}

bool prisoner_start_behind(struct prisoner *p, const struct sandbox_config *config,
                           bool new_pids, pid_t *between)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
        return false;
    *between = fork();
    if (*between == 0) {
        if (!new_pids)
            stand_between(pair, config);
        /* unshare() changes the namespace of children only. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWPID) == 0 && fork() == 0)
            stand_between(pair, config);
        (void)close(pair[0]);
        (void)close(pair[1]);
        for (;;)
            (void)pause();
    }
    return *between > 0 && meet(p, pair);
}

long prisoner_do(const struct prisoner *p, enum prisoner_order order, long arg)
{
    struct order o = {.what = order, .arg = arg};
    long answer;

    if (send(p->channel, &o, sizeof o, MSG_NOSIGNAL) < 0 ||
        !receive(p->channel, &answer, sizeof answer))
        return PRISONER_GONE;
    return answer;
}

bool prisoner_wait_gone(const struct prisoner *p, int ms)
{
    struct pollfd wait = {.fd = p->channel, .events = 0};

    return poll(&wait, 1, ms) == 1 && (wait.revents & POLLHUP);
}

void prisoner_end(struct prisoner *p)
{
    (void)prisoner_do(p, PRISONER_QUIT, 0);
    (void)close(p->channel);
    (void)waitpid(p->pid, NULL, 0);
}
