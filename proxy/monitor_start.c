/* From the configuration to the places of all processes; and the one check of the keys
 * that only the signer can make. */
#include "proxy/monitor.h"

#include "certs/pem.h"
#include "sandbox/spawn.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Longer than the signer waits for a token. */
#define CHECK_TIMEOUT_MS 15000u

static bool add(struct monitor *m, enum role role, uint32_t id, uint8_t *cfg, size_t size)
{
    return size > 0 && monitor_proc_add(m, role, id, cfg, size) != NULL;
}

static bool build_audit(struct monitor *m)
{
    struct audit_config c;
    uint8_t *cfg = NULL;
    size_t size;

    if (!config_audit_role(m->config, &c))
        return false;
    size = audit_config_encode(&c, &cfg);
    audit_config_free(&c);
    return add(m, ROLE_AUDIT, 0, cfg, size);
}

struct proc *monitor_add_signer(struct monitor *m, const struct config *c, uint32_t id)
{
    struct signer_config role;
    uint8_t *cfg = NULL;
    size_t size;

    if (!config_signer_role(c, &role))
        return NULL;
    size = signer_config_encode(&role, &cfg);
    signer_config_free(&role);
    return size > 0 ? monitor_proc_add(m, ROLE_SIGNER, id, cfg, size) : NULL;
}

/* Without a responder in the configuration there is no fetcher. */
static bool build_fetcher(struct monitor *m)
{
    struct fetcher_config c;
    uint8_t *cfg = NULL;
    size_t size;
    bool needed;

    if (!config_fetcher_role(m->config, &c))
        return false;
    needed = c.group_count > 0;
    size = needed ? fetcher_config_encode(&c, &cfg) : 0;
    fetcher_config_free(&c);
    return !needed || add(m, ROLE_FETCHER, 0, cfg, size);
}

/* What the broker is told, with session numbers that no earlier one gave. */
static size_t encode_broker(struct monitor *m, uint8_t **cfg)
{
    struct broker_config c;
    size_t size;

    m->incarnation = m->incarnation ? m->incarnation + 1 : (uint32_t)time(NULL);
    if (!config_broker_role(m->config, m->incarnation, &c))
        return 0;
    size = broker_config_encode(&c, cfg);
    broker_config_free(&c);
    return size;
}

static bool build_broker(struct monitor *m)
{
    uint8_t *cfg = NULL;
    size_t size = encode_broker(m, &cfg);

    return add(m, ROLE_BROKER, 0, cfg, size);
}

void monitor_renew_broker(struct proc *p)
{
    uint8_t *cfg = NULL;
    size_t size = encode_broker(p->monitor, &cfg);

    if (size == 0)
        return;
    free(p->cfg);
    p->cfg = cfg;
    p->cfg_size = size;
}

static bool build_gate(struct monitor *m, uint32_t id)
{
    struct gate_config c;
    uint8_t *cfg = NULL;
    size_t size;

    if (!config_gate_role(m->config, id, &c))
        return false;
    size = gate_config_encode(&c, &cfg);
    gate_config_free(&c);
    return add(m, ROLE_GATE, id, cfg, size);
}

static bool build_group(struct monitor *m, uint32_t id)
{
    struct worker_group *g = &m->group[id];

    g->monitor = m;
    g->group = id;
    g->cfg_size = monitor_trust_encode(m->config, id, m->reload.signer, &g->cfg);
    return g->cfg_size > 0;
}

bool monitor_build(struct monitor *m)
{
    m->spare_workers = m->config->limits.spare_workers;
    m->group_count = m->config->tls_count;
    m->group = calloc(m->group_count ? m->group_count : 1, sizeof *m->group);
    if (!m->group || !build_audit(m) ||
        !monitor_add_signer(m, m->config, m->reload.signer) || !build_fetcher(m) ||
        !build_broker(m))
        return false;
    for (uint32_t i = 0; i < config_gate_count(m->config); i++) {
        if (!build_gate(m, i))
            return false;
    }
    for (uint32_t i = 0; i < m->group_count; i++) {
        if (!build_group(m, i))
            return false;
    }
    return true;
}

void monitor_free(struct monitor *m)
{
    struct proc *next;

    monitor_reload_end(m);
    for (struct proc *p = m->procs; p; p = next) {
        next = p->next;
        monitor_trust_drop(p);
        free(p->policy.cfg);
        free(p->cfg);
        free(p);
    }
    m->procs = NULL;
    for (size_t i = 0; i < m->group_count; i++) {
        free(m->group[i].cfg);
        free(m->group[i].update); /* no worker holds it any more */
    }
    free(m->group);
    loop_free(&m->loop);
}

