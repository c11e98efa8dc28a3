#include "sandbox/attest.h"

#include "sandbox/landlock.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef GATE104_SAN
#define SANITIZED true /* no filter, and the root it had: see sandbox/enter.c */
#else
#define SANITIZED false
#endif

#define PATH_CAP   300u
#define STATUS_CAP 8192u

struct look {
    const char *proc;
    pid_t pid;
    const struct attest_want *want;
    char status[STATUS_CAP];
    char *err;
    size_t errcap;
};

static bool no(const struct look *l, const char *what, const char *have)
{
    (void)snprintf(l->err, l->errcap, "attestation: %s: \"%s\"", what, have);
    return false;
}

static bool dials(enum role role)
{
    return role == ROLE_BROKER || role == ROLE_FETCHER;
}

static bool read_status(struct look *l)
{
    char path[PATH_CAP];
    size_t n;
    FILE *f;

    if (l->pid == 0)
        (void)snprintf(path, sizeof path, "%s/self/status", l->proc);
    else
        (void)snprintf(path, sizeof path, "%s/%d/status", l->proc, (int)l->pid);
    f = fopen(path, "re");
    if (!f)
        return no(l, "status cannot be read", strerror(errno));
    n = fread(l->status, 1, sizeof l->status - 1, f);
    l->status[n] = '\0';
    (void)fclose(f);
    return true;
}

/* The value of a line, without blanks around it; "" if there is no such line. */
static void value_of(const struct look *l, const char *name, char *out, size_t cap)
{
    size_t n = strlen(name);

    out[0] = '\0';
    for (const char *p = l->status; p; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, name, n) != 0 || p[n] != ':')
            continue;
        p += n + 1;
        p += strspn(p, " \t");
        n = strcspn(p, "\n");
        (void)snprintf(out, cap, "%.*s", (int)(n < cap ? n : cap - 1), p);
        for (n = strlen(out); n > 0 && out[n - 1] == ' '; n--)
            out[n - 1] = '\0';
        return;
    }
}

static bool line_is(const struct look *l, const char *name, const char *want)
{
    char have[128];

    value_of(l, name, have, sizeof have);
    return strcmp(have, want) == 0 || no(l, name, have);
}

static bool user_good(const struct look *l)
{
    unsigned int uid = l->want->uid;
    unsigned int gid = l->want->gid;
    char ids[80];

    (void)snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", uid, uid, uid, uid);
    if (!line_is(l, "Uid", ids))
        return false;
    (void)snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", gid, gid, gid, gid);
    return line_is(l, "Gid", ids) && (!l->want->root || line_is(l, "Groups", ""));
}

/* Who is not root cannot empty the bounding set, and with no_new_privs needs not. */
static bool privileges_good(const struct look *l)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"};
    const size_t count = sizeof sets / sizeof sets[0] - (l->want->root ? 0 : 1);

    for (size_t i = 0; i < count; i++) {
        if (!line_is(l, sets[i], "0000000000000000"))
            return false;
    }
    return line_is(l, "NoNewPrivs", "1") && line_is(l, "Threads", "1");
}

static bool filter_good(const struct look *l, unsigned int *missing)
{
    if (l->want->module || SANITIZED)
        *missing |= LAYER_FILTER;
    return SANITIZED || line_is(l, "Seccomp", "2");
}

static bool network_good(const struct look *l)
{
    char path[PATH_CAP];
    char its[ATTEST_NS_MAX] = "";

    if (l->want->network[0] == '\0')
        return true;
    (void)snprintf(path, sizeof path, "%s/%d/ns/net", l->proc, (int)l->pid);
    return readlink(path, its, sizeof its - 1) <= 0 || /* a missing layer, see below */
           strcmp(its, l->want->network) == 0 || no(l, "network", its);
}

/* ---- what may be missing ---- */

/* True if both see the same; also if it cannot be told. */
static bool same_namespace(const struct look *l, const char *name)
{
    char path[PATH_CAP];
    char own[64] = "";
    char its[64] = "";

    (void)snprintf(path, sizeof path, "%s/self/ns/%s", l->proc, name);
    if (readlink(path, own, sizeof own - 1) <= 0)
        return true;
    (void)snprintf(path, sizeof path, "%s/%d/ns/%s", l->proc, (int)l->pid, name);
    return readlink(path, its, sizeof its - 1) <= 0 || strcmp(own, its) == 0;
}

