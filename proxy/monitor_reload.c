/* SIGHUP: the configuration is read and checked again.  If all of it is good, and all
 * gates are ready for their new policies, new policies, certificates, anchors and lists
 * are used from now on; if anything is wrong, nothing changes.  New keys come with a new
 * signer process, since a signer that opened files while it serves would need to see
 * them; the old one ends with its last worker. */
#include "proxy/monitor.h"

#include "proxy/audit_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 8u

void monitor_reload_begin(struct monitor *m)
{
    monitor_crl_begin(m);
    monitor_expiry_check(m);
}

void monitor_reload_end(struct monitor *m)
{
    monitor_crl_end(m);
    loop_timer_stop(&m->loop, &m->reload.expiry_timer);
    monitor_policy_forget(m);
    config_free(m->reload.next);
    m->reload.next = NULL;
}

void monitor_reload_refuse(struct monitor *m, const char *what,
                           const struct config_errors *errs)
{
    size_t told = 0;

    for (size_t i = 0; i < errs->count && told < RECORDS_MAX; i++) {
        const struct config_finding *f = &errs->item[i];
        char text[1600];
        struct record r;

        if (f->severity != CONFIG_ERROR)
            continue;
        (void)snprintf(text, sizeof text, "%s; %s (%s:%u)", f->what, f->remedy, f->file,
                       f->line);
        if (told++ == 0)
            (void)snprintf(m->reload.failure, sizeof m->reload.failure, "%.299s", text);
        monitor_log("ALARM: %s is not used, what was good stays in use: %s", what, text);
        record_begin(&r, EVENT_RELOAD_FAILED, 0, false);
        record_text(&r, RECORD_WHY, f->key[0] ? f->key : "file");
        record_text(&r, RECORD_DETAIL, text);
        record_u64(&r, RECORD_COUNT, errs->errors);
        monitor_record(m, &r);
    }
}

void monitor_tell_ready(struct monitor *m)
{
    const struct monitor_reload *r = &m->reload;
    char text[500];

    if (m->stop_step != 0)
        return;
    (void)snprintf(text, sizeof text, "%zu route%s%s%s", m->config->route_count,
                   m->config->route_count == 1 ? "" : "s",
                   r->failure[0] ? "; the last reload was refused: " : r->note,
                   r->failure);
    notify_ready(&m->notify, text);
}

static bool is_busy(const struct monitor *m)
{
    return m->reload.next || monitor_policy_is_busy(m);
}

/* A reload is over, unless it waits for somebody. */
void monitor_reload_over(struct monitor *m)
{
    if (is_busy(m) || m->stop_step != 0)
        return;
    if (m->reload.again) {
        m->reload.again = false;
        monitor_reload_all(m);
        return;
    }
    monitor_control_reloaded(m);
    monitor_tell_ready(m);
}

/* "", or of how many routes something a gate is told changed. */
static void count_policies(const struct config *old, const struct config *new, char *out,
                           size_t cap)
{
    unsigned int n = 0;

    for (size_t i = 0; i < old->route_count; i++)
        n += !config_live_same(old, new, i);
    if (n > 0)
        (void)snprintf(out, cap, "; new policies of %u route%s", n, n == 1 ? "" : "s");
}

/* Takes the new configuration. */
static void finish(struct monitor *m, struct config *c, const char *why)
{
    struct config_tls *old = m->config->tls;
    char words[100];
    char *note = m->reload.note;
    const size_t note_size = sizeof m->reload.note;

    m->reload.failure[0] = note[0] = '\0';
    count_policies(m->config, c, note, note_size);
    config_restart_words(m->config, c, words, sizeof words);
    if (words[0] != '\0') {
        const size_t used = strlen(note);

        (void)snprintf(note + used, note_size - used, "; restart to use the new %s",
                       words);
        monitor_log("what changed in %s is used after a restart", words);
    }
    memcpy(m->config->hash, c->hash, sizeof c->hash);
    monitor_policy_use(m, c);
    monitor_trust_use(m, c->tls, why, note);
    c->tls = old; /* goes with it */
    config_free(c);
    monitor_crl_begin(m);
}

