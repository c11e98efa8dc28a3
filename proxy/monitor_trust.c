/* Certificates, trust anchors and revocation lists on their way to running tls workers:
 * what a worker is told at its start, told again. */
#include "proxy/monitor.h"

#include "proxy/audit_hash.h"
#include "proxy/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t monitor_trust_encode(const struct config *c, uint32_t group, uint32_t signer,
                            uint8_t **out)
{
    struct tls_config role;
    size_t size;

    *out = NULL;
    if (!config_tls_role(c, group, &role))
        return 0;
    role.signer = signer;
    size = tls_config_encode(&role, out);
    tls_config_free(&role);
    return size;
}

/* ---- will they take it? ---- */

/* The monitor holds no keys; a context is complete without a signature. */
static int no_signature(void *ctx, uint16_t scheme, const uint8_t *tbs, size_t n,
                        uint8_t *sig, size_t cap, size_t *siglen)
{
    (void)ctx;
    (void)scheme;
    (void)tbs;
    (void)n;
    (void)sig;
    (void)cap;
    *siglen = 0;
    return -1;
}

bool monitor_trust_try(const struct config *c, struct config_errors *errs)
{
    static const struct tls_signers nobody = {.sign = no_signature};
    bool good = tls_library_init();

    for (uint32_t i = 0; good && i < c->tls_count; i++) {
        const struct config_place at = {c->path, c->tls[i].line, "tls"};
        char err[600] = "out of memory";
        struct tls_config role;
        SSL_CTX **ctx = NULL;

        good = config_tls_role(c, i, &role);
        if (good) {
            ctx = tls_contexts_make(&role, &nobody, err, sizeof err);
            good = ctx != NULL;
            tls_contexts_free(ctx, &role);
            tls_config_free(&role);
        }
        if (!good)
            config_errors_add(errs, CONFIG_ERROR, &at, "see what it says", "%s", err);
    }
    return good;
}

/* ---- out ---- */

/* The newest stays for workers to come. */
static void release(const struct worker_group *g, struct trust_update *u)
{
    if (u != g->update && u->users == 0)
        free(u);
}

void monitor_trust_drop(struct proc *p)
{
    struct trust_update *u = p->update;

    p->update = NULL;
    if (u) {
        u->users--;
        release(&p->monitor->group[TLS_WORKER_GROUP(p->id)], u);
    }
    p->update_begun = false;
    p->update_sent = 0;
}

static bool send_pieces(struct proc *p)
{
    const struct trust_update *u = p->update;
    struct msg_update_begin begin = {.size = (uint32_t)u->size};

    if (!p->update_begun) {
        if (imsg_send(&p->control, MSG_UPDATE_BEGIN, &begin, sizeof begin, NULL, 0) !=
            IMSG_OK)
            return false;
        p->update_begun = true;
    }
    while (p->update_sent < u->size) {
        size_t n = u->size - p->update_sent;

        n = n < IMSG_PAYLOAD_MAX ? n : IMSG_PAYLOAD_MAX;
        if (imsg_send(&p->control, MSG_UPDATE_DATA, u->data + p->update_sent, n, NULL,
                      0) != IMSG_OK)
            return false;
        p->update_sent += n;
    }
    return true;
}

/* The newest, if the worker does not have it; one that is under way is sent to its end
 * first. */
void monitor_trust_pump(struct proc *p)
{
    struct monitor *m = p->monitor;
    const struct worker_group *g =
        p->role == ROLE_TLS ? &m->group[TLS_WORKER_GROUP(p->id)] : NULL;

    /* One that starts is still being told its configuration. */
    if (!g || p->state != PROC_RUNNING)
        return;
    /* At most the one under way and the newest. */
    for (int i = 0; i < 2; i++) {
        if (!p->update && g->update && p->version != g->version) {
            p->update = g->update;
            p->update->users++;
        }
        if (!p->update)
            break;
        if (!send_pieces(p)) {
            loop_set(&m->loop, &p->watch, EPOLLIN | EPOLLOUT);
            return;
        }
        p->version = p->update->version;
        monitor_trust_drop(p);
    }
    loop_set(&m->loop, &p->watch, EPOLLIN);
}

void monitor_trust_catch_up(struct proc *p)
{
    if (p->version != p->monitor->group[TLS_WORKER_GROUP(p->id)].version)
        monitor_trust_pump(p);
}

