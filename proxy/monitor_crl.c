/* Revocation lists change while gate104d runs, by whoever fetches them: they are read
 * again when the kernel says that something happened in their folders, and from time to
 * time, as it does not say so for every file system. */
#include "proxy/monitor.h"

#include "proxy/audit_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* From the first event on, so that lists written together are read together. */
#define SETTLE_MS   300u
#define INTERVAL_MS 60000u

/* The same fault is told once, not each minute. */
static bool told_before(struct monitor *m, const struct config_errors *errs)
{
    uint8_t all[AUDIT_HASH_SIZE] = {0};

    for (size_t i = 0; i < errs->count; i++) {
        const struct config_finding *f = &errs->item[i];
        char text[AUDIT_HASH_SIZE + sizeof f->what];

        if (f->severity != CONFIG_ERROR)
            continue;
        memset(text, 0, sizeof text);
        memcpy(text, all, sizeof all);
        (void)snprintf(text + sizeof all, sizeof text - sizeof all, "%s", f->what);
        (void)audit_hash(text, sizeof text, all);
    }
    if (memcmp(all, m->reload.crl_failure, sizeof all) == 0)
        return true;
    memcpy(m->reload.crl_failure, all, sizeof all);
    return false;
}

/* Copies of all groups' settings with their lists read again; of the rest they hold
 * nothing of their own.  NULL: out of memory. */
static struct config_tls *read_lists(const struct config *c, struct config_errors *errs)
{
    struct config_tls *tls = calloc(c->tls_count, sizeof *tls);

    for (size_t i = 0; tls && i < c->tls_count; i++) {
        tls[i] = c->tls[i];
        (void)config_crl_read(&tls[i], c->path, errs);
    }
    return tls;
}

static void free_lists(struct config_tls *tls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        config_crl_free(&tls[i]);
    free(tls);
}

static bool lists_differ(const struct config *c, const struct config_tls *tls)
{
    for (size_t i = 0; i < c->tls_count; i++) {
        if (!config_crl_same(&c->tls[i], &tls[i]))
            return true;
    }
    return false;
}

static void refresh(struct monitor *m)
{
    struct config_errors errs;
    struct config shallow = *m->config;
    struct config_tls *tls;

    config_errors_init(&errs);
    tls = read_lists(m->config, &errs);
    if (tls && errs.errors == 0 && lists_differ(m->config, tls)) {
        shallow.tls = tls;
        for (size_t i = 0; i < shallow.tls_count; i++)
            config_check_crls(&shallow, i, &errs);
        if (errs.errors == 0 && monitor_trust_try(&shallow, &errs)) {
            struct config_tls *old = m->config->tls;

            monitor_trust_use(m, tls, "crl-changed", "");
            tls = old;
        }
    }
    if (errs.errors == 0)
        memset(m->reload.crl_failure, 0, sizeof m->reload.crl_failure);
    else if (!told_before(m, &errs))
        monitor_reload_refuse(m, "what changed of the revocation lists", &errs);
    config_errors_free(&errs);
    if (tls)
        free_lists(tls, m->config->tls_count);
}

/* Watches that are there already stay as they are; a folder that was made anew gets one
 * again. */
static void watch_folders(struct monitor *m)
{
    const uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;

    for (size_t i = 0; i < m->config->tls_count; i++) {
        const struct config_tls *t = &m->config->tls[i];

        for (size_t k = 0; k < t->crl_named_count; k++) {
            char folder[4096];
            char *slash;

            (void)snprintf(folder, sizeof folder, "%s", t->crl_named[k].path);
            if (inotify_add_watch(m->reload.inotify_fd, folder, events | IN_ONLYDIR) >= 0)
                continue;
            slash = strrchr(folder, '/');
            if (!slash)
                continue;
            slash[slash == folder ? 1 : 0] = '\0';
            (void)inotify_add_watch(m->reload.inotify_fd, folder, events | IN_ONLYDIR);
        }
    }
}

static void look_again(void *ctx)
{
    struct monitor *m = ctx;

    (void)loop_timer_set(&m->loop, &m->reload.crl_timer, INTERVAL_MS);
    /* While new keys are on their way the configuration is about to change. */
    if (m->stop_step != 0 || m->reload.next)
        return;
    watch_folders(m);
    refresh(m);
}

static void something_happened(void *ctx, uint32_t events)
{
    struct monitor *m = ctx;
    char sink[4096];

    (void)events;
    (void)!read(m->reload.inotify_fd, sink, sizeof sink);
    if (loop_timer_armed(&m->reload.crl_timer) &&
        m->reload.crl_timer.due <= loop_now(&m->loop) + SETTLE_MS)
        return;
    (void)loop_timer_set(&m->loop, &m->reload.crl_timer, SETTLE_MS);
}

void monitor_crl_begin(struct monitor *m)
{
    struct monitor_reload *r = &m->reload;
    uint64_t wait = INTERVAL_MS; /* all has just been read */

    if (r->inotify_fd < 0) {
        wait = SETTLE_MS; /* but for what changed while the roles started */
        loop_timer_init(&r->crl_timer, look_again, m);
        r->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (r->inotify_fd < 0 || !loop_add(&m->loop, &r->inotify_watch, r->inotify_fd,
                                           EPOLLIN, something_happened, m))
            monitor_log("revocation lists are looked at once a minute only");
    }
    watch_folders(m);
    (void)loop_timer_set(&m->loop, &r->crl_timer, wait);
}

void monitor_crl_end(struct monitor *m)
{
    struct monitor_reload *r = &m->reload;

    loop_timer_stop(&m->loop, &r->crl_timer);
    loop_del(&m->loop, &r->inotify_watch);
    if (r->inotify_fd >= 0)
        (void)close(r->inotify_fd);
    r->inotify_fd = -1;
}