/* The old signer lives as long as somebody has a channel to it. */
static void retire_signers(struct monitor *m)
{
    for (struct proc *p = m->procs; p; p = p->next) {
        if (p->role != ROLE_SIGNER || p->id == m->reload.signer || p->retired)
            continue;
        p->retired = p->transient = true;
        if (p->state == PROC_RUNNING)
            (void)imsg_send(&p->control, MSG_RETIRE, NULL, 0, NULL, 0);
        else
            monitor_proc_kill(p);
    }
}

/* The next number is that of a signer which is not yet trusted with anything. */
static uint32_t next_signer(const struct monitor *m)
{
    return m->reload.signer + 1;
}

void monitor_reload_signer(struct proc *p, bool runs)
{
    struct monitor *m = p->monitor;
    struct config *c = m->reload.next;
    struct config_errors errs;

    if (!c || p->role != ROLE_SIGNER || p->id != next_signer(m))
        return;
    m->reload.next = NULL;
    if (runs) {
        m->reload.signer = p->id;
        finish(m, c, "signal");
        retire_signers(m);
    } else {
        const struct config_place at = {c->path, 0, "tls.key"};

        p->transient = true;
        config_errors_init(&errs);
        config_errors_add(&errs, CONFIG_ERROR, &at, "see what the signer says",
                          "the signer does not start with the new keys");
        monitor_reload_refuse(m, "the new configuration", &errs);
        monitor_policy_refused(m, c, "signer", "the signer does not start with new keys");
        monitor_policy_forget(m);
        config_errors_free(&errs);
        config_free(c);
    }
    monitor_reload_over(m);
}

/* Nothing of m->reload.next is used. */
static void give_up(struct monitor *m, const char *why, const char *detail)
{
    struct config *c = m->reload.next;
    struct record r;

    monitor_log("ALARM: the new policies are not used, what was good stays in use: %s",
                detail);
    (void)snprintf(m->reload.failure, sizeof m->reload.failure, "%s", detail);
    record_begin(&r, EVENT_RELOAD_FAILED, 0, false);
    record_text(&r, RECORD_WHY, why);
    record_text(&r, RECORD_DETAIL, detail);
    monitor_record(m, &r);
    monitor_policy_refused(m, c, why, detail);
    monitor_policy_forget(m);
    m->reload.next = NULL;
    config_free(c);
}

/* Nobody finds fault with m->reload.next. */
static void use(struct monitor *m)
{
    struct config *c = m->reload.next;
    struct proc *signer;

    if (!config_keys_changed(m->config, c)) {
        m->reload.next = NULL;
        finish(m, c, "signal");
        return;
    }
    signer = monitor_add_signer(m, c, next_signer(m));
    if (signer)
        monitor_proc_start(signer);
    else
        give_up(m, "signer", "out of memory");
}

void monitor_reload_gates(struct monitor *m, const char *why, const char *detail)
{
    if (m->stop_step != 0 || !m->reload.next)
        return;
    if (why)
        give_up(m, why, detail);
    else
        use(m);
    monitor_reload_over(m);
}

static struct config *load(struct monitor *m, struct config_errors *errs)
{
    struct config *c = config_load(m->config->path, errs);
    const struct config_place at = {m->config->path, 0, "routes"};

    if (!c)
        return NULL;
    config_check(c, errs);
    if (errs->errors == 0 && !config_same_groups(m->config, c))
        config_errors_add(errs, CONFIG_ERROR, &at, "restart gate104d",
                          "routes were added, removed or changed their tls settings");
    if (errs->errors == 0)
        monitor_check_keys(c, errs);
    if (errs->errors == 0)
        (void)monitor_trust_try(c, errs);
    if (errs->errors == 0)
        return c;
    config_free(c);
    return NULL;
}

void monitor_reload_all(struct monitor *m)
{
    struct config_errors errs;
    struct config *c;

    if (m->initial || m->stop_step != 0)
        return;
    if (is_busy(m)) {
        m->reload.again = true;
        return;
    }
    notify_reloading(&m->notify);
    monitor_log("reload: reading %s again", m->config->path);
    config_errors_init(&errs);
    c = load(m, &errs);
    m->reload.next = c;
    if (!c) {
        monitor_reload_refuse(m, "the new configuration", &errs);
        monitor_policy_refused(m, NULL, "invalid", m->reload.failure);
    } else if (!monitor_policy_offer(m, c)) {
        use(m);
    }
    config_errors_free(&errs);
    monitor_reload_over(m);
}
