/* gate104d: the monitor.  Reads the configuration, starts one process for each role,
 * watches over them, stops them.  It never parses an octet from a network. */
#include "proxy/config.h"
#include "proxy/monitor.h"
#include "sandbox/birth.h"

#include "sandbox/empty_net.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const char usage[] =
    "usage: gate104d -c FILE      run in the foreground; SIGTERM stops it in order\n"
    "       gate104d -c FILE -t   check configuration, policies, certificates and keys\n"
    "       gate104d -V           print the version\n";

static void signal_ready(void *ctx, uint32_t events)
{
    struct monitor *m = ctx;
    struct signalfd_siginfo info;

    (void)events;
    while (read(m->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            monitor_proc_reap(m);
        } else if (info.ssi_signo == SIGHUP) {
            monitor_reload_all(m);
        } else {
            monitor_log("stopping");
            monitor_fleet_stop(m, 0);
        }
    }
}

static bool catch_signals(struct monitor *m)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGCHLD);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return m->signal_fd >= 0 &&
           loop_add(&m->loop, &m->signal_watch, m->signal_fd, EPOLLIN, signal_ready, m);
}

/* Everything -t promises.  NULL when there is an error; all findings are printed. */
static struct config *load_and_check(const char *path)
{
    struct config_errors errs;
    struct config *c;
    size_t errors;

    config_errors_init(&errs);
    c = config_load(path, &errs);
    if (c) {
        config_check(c, &errs);
        /* A key file with a fault of its own has been named already. */
        if (errs.errors == 0)
            monitor_check_keys(c, &errs);
    }
    config_errors_print(&errs, stderr);
    errors = errs.errors;
    if (errors > 0)
        (void)fprintf(stderr, "gate104d: %zu error%s in the configuration\n", errors,
                      errors == 1 ? "" : "s");
    config_errors_free(&errs);
    if (c && errors > 0) {
        config_free(c);
        return NULL;
    }
    return c;
}

/* Descriptors are counted by us, per role; the shell's idea of a useful number is not. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Nor may anybody without privileges look into it. */
static void leave_no_core(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void log_legacy(struct monitor *m)
{
    const struct config *c = m->config;
    char text[120];
    size_t count = 0;
    struct record r;

    for (size_t i = 0; i < c->route_count; i++)
        count += c->tls[c->routes[i].tls].rules.legacy_rsa;
    if (count == 0)
        return;
    (void)snprintf(text, sizeof text,
                   "legacy_rsa_key_transport serves %zu route%s without forward secrecy",
                   count, count == 1 ? "" : "s");
    record_begin(&r, EVENT_CONFIG_WARNING, 0, false);
    record_text(&r, RECORD_WHY, "rsa-key-transport");
    record_text(&r, RECORD_DETAIL, text);
    monitor_record(m, &r);
}

/* How many routes, and which TLS they speak. */
static void describe_routes(const struct config *c, char *out, size_t cap)
{
    int used =
        snprintf(out, cap, "%zu route%s", c->route_count, c->route_count == 1 ? "" : "s");

    for (size_t i = 0; i < c->tls_count && used > 0 && (size_t)used < cap; i++) {
        char words[120];

        config_tls_words(&c->tls[i], words, sizeof words);
        used += snprintf(out + used, cap - (size_t)used, "; TLS %s", words);
    }
}

static void log_seals(struct monitor *m)
{
    static const char text[] = "the log is chained, not sealed: who can write it can "
                               "write it anew; make a key with gate104 log keygen";
    struct record r;

    if (m->config->seal.key)
        return;
    monitor_log("%s", text);
    record_begin(&r, EVENT_CONFIG_WARNING, 0, false);
    record_text(&r, RECORD_WHY, "not-sealed");
    record_text(&r, RECORD_DETAIL, text);
    monitor_record(m, &r);
}

static void log_start(struct monitor *m)
{
    char text[250];
    struct record r;

    record_begin(&r, EVENT_SYSTEM_START, 0, false);
    record_text(&r, RECORD_VERSION, GATE104_VERSION);
    describe_routes(m->config, text, sizeof text);
    record_text(&r, RECORD_DETAIL, text);
    record_octets(&r, RECORD_CONFIG_HASH, m->config->hash, sizeof m->config->hash);
    monitor_record(m, &r);
    log_seals(m);
    log_legacy(m);
    if (geteuid() == 0)
        return;
    monitor_log("not started as root: all processes run as this user, with less "
                "separation from each other and from this user's files");
    record_begin(&r, EVENT_CONFIG_WARNING, 0, false);
    record_text(&r, RECORD_WHY, "less-separation");
    record_text(&r, RECORD_DETAIL,
                "not started as root: all processes share one unprivileged user");
    monitor_record(m, &r);
}

static int run(struct monitor *m, struct config *c)
{
    m->config = c;
    m->initial = true;
    m->empty_net = empty_net_make();
    m->signal_watch.fd = m->reload.inotify_watch.fd = m->reload.inotify_fd = -1;
    if (!loop_init(&m->loop) || !catch_signals(m) || !monitor_build(m)) {
        monitor_log("cannot start: %s", strerror(errno));
        return 1;
    }
    if (!monitor_permit_begin(m) || !monitor_control_begin(m)) {
        monitor_log("cannot start: out of memory");
        return 1;
    }
    notify_begin(&m->notify, &m->loop);
    m->birth = birth_possible();
    log_start(m);
    for (struct proc *p = m->procs; p; p = p->next)
        monitor_proc_start(p);
    monitor_fleet_workers(m);
    loop_run(&m->loop);
    monitor_control_end(m);
    monitor_permit_end(m);
    notify_end(&m->notify);
    monitor_log("stopped");
    monitor_free(m);
    return m->exit_status;
}

int main(int argc, char **argv)
{
    static struct monitor monitor;
    const char *path = NULL;
    bool check_only = false;
    struct config *c;
    int status = 0;
    int option;

    while ((option = getopt(argc, argv, "c:tVh")) != -1) {
        switch (option) {
        case 'c': path = optarg; break;
        case 't': check_only = true; break;
        case 'V': (void)printf("gate104d %s\n", GATE104_VERSION); return 0;
        case 'h': (void)fputs(usage, stdout); return 0;
        default: (void)fputs(usage, stderr); return 2;
        }
    }
    if (!path || optind != argc) {
        (void)fputs(usage, stderr);
        return 2;
    }
    leave_no_core();
    raise_descriptor_limit();
    notify_take(&monitor.notify);
    c = load_and_check(path);
    if (!c)
        return 1;
    if (check_only)
        (void)printf("%s: configuration is good\n", path);
    else
        status = run(&monitor, c);
    config_free(c);
    return status;
}
