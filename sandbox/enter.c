#include "sandbox/enter.h"

#include "sandbox/alone.h"
#include "sandbox/filter_load.h"
#include "sandbox/landlock.h"
#include "sandbox/trap.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef GATE104_SAN
#define SANITIZED true /* their reports may go to a file */
#else
#define SANITIZED false
#endif

static bool fail(char *err, size_t errcap, const char *step)
{
    (void)snprintf(err, errcap, "sandbox: %s: %s", step, strerror(errno));
    return false;
}

static int compare_int(const void *a, const void *b)
{
    int x = *(const int *)a;
    int y = *(const int *)b;

    return (x > y) - (x < y);
}

/* Closes every descriptor that is not in the list, by closing the gaps in it. */
static bool close_unknown(int *keep, size_t count)
{
    unsigned int next = 0;

    qsort(keep, count, sizeof keep[0], compare_int);
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < 0 || (unsigned int)keep[i] < next)
            continue;
        if ((unsigned int)keep[i] > next &&
            close_range(next, (unsigned int)keep[i] - 1, 0) != 0)
            return false;
        next = (unsigned int)keep[i] + 1;
    }
    return close_range(next, ~0u, 0) == 0;
}

static bool limit(int resource, rlim_t value)
{
    struct rlimit now;
    struct rlimit want = {.rlim_cur = value, .rlim_max = value};

    if (getrlimit(resource, &now) != 0)
        return false;
    if (now.rlim_max < value)
        want.rlim_cur = want.rlim_max = now.rlim_max;
    return setrlimit(resource, &want) == 0;
}

static bool limit_role(const struct sandbox_config *c)
{
    /* RLIMIT_NPROC counts the user's processes, so 0 forbids fork to all but root. */
    return limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, c->max_fds) &&
           limit(RLIMIT_NPROC, 0) &&
           (c->role == ROLE_AUDIT || SANITIZED || limit(RLIMIT_FSIZE, 0));
}

static bool change_user(const struct sandbox_config *c)
{
    if (geteuid() != 0 || c->uid == 0)
        return true;
    return setgroups(0, NULL) == 0 && setresgid(c->gid, c->gid, c->gid) == 0 &&
           setresuid(c->uid, c->uid, c->uid) == 0 && setuid(0) != 0;
}

/* The bounding set can only be emptied with CAP_SETPCAP, hence before the user changes.
 */
static bool empty_bounding_set(void)
{
    for (cap_value_t cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap) != 0)
            return geteuid() != 0 && errno == EPERM;
    }
    return true;
}

static bool empty_capabilities(void)
{
    cap_t none = cap_init();
    bool good;

    if (!none)
        return false;
    good = cap_set_proc(none) == 0;
    cap_free(none);
    return good && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0;
}

/* Standard error may be a terminal, and who holds a terminal can type into it. */
static bool leave_terminal(void)
{
#ifdef GATE104_SAN
    return true; /* where the sanitizers report */
#else
    return dup2(STDIN_FILENO, STDERR_FILENO) == STDERR_FILENO;
#endif
}

/* setuid clears the parent-death signal, so it is set last; if the monitor died in
 * between, we have another parent.  (Not "process 1": in a container that is the
 * monitor.  In a process namespace of our own it is none before and after; then the
 * control channel tells.)  Audit is spared: it still has to write what the others had
 * sent it, and ends by itself when its control channel tells that the monitor is gone. */
static bool die_with_parent(enum role role, pid_t monitor)
{
    int how = role == ROLE_AUDIT ? 0 : SIGKILL;

    errno = ESRCH;
    return prctl(PR_SET_PDEATHSIG, how) == 0 && getppid() == monitor;
}

static bool dials(enum role role)
{
    return role == ROLE_BROKER || role == ROLE_FETCHER;
}

static void leave_others(const struct sandbox_config *c)
{
    struct alone_want want = {.network = dials(c->role) || c->module || c->moved,
                              .files = c->module};

    if (!SANITIZED)
        (void)alone_enter(&want); /* what is missing is seen from outside */
}

/* Keys do not go to swap.  What comes later is locked only where nothing can fail by it:
 * with CAP_SYS_RESOURCE, or a limit that was lifted before. */
static void lock_memory(const struct sandbox_config *c)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

    if (c->role != ROLE_SIGNER || SANITIZED)
        return;
    if (setrlimit(RLIMIT_MEMLOCK, &all) == 0)
        (void)mlockall(MCL_CURRENT | MCL_FUTURE);
    else
        (void)mlockall(MCL_CURRENT);
}

static bool enter_landlock(const struct sandbox_config *c)
{
    struct landlock_want want = {.folder = c->folder > 0 ? c->folder : -1,
                                 .port = c->port,
                                 .port_count = c->port_count};

    return c->module || SANITIZED || landlock_enter(&want, landlock_abi());
}

bool sandbox_enter_walls(const struct sandbox_config *c, char *err, size_t errcap)
{
    const pid_t monitor = getppid();

    (void)signal(SIGPIPE, SIG_IGN);
    if (!close_unknown(c->keep, c->keep_count))
        return fail(err, errcap, "close unknown descriptors");
    if (!leave_terminal())
        return fail(err, errcap, "leave the terminal");
    leave_others(c);
    lock_memory(c);
    if (!limit_role(c))
        return fail(err, errcap, "resource limits");
    if (!empty_bounding_set())
        return fail(err, errcap, "capability bounding set");
    if (!change_user(c))
        return fail(err, errcap, "change user");
    if (!empty_capabilities())
        return fail(err, errcap, "capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(err, errcap, "no_new_privs");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail(err, errcap, "dumpable");
    if (!die_with_parent(c->role, monitor))
        return fail(err, errcap, "parent-death signal");
    if (!enter_landlock(c))
        return fail(err, errcap, "Landlock");
    return true;
}

/* Sanitizers need calls that no table has; gate104d says so. */
bool sandbox_enter_filter(const struct sandbox_config *c, char *err, size_t errcap)
{
    if (SANITIZED)
        return true;
    if (!trap_install(c->note_fd > 0 ? c->note_fd : -1))
        return fail(err, errcap, "SIGSYS");
    if (!filter_load(c->role, c->module))
        return fail(err, errcap, "system call filter");
    return true;
}

bool sandbox_enter(const struct sandbox_config *c, char *err, size_t errcap)
{
    return sandbox_enter_walls(c, err, errcap) && sandbox_enter_filter(c, err, errcap);
}
