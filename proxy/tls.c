/* gate104-tls: TLS for the sessions of one group of routes.  By default it serves one
 * session and ends: whatever a peer did to its memory ends with it. */
#include "proxy/tls.h"

#include "certs/tls_warm_up.h"
#include "proxy/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Frees the sessions that ended in this round, and ends the process after its last. */
static void round_end(void *ctx)
{
    struct tls *t = ctx;
    struct tls_session **p = &t->sessions;
    bool untold = false;

    while (*p) {
        struct tls_session *s = *p;
        struct tls_session *next = s->next;

        if (s->state != TLS_ENDED || !tls_session_free(s)) {
            untold = untold || s->state == TLS_ENDED;
            p = &s->next;
            continue;
        }
        *p = next;
        t->session_count--;
        tls_memory_stir(t);
    }
    loop_set(&t->child.loop, &t->broker_watch, untold ? EPOLLIN | EPOLLOUT : EPOLLIN);
    if (t->finishing && t->session_count == 0)
        loop_stop(&t->child.loop);
}

static bool init(struct child *c, const uint8_t *cfg, size_t len)
{
    struct tls *t = (struct tls *)c;
    char err[600] = "";

    t->broker.fd = t->signer.fd = t->signer_next.fd = -1;
    t->broker_watch.fd = -1;
    c->loop.round_end = round_end;
    c->loop.round_ctx = t;
    if (!tls_config_decode(cfg, len, &t->config) || t->config.route_count == 0) {
        child_log(c, "configuration from the monitor does not decode");
        return false;
    }
    tls_trust_keys(t);
    /* Each session has a connection and a pair; the rest are channels and the loop. */
    c->max_fds = 2 * t->config.sessions_per_worker + 64;
    if (!tls_library_init())
        return false;
    if (tls_warm_up(err, sizeof err))
        t->ctx = tls_trust_contexts(t, &t->config, err, sizeof err);
    if (!t->ctx) {
        child_log(c, "%s", err);
        return false;
    }
    tls_trust_init(t);
    tls_memory_init(t);
    tls_ocsp_init(t);
    tls_ocsp_contexts(t);
    return true;
}

static enum imsg_status broker_message(struct tls *t, struct imsg *m)
{
    struct msg_session body;
    struct msg_session_id done;
    SSL_CTX *ctx;

    imsg_get(m, &body, sizeof body);
    ctx = tls_trust_context(t, body.route);
    if (m->type != MSG_TLS_SESSION || !ctx || body.zero != 0 ||
        !endpoint_valid(&body.remote))
        return imsg_reject(&t->broker, m);
    if (t->finishing) /* has had its one session */
        return imsg_reject(&t->broker, m);
    /* A broker that was started anew does not know of the sessions that live on. */
    if (t->session_count >= t->config.sessions_per_worker) {
        imsg_drop_fds(m);
        done.session = body.session;
        (void)imsg_send(&t->broker, MSG_TLS_DONE, &done, sizeof done, NULL, 0);
        return IMSG_OK;
    }
    t->finishing = t->config.sessions_per_worker == 1;
    m->fd_count = 0;
    tls_session_begin(t, &body, ctx, m->fds[0], m->fds[1]);
    return IMSG_OK;
}

static void lost_broker(struct tls *t)
{
    loop_del(&t->child.loop, &t->broker_watch);
    imsg_channel_close(&t->broker);
}

static void broker_ready(void *ctx, uint32_t events)
{
    struct tls *t = ctx;
    enum imsg_status s = imsg_recv(&t->broker, &t->child.scratch);

    (void)events;
    if (s == IMSG_AGAIN)
        return;
    if (s == IMSG_OK)
        s = broker_message(t, &t->child.scratch);
    if (s == IMSG_OK)
        return;
    if (s == IMSG_BAD)
        child_violation(&t->child, &t->broker, &t->broker_watch);
    lost_broker(t);
}

static void channel(struct child *c, enum role peer, uint32_t id, int fd)
{
    struct tls *t = (struct tls *)c;

    if (peer == ROLE_SIGNER) {
        tls_trust_signer(t, id, fd);
        return;
    }
    if (peer == ROLE_FETCHER) {
        tls_ocsp_channel(t, id, fd);
        return;
    }
    if (peer != ROLE_BROKER) {
        (void)close(fd);
        return;
    }
    lost_broker(t);
    imsg_channel_init(&t->broker, fd, ROLE_TLS, ROLE_BROKER, id, PHASE_RUN);
    (void)loop_add(&c->loop, &t->broker_watch, fd, EPOLLIN, broker_ready, t);
}

/* Open sessions are ended by their gates, which are stopped first; what is left here is
 * lingering. */
static void stop(struct child *c)
{
    struct tls *t = (struct tls *)c;

    t->finishing = true;
    for (struct tls_session *s = t->sessions; s; s = s->next)
        tls_session_end(s);
}

static const struct child_ops ops = {
    .role = ROLE_TLS,
    .init = init,
    .channel = channel,
    .message = tls_trust_message,
    .stop = stop,
};

int main(int argc, char **argv)
{
    static struct tls tls;

    _Static_assert(offsetof(struct tls, child) == 0, "callbacks get the child");
    return child_main(argc, argv, &ops, &tls.child);
}