/* Entries of a folder but "." and ".."; -1 if it cannot be read. */
static int entries(const struct look *l, const char *name)
{
    char path[PATH_CAP];
    int n = 0;
    DIR *dir;

    (void)snprintf(path, sizeof path, "%s/%d/%s", l->proc, (int)l->pid, name);
    dir = opendir(path);
    if (!dir)
        return -1;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(dir);
    return n;
}

/* The numbers of a process, one for each process namespace that it is in. */
static unsigned int pid_levels(const struct look *l)
{
    char ids[128];
    unsigned int n = 0;

    value_of(l, "NSpid", ids, sizeof ids);
    for (const char *p = ids; *p != '\0'; p += strspn(p, "\t")) {
        n++;
        p += strcspn(p, "\t");
    }
    return n;
}

/* Who asks may be in one himself. */
static bool same_pids(const struct look *l)
{
    struct look own = {.proc = l->proc, .pid = 0, .err = l->err, .errcap = l->errcap};

    return !read_status(&own) || pid_levels(l) <= pid_levels(&own);
}

static unsigned int missing_walls(const struct look *l)
{
    const struct attest_want *w = l->want;
    char locked[32];
    unsigned int missing = 0;

    value_of(l, "VmLck", locked, sizeof locked);
    if (!w->root)
        missing |= LAYER_USER;
    if (entries(l, "root") != 0)
        missing |= LAYER_ROOT;
    if (!dials(w->role) && same_namespace(l, "net"))
        missing |= LAYER_NETWORK;
    if (same_namespace(l, "ipc"))
        missing |= LAYER_IPC;
    if (same_namespace(l, "uts"))
        missing |= LAYER_UTS;
    if (same_pids(l))
        missing |= LAYER_PIDS;
    if (w->role == ROLE_SIGNER && strtoul(locked, NULL, 10) == 0)
        missing |= LAYER_MEMORY;
    return missing;
}

/* The kernel shows Landlock nowhere; a role that could not enter it has ended. */
static unsigned int missing_landlock(const struct attest_want *w)
{
    int abi = w->module || SANITIZED ? 0 : w->landlock_abi;

    return (abi < LANDLOCK_FILES ? LAYER_FILES : 0u) |
           (abi < LANDLOCK_TCP ? LAYER_TCP : 0u) |
           (abi < LANDLOCK_SCOPE ? LAYER_SCOPE : 0u);
}

/* Their number is the size of their folder (Linux 6.2); 0 before. */
static int counted(const struct look *l)
{
    char path[PATH_CAP];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/%d/fd", l->proc, (int)l->pid);
    return stat(path, &st) == 0 && st.st_size > 0 && st.st_size < INT_MAX
               ? (int)st.st_size
               : -1;
}

/* A process of another user than root may not be looked into by those like it. */
static bool descriptors_good(const struct look *l, unsigned int *missing)
{
    int have = entries(l, "fd");
    char text[64];

    if (have < 0 && (errno == EACCES || errno == EPERM) && counted(l) > 0)
        have = counted(l);
    if (have < 0 && (errno == EACCES || errno == EPERM)) {
        *missing |= LAYER_DESCRIPTORS;
        return true;
    }
    (void)snprintf(text, sizeof text, "%d instead of %u", have, l->want->fds);
    return have >= 0 && (l->want->fds == 0 || (unsigned int)have == l->want->fds ||
                         no(l, "open descriptors", text));
}

bool attest(const char *proc, pid_t pid, const struct attest_want *want,
            unsigned int *missing, char *err, size_t errcap)
{
    struct look l = {
        .proc = proc, .pid = pid, .want = want, .err = err, .errcap = errcap};

    *missing = 0;
    (void)snprintf(err, errcap, "attestation: descriptors cannot be seen");
    if (!read_status(&l) || !user_good(&l) || !privileges_good(&l) ||
        !filter_good(&l, missing) || !network_good(&l) || !descriptors_good(&l, missing))
        return false;
    *missing |= missing_walls(&l) | missing_landlock(want);
    err[0] = '\0';
    return true;
}
