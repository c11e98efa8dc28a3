#include "sandbox/spawn.h"

#include "sandbox/birth.h"
#include "sandbox/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

bool spawn_find(enum role role, char *path, size_t cap)
{
    /* A build tree, an installation wherever it was put, the installation it was built
     * for. */
    static const char *const places[] = {"", "/../libexec/gate104"};
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; slash && i < sizeof places / sizeof places[0]; i++) {
        (void)snprintf(path, cap, "%s%s/gate104-%s", self, places[i], role_name(role));
        if (access(path, X_OK) == 0)
            return true;
    }
    (void)snprintf(path, cap, "%s/gate104-%s", GATE104_LIBEXECDIR, role_name(role));
    return access(path, X_OK) == 0;
}

/* Who starts it. */
struct starter {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/* Between fork and exec only calls that are safe there.  Here nobody may have a name yet:
 * in a user namespace all users are unknown until they are mapped. */
static void become(const struct spawn_request *r, const struct starter *monitor,
                   char *const argv[], char *const envp[])
{
    sigset_t none;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (r->net_fd > 0 && setns(r->net_fd, CLONE_NEWNET) != 0)
        _exit(126);
    if (!birth_settle(r->birth, monitor->uid, monitor->gid))
        _exit(126);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        _exit(126);
    if (r->control_fd == CHILD_CONTROL_FD) {
        if (fcntl(CHILD_CONTROL_FD, F_SETFD, 0) != 0)
            _exit(126);
    } else if (dup2(r->control_fd, CHILD_CONTROL_FD) < 0) {
        _exit(126);
    }
    (void)close_range(CHILD_CONTROL_FD + 1, ~0u, 0);
    /* In a process namespace of its own it cannot see who its parent is; if that is gone
     * already, there is nobody at the other end of the control channel. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        (!(r->birth & BIRTH_PIDS) && getppid() != monitor->pid))
        _exit(126);
    (void)setsid();
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)execve(r->program, argv, envp);
    _exit(127);
}

pid_t spawn_role(const struct spawn_request *r)
{
    char id[16];
    char uid[16];
    char gid[16];
    char program[512];
    char path[] = "PATH=/usr/bin:/bin";
    char lang[] = "LC_ALL=C";
    char zone[] = "TZ=UTC";
    char conf[] = "OPENSSL_CONF=/dev/null";
    char moved[2] = {r->net_fd > 0 ? '1' : '0', '\0'};
    char *argv[] = {program, id, uid, gid, moved, NULL};
    char *envp[] = {path, lang, zone, conf, NULL};
    struct spawn_request plain = *r;
    const struct starter monitor = {getpid(), geteuid(), getegid()};
    pid_t pid;

    (void)snprintf(program, sizeof program, "%s", r->program);
    (void)snprintf(id, sizeof id, "%u", r->id);
    (void)snprintf(uid, sizeof uid, "%u", (unsigned int)r->uid);
    (void)snprintf(gid, sizeof gid, "%u", (unsigned int)r->gid);
    pid = birth_fork(r->birth);
    /* So many namespaces are not to be had.  Attestation sees what is missing. */
    if (pid < 0 && r->birth != 0 && errno == ENOSPC) {
        plain.birth = 0;
        r = &plain;
        pid = birth_fork(0);
    }
    if (pid == 0)
        become(r, &monitor, argv, envp);
    return pid;
}