/* A group's new configuration, for its running workers and those to come. */
static void publish(struct monitor *m, struct worker_group *g)
{
    uint8_t *cfg = NULL;
    size_t size = monitor_trust_encode(m->config, g->group, m->reload.signer, &cfg);
    struct trust_update *u = size > 0 ? malloc(sizeof *u + size) : NULL;
    struct trust_update *old = g->update;

    if (!u) {
        monitor_log("ALARM: out of memory: a group of tls workers keeps what it had");
        free(cfg);
        return;
    }
    if (size == g->cfg_size && memcmp(cfg, g->cfg, size) == 0) {
        free(cfg);
        free(u);
        return;
    }
    u->users = 0;
    u->version = ++g->version;
    u->size = size;
    memcpy(u->data, cfg, size);
    free(g->cfg);
    g->cfg = cfg;
    g->cfg_size = size;
    g->update = u;
    if (old)
        release(g, old);
    for (struct proc *p = m->procs; p; p = p->next) {
        if (p->role == ROLE_TLS && TLS_WORKER_GROUP(p->id) == g->group)
            monitor_trust_pump(p);
    }
}

/* ---- evidence ---- */

struct tally {
    struct monitor *m;
    uint64_t files;
    uint64_t changed;
};

static void record_file(struct tally *t, const char *kind, const char *path,
                        const char *text, size_t size)
{
    uint8_t hash[AUDIT_HASH_SIZE];
    struct record r;

    t->changed++;
    record_begin(&r, EVENT_TRUST_FILE, 0, false);
    record_text(&r, RECORD_WHY, text ? kind : "removed");
    record_text(&r, RECORD_DETAIL, path);
    if (text && audit_hash(text, size, hash))
        record_octets(&r, RECORD_SHA256, hash, sizeof hash);
    monitor_record(t->m, &r);
}

static const struct config_file *find_file(const struct config_file *f, size_t n,
                                           const char *path)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(f[i].path, path) == 0)
            return &f[i];
    }
    return NULL;
}

static void compare(struct tally *t, const char *kind, const struct config_file *old,
                    size_t old_count, const struct config_file *new, size_t new_count)
{
    t->files += new_count;
    for (size_t i = 0; i < new_count; i++) {
        const struct config_file *was = find_file(old, old_count, new[i].path);

        if (!was || was->size != new[i].size ||
            memcmp(was->text, new[i].text, was->size) != 0)
            record_file(t, kind, new[i].path, new[i].text, new[i].size);
    }
    for (size_t i = 0; i < old_count; i++) {
        if (!find_file(new, new_count, old[i].path))
            record_file(t, kind, old[i].path, NULL, 0);
    }
}

static void record_change(struct monitor *m, const struct config_tls *old,
                          const struct config_tls *new, const char *why, const char *note)
{
    struct tally t = {.m = m};
    char text[200];
    struct record r;

    for (size_t i = 0; i < m->config->tls_count; i++) {
        compare(&t, "certificate", &old[i].cert, 1, &new[i].cert, 1);
        compare(&t, "certificate", &old[i].second_cert, old[i].second_cert.path != NULL,
                &new[i].second_cert, new[i].second_cert.path != NULL);
        compare(&t, "ca", old[i].ca, old[i].ca_count, new[i].ca, new[i].ca_count);
        compare(&t, "crl", old[i].crl, old[i].crl_count, new[i].crl, new[i].crl_count);
    }
    (void)snprintf(text, sizeof text, "%llu of %llu files changed%s",
                   (unsigned long long)t.changed, (unsigned long long)t.files, note);
    monitor_log("reload: %s", text);
    record_begin(&r, EVENT_RELOAD, 0, false);
    record_text(&r, RECORD_WHY, why);
    record_text(&r, RECORD_DETAIL, text);
    record_u64(&r, RECORD_COUNT, t.changed);
    record_octets(&r, RECORD_CONFIG_HASH, m->config->hash, sizeof m->config->hash);
    monitor_record(m, &r);
}

/* What may be resumed was let in by the old ones. */
static void flush_sessions(struct monitor *m)
{
    for (struct proc *p = m->procs; p; p = p->next) {
        if (p->role != ROLE_SIGNER || p->state != PROC_RUNNING)
            continue;
        if (imsg_send(&p->control, MSG_SESSION_FLUSH, NULL, 0, NULL, 0) != IMSG_OK)
            monitor_proc_kill(p);
    }
}

void monitor_trust_use(struct monitor *m, struct config_tls *tls, const char *why,
                       const char *note)
{
    struct config_tls *old = m->config->tls;

    m->config->tls = tls;
    record_change(m, old, tls, why, note);
    flush_sessions(m);
    for (size_t i = 0; i < m->group_count; i++)
        publish(m, &m->group[i]);
    monitor_expiry_check(m);
}
