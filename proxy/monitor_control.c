/* The control socket: connections, lines in, answers out. */
#include "proxy/monitor_control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A client that has not asked, or not read its answer, by then is let go; so is one whose
 * question no gate has answered. */
#define CLIENT_TIMEOUT_MS 10000u
#define SESSIONS_WAIT_MS  3000u

static void client_close(struct control_client *c)
{
    struct loop *l = &c->monitor->loop;

    loop_del(l, &c->watch);
    loop_timer_stop(l, &c->timer);
    (void)close(c->fd);
    json_decref(c->sessions);
    free(c->out);
    memset(c, 0, sizeof *c);
    c->fd = c->watch.fd = -1;
}

static void client_timeout(void *ctx)
{
    struct control_client *c = ctx;

    if (c->request != 0)
        control_sessions_timeout(c);
    else if (c->order != 0)
        control_order_timeout(c);
    else
        client_close(c);
}

/* ---- out ---- */

static void client_write(struct control_client *c)
{
    ssize_t n = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n > 0)
        c->out_sent += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        c->out_sent = c->out_size;
    if (c->out_sent == c->out_size)
        client_close(c);
    else
        loop_set(&c->monitor->loop, &c->watch, EPOLLOUT);
}

void control_answer(struct control_client *c, json_t *answer)
{
    c->request = 0;
    c->waits_for_reload = false;
    c->order = 0;
    c->permit_ticket = 0;
    c->out = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    if (!c->out) {
        client_close(c);
        return;
    }
    c->out_size = strlen(c->out);
    c->out[c->out_size++] = '\n'; /* in place of the NUL */
    (void)loop_timer_set(&c->monitor->loop, &c->timer, CLIENT_TIMEOUT_MS);
    client_write(c);
}

void control_error(struct control_client *c, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    control_answer(c, json_pack("{s:b,s:s}", "ok", 0, "error", text));
}

/* ---- in ---- */

static void client_ready(void *ctx, uint32_t events)
{
    struct control_client *c = ctx;
    char *end;
    ssize_t n;

    if (c->out) {
        client_write(c);
        return;
    }
    if (c->request != 0 || c->order != 0 || c->permit_ticket != 0 ||
        c->waits_for_reload) {
        /* only its end can come */
        if (events & (EPOLLHUP | EPOLLERR))
            client_close(c);
        return;
    }
    n = recv(c->fd, c->line + c->have, sizeof c->line - 1 - c->have, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        client_close(c);
        return;
    }
    c->have += (size_t)n;
    c->line[c->have] = '\0';
    end = memchr(c->line, '\n', c->have);
    if (!end && c->have < sizeof c->line - 1)
        return;
    if (!end || end != c->line + c->have - 1 || strlen(c->line) != c->have) {
        control_error(c, "a question is one line of at most %u characters",
                      CONTROL_LINE_MAX - 2);
        return;
    }
    *end = '\0';
    loop_set(&c->monitor->loop, &c->watch, 0);
    (void)loop_timer_set(&c->monitor->loop, &c->timer, SESSIONS_WAIT_MS);
    control_command(c);
}

/* ---- connections ---- */

static struct control_client *free_place(struct control *control)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->client[i].fd < 0)
            return &control->client[i];
    }
    return NULL;
}

static void socket_ready(void *ctx, uint32_t events)
{
    struct monitor *m = ctx;
    struct control_client *c;
    bool permits_only;
    uid_t uid;
    int fd = accept4(m->control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0)
        return;
    c = free_place(m->control);
    if (!c || !control_peer(m, fd, &uid, &permits_only)) {
        (void)close(fd);
        return;
    }
    c->monitor = m;
    c->fd = fd;
    c->uid = uid;
    c->permits_only = permits_only;
    loop_timer_init(&c->timer, client_timeout, c);
    if (!loop_add(&m->loop, &c->watch, fd, EPOLLIN, client_ready, c) ||
        !loop_timer_set(&m->loop, &c->timer, CLIENT_TIMEOUT_MS))
        client_close(c);
}

/* ---- begin and end ---- */

static bool make_folder(const char *dir)
{
    return mkdir(dir, 0755) == 0 || errno == EEXIST;
}

bool monitor_control_begin(struct monitor *m)
{
    struct control *control = calloc(1, sizeof *control);
    int n;

    if (!control)
        return false;
    control->fd = control->watch.fd = -1;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        control->client[i].fd = control->client[i].watch.fd = -1;
    n = snprintf(control->path, sizeof control->path, "%s/control", m->config->run_dir);
    if (n > 0 && (size_t)n < sizeof control->path && make_folder(m->config->run_dir))
        control->fd = control_socket_open(m, control->path);
    else if (n > 0)
        errno = ENAMETOOLONG;
    m->control = control;
    if (control->fd >= 0)
        return loop_add(&m->loop, &control->watch, control->fd, EPOLLIN, socket_ready, m);
    monitor_log("no control socket in run_dir \"%s\": %s; gate104 status will not work",
                m->config->run_dir, strerror(errno));
    return true;
}

void monitor_control_end(struct monitor *m)
{
    struct control *control = m->control;

    if (!control)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->client[i].fd >= 0)
            client_close(&control->client[i]);
    }
    if (control->fd >= 0) {
        loop_del(&m->loop, &control->watch);
        (void)close(control->fd);
        (void)unlink(control->path);
    }
    free(control);
    m->control = NULL;
}
