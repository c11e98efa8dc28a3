/* A responder: questions in a queue, one exchange at a time, answers kept for a while. */
#include "proxy/fetcher.h"

#include "proxy/endpoint.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void line_ready(void *ctx, uint32_t events);
static void begin_next(struct fetcher_line *l);

/* ---- answers to the workers ---- */

static void send_status(struct fetcher_client *c, uint32_t request,
                        enum ocsp_fetch status)
{
    struct msg_ocsp_answer m = {.request = request, .status = (uint16_t)status};

    if (c)
        (void)imsg_send(&c->ch, MSG_OCSP_ANSWER, &m, sizeof m, NULL, 0);
}

/* A worker that does not read gets no whole answer, and waits for its own time-out. */
static void send_answer(struct fetcher_client *c, uint32_t request, bool kept,
                        const uint8_t *der, size_t size)
{
    struct msg_ocsp_answer m = {
        .request = request, .kept = kept ? 1 : 0, .total = (uint32_t)size};
    const size_t room = IMSG_PAYLOAD_MAX - sizeof m;

    while (c && m.offset < size) {
        size_t n = size - m.offset < room ? size - m.offset : room;

        if (imsg_send2(&c->ch, MSG_OCSP_ANSWER, &m, sizeof m, der + m.offset, n) !=
            IMSG_OK)
            return;
        m.offset += (uint32_t)n;
    }
}

/* ---- kept answers ---- */

static struct fetcher_kept *find_kept(struct fetcher_line *l, const uint8_t *der,
                                      size_t size)
{
    uint64_t now = loop_now(&l->fetcher->child.loop);

    for (size_t i = 0; i < FETCHER_KEPT_MAX; i++) {
        struct fetcher_kept *k = &l->kept[i];

        if (k->until > now && k->request_size == size &&
            memcmp(k->request, der, size) == 0)
            return k;
    }
    return NULL;
}

static void keep(struct fetcher_line *l, const struct fetcher_job *job,
                 const uint8_t *der, size_t size)
{
    struct fetcher_kept *k = find_kept(l, job->der, job->size);
    uint8_t *copy = malloc(size);

    if (!copy)
        return;
    if (!k) {
        k = &l->kept[l->oldest];
        l->oldest = (l->oldest + 1) % FETCHER_KEPT_MAX;
    }
    free(k->der);
    memcpy(copy, der, size);
    k->der = copy;
    k->size = size;
    k->request_size = job->size;
    memcpy(k->request, job->der, job->size);
    k->until = loop_now(&l->fetcher->child.loop) + (uint64_t)l->config->keep_s * 1000u;
}

/* ---- the end of an exchange ---- */

static void hang_up(struct fetcher_line *l)
{
    loop_timer_stop(&l->fetcher->child.loop, &l->timer);
    loop_del(&l->fetcher->child.loop, &l->watch);
    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
    l->have = l->out_sent = l->out_size = 0;
}

/* Answers and removes the questions that are the same as the first, or all. */
static void settle(struct fetcher_line *l, bool all, enum ocsp_fetch status,
                   const uint8_t *der, size_t size)
{
    struct fetcher_job first = *l->queue;
    struct fetcher_job **p = &l->queue;

    while (*p) {
        struct fetcher_job *job = *p;

        if (!all &&
            (job->size != first.size || memcmp(job->der, first.der, first.size) != 0)) {
            p = &job->next;
            continue;
        }
        *p = job->next;
        l->queued--;
        if (status == OCSP_FETCHED)
            send_answer(job->client, job->request, false, der, size);
        else
            send_status(job->client, job->request, status);
        free(job);
    }
}

static void tell_change(struct fetcher_line *l, enum ocsp_fetch status)
{
    static const char *const words[] = {
        [OCSP_FETCHED] = "answers again",
        [OCSP_FETCH_NOBODY] = "is not configured",
        [OCSP_FETCH_UNREACHABLE] = "cannot be reached",
        [OCSP_FETCH_TIMEOUT] = "does not answer in time",
        [OCSP_FETCH_REFUSED] = "refuses the request",
        [OCSP_FETCH_TOO_LARGE] = "answers with more than 16384 octets",
        [OCSP_FETCH_MALFORMED] = "answers with something that is no OCSP over HTTP",
        [OCSP_FETCH_BUSY] = "is asked too much",
    };
    char at[ENDPOINT_TEXT_MAX];

    if (l->down == status)
        return;
    l->down = status;
    endpoint_text(&l->config->responder, at);
    child_log(&l->fetcher->child, "the OCSP responder %s %s", at, words[status]);
}

static void end_failed(struct fetcher_line *l, enum ocsp_fetch status)
{
    /* One that is not there is there for nobody; others should not wait one by one. */
    bool gone = status == OCSP_FETCH_UNREACHABLE || status == OCSP_FETCH_TIMEOUT;

    hang_up(l);
    tell_change(l, status);
    if (gone)
        l->down_until = loop_now(&l->fetcher->child.loop) + FETCHER_DOWN_MS;
    settle(l, gone, status, NULL, 0);
}

static void failed(struct fetcher_line *l, enum ocsp_fetch status)
{
    end_failed(l, status);
    begin_next(l);
}

