/* gate104-fetcher: the one process that asks others than stations and masters: the OCSP
 * responders of the configuration.  See proxy/fetcher.h. */
#include "proxy/fetcher.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void client_free(struct fetcher_client *c)
{
    struct fetcher *f = c->fetcher;
    struct fetcher_client **p = &f->clients;

    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    for (size_t i = 0; i < f->config.group_count; i++)
        fetcher_line_forget(&f->line[i], c);
    loop_del(&f->child.loop, &c->watch);
    imsg_channel_close(&c->ch);
    free(c);
}

static enum imsg_status ask(struct fetcher_client *c, struct imsg *m)
{
    struct fetcher *f = c->fetcher;
    struct msg_ocsp_answer none = {.status = OCSP_FETCH_NOBODY};
    struct msg_ocsp_ask head;

    memcpy(&head, m->payload, sizeof head);
    if (head.fresh > 1 || head.zero[0] != 0 || head.zero[1] != 0 || head.zero[2] != 0)
        return imsg_reject(&c->ch, m);
    /* Whom a worker may ask follows from its group, never from what it says. */
    for (size_t i = 0; i < f->config.group_count; i++) {
        if (f->config.group[i].group != TLS_WORKER_GROUP(c->ch.peer_id))
            continue;
        fetcher_line_ask(&f->line[i], c, &head, m->payload + sizeof head,
                         m->len - sizeof head);
        return IMSG_OK;
    }
    none.request = head.request;
    (void)imsg_send(&c->ch, MSG_OCSP_ANSWER, &none, sizeof none, NULL, 0);
    return IMSG_OK;
}

static void client_ready(void *ctx, uint32_t events)
{
    struct fetcher_client *c = ctx;
    struct imsg *m = &c->fetcher->child.scratch;
    enum imsg_status s = imsg_recv(&c->ch, m);

    (void)events;
    if (s == IMSG_AGAIN)
        return;
    if (s == IMSG_OK)
        s = ask(c, m);
    if (s == IMSG_OK)
        return;
    if (s == IMSG_BAD)
        child_violation(&c->fetcher->child, &c->ch, &c->watch);
    client_free(c);
}

static void channel(struct child *child, enum role peer, uint32_t id, int fd)
{
    struct fetcher *f = (struct fetcher *)child;
    struct fetcher_client *c = peer == ROLE_TLS ? calloc(1, sizeof *c) : NULL;

    if (!c) {
        (void)close(fd);
        return;
    }
    c->fetcher = f;
    imsg_channel_init(&c->ch, fd, ROLE_FETCHER, ROLE_TLS, id, PHASE_RUN);
    c->next = f->clients;
    f->clients = c;
    if (!loop_add(&child->loop, &c->watch, fd, EPOLLIN, client_ready, c))
        client_free(c);
}

static bool init(struct child *child, const uint8_t *cfg, size_t len)
{
    struct fetcher *f = (struct fetcher *)child;

    if (!fetcher_config_decode(cfg, len, &f->config) || f->config.group_count == 0) {
        child_log(child, "configuration from the monitor does not decode");
        return false;
    }
    f->line = calloc(f->config.group_count, sizeof *f->line);
    if (!f->line)
        return false;
    for (size_t i = 0; i < f->config.group_count; i++) {
        fetcher_line_init(&f->line[i], f, &f->config.group[i]);
        child_dials(child, f->config.group[i].responder.port);
    }
    return true;
}

static void stop(struct child *child)
{
    loop_stop(&child->loop);
}

static const struct child_ops ops = {
    .role = ROLE_FETCHER,
    .max_fds = 65536, /* a channel to each tls process */
    .init = init,
    .channel = channel,
    .stop = stop,
};

int main(int argc, char **argv)
{
    static struct fetcher fetcher;

    _Static_assert(offsetof(struct fetcher, child) == 0, "callbacks get the child");
    return child_main(argc, argv, &ops, &fetcher.child);
}
