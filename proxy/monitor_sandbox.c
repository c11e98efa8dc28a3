/* Whether a role may start: it is looked at from outside; what its sandbox lacks is told,
 * and how it broke out, if it tried. */
#include "proxy/monitor.h"

#include "certs/pkcs11_uri.h"
#include "sandbox/attest.h"
#include "sandbox/filter.h"
#include "sandbox/landlock.h"
#include "sandbox/trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Standard input, output and error, the control channel, the loop. */
#define COMMON_FDS 5u

/* 0: what a PKCS#11 module has open is its own. */
static unsigned int descriptors(const struct proc *p, bool module)
{
    const struct config *c = p->monitor->config;
    unsigned int n = COMMON_FDS;

    if (module)
        return 0;
    if (p->role == ROLE_AUDIT)
        n += config_is_recorded(c) ? 2 : 1; /* the folder, that of recordings */
    for (size_t i = 0; p->role == ROLE_BROKER && i < c->route_count; i++)
        n += (unsigned int)c->routes[i].listen_count;
    return n;
}

static bool has_module(const struct proc *p)
{
    struct signer_config c;
    bool found = false;

    if (p->role != ROLE_SIGNER || !signer_config_decode(p->cfg, p->cfg_size, &c))
        return false;
    for (size_t i = 0; i < c.key_count; i++)
        found = found || pkcs11_uri_is(c.key[i].path);
    signer_config_free(&c);
    return found;
}

bool monitor_sandbox_alone(const struct proc *p)
{
    return p->monitor->empty_net > 0 && p->role != ROLE_BROKER &&
           p->role != ROLE_FETCHER && !has_module(p);
}

/* What the kernel calls it, "net:[4026532]". */
static void name_network(const struct proc *p, char out[ATTEST_NS_MAX])
{
    char path[40];
    ssize_t n = 0;

    if (monitor_sandbox_alone(p)) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", p->monitor->empty_net);
        n = readlink(path, out, ATTEST_NS_MAX - 1);
    }
    out[n > 0 ? n : 0] = '\0';
}

unsigned int monitor_sandbox_birth(const struct proc *p)
{
    /* What a module does with its process number, and what its token's service thinks of
     * a user from elsewhere, nobody knows. */
    return has_module(p) ? 0 : p->monitor->birth;
}

static void record_refusal(struct proc *p, const char *why)
{
    monitor_log("%s-%u is not started: %s", role_name(p->role), p->id, why);
    monitor_record_proc(p->monitor, EVENT_PROCESS_REFUSED, p, why);
}

/* Each layer is told once, with the first process that lacks it. */
static void tell_missing(struct proc *p)
{
    struct monitor *m = p->monitor;
    unsigned int fresh = p->missing & ~m->missing_told;
    char text[LAYERS_TEXT_MAX];
    char detail[LAYERS_TEXT_MAX + 40];
    struct record r;

    if (fresh == 0)
        return;
    m->missing_told |= fresh;
    layers_text(fresh, text);
    monitor_log("sandbox of %s-%u without: %s", role_name(p->role), p->id, text);
    (void)snprintf(detail, sizeof detail, "%s-%u without: %s", role_name(p->role), p->id,
                   text);
    record_begin(&r, EVENT_CONFIG_WARNING, 0, false);
    record_text(&r, RECORD_WHY, "sandbox");
    record_text(&r, RECORD_DETAIL, detail);
    monitor_record(m, &r);
}

bool monitor_sandbox_good(struct proc *p)
{
    struct attest_want want = {.role = p->role, .root = geteuid() == 0};
    char text[LAYERS_TEXT_MAX];
    char why[LAYERS_TEXT_MAX + 60];

    if (!monitor_role_user(p->monitor, p->role, &want.uid, &want.gid))
        return false;
    if (!want.root) {
        want.uid = geteuid();
        want.gid = getegid();
    }
    want.module = has_module(p);
    want.fds = descriptors(p, want.module);
    want.landlock_abi = landlock_abi();
    name_network(p, want.network);
    if (!attest("/proc", p->pid, &want, &p->missing, why, sizeof why)) {
        record_refusal(p, why);
        return false;
    }
    if (p->missing != 0 && p->monitor->config->sandbox_full) {
        layers_text(p->missing, text);
        (void)snprintf(why, sizeof why, "require_sandbox is \"full\", it lacks: %s",
                       text);
        record_refusal(p, why);
        return false;
    }
    tell_missing(p);
    return true;
}

/* What a process says of itself; that the sandbox ended it, the kernel says. */
void monitor_sandbox_heard(struct proc *p, const struct imsg *note)
{
    const size_t head = sizeof TRAP_NOTE - 1;
    char text[NOTE_MAX + 1];
    unsigned long n;
    char *end;

    if (note->len <= head || memcmp(note->payload, TRAP_NOTE, head) != 0)
        return;
    memcpy(text, note->payload + head, note->len - head);
    text[note->len - head] = '\0';
    n = strtoul(text, &end, 10);
    if (*end == '\0' && n < SANDBOX_CALL_MAX)
        p->forbidden_call = (int)n;
}

void monitor_sandbox_end(const struct proc *p, char *out, size_t cap)
{
    char name[40];

    if (p->forbidden_call >= 0)
        (void)snprintf(out, cap, "killed by the sandbox: system call %d (%s)",
                       p->forbidden_call,
                       filter_call_name(p->forbidden_call, name, sizeof name));
    else
        (void)snprintf(out, cap, "killed by the sandbox");
}

unsigned int monitor_sandbox_missing(const struct monitor *m)
{
    unsigned int all = 0;

    for (const struct proc *p = m->procs; p; p = p->next)
        all |= p->missing;
    return all;
}
