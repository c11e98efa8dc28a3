#include "sandbox/birth.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t birth_fork(unsigned int set)
{
    unsigned long flags = SIGCHLD;

    if (set == 0)
        return fork();
    flags |= set & BIRTH_PIDS ? CLONE_NEWPID : 0;
    flags |= set & BIRTH_USERS ? CLONE_NEWUSER : 0;
    /* No wrapper of libc's takes these flags and goes on where it was, as fork() does.
     * Its locks are no matter to a process with one thread. */
    return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0UL);
}

static bool write_text(const char *file, const char *text)
{
    const size_t n = strlen(text);
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n;

    if (fd >= 0)
        (void)close(fd);
    return good;
}

/* Both numbers are what they were (user_namespaces(7)). */
static bool write_maps(uid_t uid, gid_t gid)
{
    char users[40];
    char groups[40];
    bool good;

    (void)snprintf(users, sizeof users, "%u %u 1", (unsigned int)uid, (unsigned int)uid);
    (void)snprintf(groups, sizeof groups, "%u %u 1", (unsigned int)gid,
                   (unsigned int)gid);
    /* The monitor may not be looked into, so neither may its copy; then these files are
     * root's. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
        return false;
    good = write_text("/proc/self/setgroups", "deny") &&
           write_text("/proc/self/uid_map", users) &&
           write_text("/proc/self/gid_map", groups);
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && good;
}

/* Who is not root keeps over execve() what is ambient. */
static bool keep_capabilities(void)
{
    static const cap_value_t needed[] = {CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_SETPCAP};
    const int count = (int)(sizeof needed / sizeof needed[0]);
    cap_t set = cap_init();
    bool good = set && cap_set_flag(set, CAP_PERMITTED, count, needed, CAP_SET) == 0 &&
                cap_set_flag(set, CAP_EFFECTIVE, count, needed, CAP_SET) == 0 &&
                cap_set_flag(set, CAP_INHERITABLE, count, needed, CAP_SET) == 0 &&
                cap_set_proc(set) == 0;

    cap_free(set);
    for (int i = 0; good && i < count; i++)
        good = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, needed[i], 0, 0) == 0;
    return good;
}

bool birth_settle(unsigned int set, uid_t uid, gid_t gid)
{
    return !(set & BIRTH_USERS) || (write_maps(uid, gid) && keep_capabilities());
}

/* Some systems let a user namespace be made and then give no rights in it. */
static bool possible(unsigned int set)
{
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    pid_t pid = birth_fork(set);
    int status = -1;

    if (pid == 0)
        _exit(birth_settle(set, uid, gid) &&
                      (!(set & BIRTH_USERS) || unshare(CLONE_NEWNS | CLONE_NEWNET) == 0)
                  ? 0
                  : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

unsigned int birth_possible(void)
{
    static const unsigned int of_root[] = {BIRTH_PIDS, 0};
    static const unsigned int of_user[] = {BIRTH_PIDS | BIRTH_USERS, BIRTH_USERS, 0};
    const unsigned int *set = geteuid() == 0 ? of_root : of_user;

    while (*set != 0 && !possible(*set))
        set++;
    return *set;
}