/* ---- keys ---- */

/* What a module or engine prints comes before what the signer says. */
static void keep_last_line(char *text)
{
    char *line;

    for (size_t n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
        text[n - 1] = '\0';
    line = strrchr(text, '\n');
    if (line)
        memmove(text, line + 1, strlen(line + 1) + 1);
}

/* Reads until the other end closes, the buffer is full or the time is over. */
static size_t read_until(int fd, char *out, size_t cap, uint64_t deadline)
{
    size_t have = 0;

    while (have < cap) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uint64_t now = monotonic_ms();
        ssize_t n;

        if (now >= deadline || poll(&p, 1, (int)(deadline - now)) <= 0)
            break;
        n = read(fd, out + have, cap - have);
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    return have;
}

/* Runs the role's program with `--check KEY`; the last line of its output, which may be
 * that of an error, goes to `out`.  False if it does not take the key. */
static bool ask_role(enum role role, const char *key, char *out, size_t cap)
{
    char program[512];
    size_t have = 0;
    int status = -1;
    int pipefd[2];
    pid_t pid;

    out[0] = '\0';
    if (!spawn_find(role, program, sizeof program) || pipe(pipefd) != 0)
        return false;
    pid = fork();
    if (pid == 0) {
        (void)dup2(pipefd[1], STDOUT_FILENO);
        (void)dup2(pipefd[1], STDERR_FILENO);
        (void)close_range(3, ~0u, 0);
        (void)execl(program, program, "--check", key, (char *)NULL);
        _exit(127);
    }
    (void)close(pipefd[1]);
    if (pid > 0)
        have = read_until(pipefd[0], out, cap - 1, monotonic_ms() + CHECK_TIMEOUT_MS);
    out[have] = '\0';
    keep_last_line(out);
    (void)close(pipefd[0]);
    /* It has said its line, or it hangs, as a token that is away may let it. */
    if (pid > 0 && out[0] == '\0')
        (void)kill(pid, SIGKILL);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* True if `line` ("EC P-256 3059...") ends in the hex of the public key. */
static bool same_public(const char *line, const uint8_t *der, size_t n)
{
    const char *hex = strrchr(line, ' ');

    if (!hex || strlen(hex + 1) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char octet[3];

        (void)snprintf(octet, sizeof octet, "%02x", der[i]);
        if (memcmp(octet, hex + 1 + 2 * i, 2) != 0)
            return false;
    }
    return true;
}

static void check_key(const struct config *c, const struct config_file *cert,
                      const struct config_file *key, struct config_errors *errs)
{
    const struct tls_pem chain = {
        .name = cert->path, .data = cert->text, .len = cert->size};
    const struct config_place at = {.file = c->path, .line = key->line, .key = "key"};
    uint8_t der[4096];
    char err[400] = "";
    char line[2 * sizeof der + 64];
    size_t n = pem_public(&chain, der, sizeof der, err, sizeof err);

    if (n == 0)
        return; /* the certificate itself has been found fault with already */
    if (!ask_role(ROLE_SIGNER, key->path, line, sizeof line))
        config_errors_add(errs, CONFIG_ERROR, &at, "see what it says", "%s",
                          line[0] ? line : "gate104-signer cannot be started");
    else if (!same_public(line, der, n))
        config_errors_add(errs, CONFIG_ERROR, &at,
                          "name the key that the certificate was issued for",
                          "\"%s\" is not the private key of the certificate \"%s\"",
                          key->path, cert->path);
}

static void check_seal_key(const struct config *c, struct config_errors *errs)
{
    const struct config_place at = {c->path, c->seal.key_line, "audit.seal_key"};
    char line[400];

    if (c->seal.key && !ask_role(ROLE_AUDIT, c->seal.key, line, sizeof line))
        config_errors_add(errs, CONFIG_ERROR, &at, "see what it says", "%s",
                          line[0] ? line : "gate104-audit cannot be started");
}

void monitor_check_keys(const struct config *c, struct config_errors *errs)
{
    check_seal_key(c, errs);
    for (size_t i = 0; i < c->tls_count; i++) {
        const struct config_tls *t = &c->tls[i];

        check_key(c, &t->cert, &t->key, errs);
        if (t->second_key.path)
            check_key(c, &t->second_cert, &t->second_key, errs);
    }
}