static void answered(struct fetcher_line *l, const struct http_answer *a)
{
    const uint8_t *der = l->in + a->body;

    tell_change(l, OCSP_FETCHED);
    keep(l, l->queue, der, a->size);
    settle(l, false, OCSP_FETCHED, der, a->size);
    hang_up(l);
    begin_next(l);
}

/* ---- the exchange ---- */

static void give_up(void *ctx)
{
    failed(ctx, OCSP_FETCH_TIMEOUT);
}

static bool dial(struct fetcher_line *l)
{
    struct loop *loop = &l->fetcher->child.loop;
    struct sockaddr_storage ss;
    socklen_t len = endpoint_to_sockaddr(&l->config->responder, &ss);

    l->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return false;
    if (connect(l->fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS)
        return false;
    return loop_add(loop, &l->watch, l->fd, EPOLLOUT, line_ready, l) &&
           loop_timer_set(loop, &l->timer, (uint64_t)l->config->timeout_s * 1000u);
}

static void begin_next(struct fetcher_line *l)
{
    const struct fetcher_job *job = l->queue;
    size_t head;

    if (!job || l->fd >= 0)
        return;
    head = http_request_head(l->config->host, l->config->path, job->size, (char *)l->out,
                             sizeof l->out - OCSP_REQUEST_MAX);
    memcpy(l->out + head, job->der, job->size);
    l->out_size = head > 0 ? head + job->size : 0;
    if (l->out_size == 0 || !dial(l))
        end_failed(l, OCSP_FETCH_UNREACHABLE); /* the queue is empty now */
}

/* False: the connection is broken. */
static bool send_request(struct fetcher_line *l)
{
    ssize_t n = send(l->fd, l->out + l->out_sent, l->out_size - l->out_sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    l->out_sent += (size_t)n;
    if (l->out_sent == l->out_size)
        loop_set(&l->fetcher->child.loop, &l->watch, EPOLLIN);
    return true;
}

static void read_answer(struct fetcher_line *l)
{
    static const enum ocsp_fetch status_of[] = {
        [HTTP_STATUS] = OCSP_FETCH_REFUSED,
        [HTTP_TOO_LARGE] = OCSP_FETCH_TOO_LARGE,
        [HTTP_BAD] = OCSP_FETCH_MALFORMED,
    };
    ssize_t n = recv(l->fd, l->in + l->have, sizeof l->in - l->have, 0);
    struct http_answer answer;
    enum http_progress progress;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        failed(l, OCSP_FETCH_UNREACHABLE);
        return;
    }
    l->have += (size_t)n;
    progress = http_answer_parse(l->in, l->have, n == 0, &answer);
    if (progress == HTTP_DONE)
        answered(l, &answer);
    else if (progress != HTTP_MORE)
        failed(l, status_of[progress]);
}

static void line_ready(void *ctx, uint32_t events)
{
    struct fetcher_line *l = ctx;
    int error = 0;
    socklen_t len = sizeof error;

    if (l->out_sent == 0 && (events & (EPOLLERR | EPOLLHUP))) {
        (void)getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        failed(l, OCSP_FETCH_UNREACHABLE);
        return;
    }
    if (l->out_sent == l->out_size)
        read_answer(l);
    else if (!send_request(l))
        failed(l, OCSP_FETCH_UNREACHABLE);
}

/* ---- questions ---- */

void fetcher_line_init(struct fetcher_line *l, struct fetcher *f,
                       const struct fetcher_group *config)
{
    l->fetcher = f;
    l->config = config;
    l->fd = -1;
    l->watch.fd = -1;
    loop_timer_init(&l->timer, give_up, l);
}

void fetcher_line_ask(struct fetcher_line *l, struct fetcher_client *client,
                      const struct msg_ocsp_ask *head, const uint8_t *der, size_t size)
{
    const struct fetcher_kept *kept = head->fresh ? NULL : find_kept(l, der, size);
    const uint32_t request = head->request;
    struct fetcher_job **last = &l->queue;
    struct fetcher_job *job;

    if (kept) {
        send_answer(client, request, true, kept->der, kept->size);
        return;
    }
    if (l->down_until > loop_now(&l->fetcher->child.loop)) {
        send_status(client, request, l->down);
        return;
    }
    job = l->queued < FETCHER_QUEUE_MAX ? calloc(1, sizeof *job) : NULL;
    if (!job) {
        send_status(client, request, OCSP_FETCH_BUSY);
        return;
    }
    job->client = client;
    job->request = request;
    job->size = size;
    memcpy(job->der, der, size);
    while (*last)
        last = &(*last)->next;
    *last = job;
    l->queued++;
    begin_next(l);
}

void fetcher_line_forget(struct fetcher_line *l, const struct fetcher_client *client)
{
    struct fetcher_job **p = &l->queue;

    while (*p) {
        struct fetcher_job *job = *p;

        /* The one that is asked now goes on: its answer is kept. */
        if (job->client == client && job == l->queue && l->fd >= 0)
            job->client = NULL;
        if (job->client != client) {
            p = &job->next;
            continue;
        }
        *p = job->next;
        l->queued--;
        free(job);
    }
}
