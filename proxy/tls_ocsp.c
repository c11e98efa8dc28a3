#include "proxy/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Our own answer is asked for again after this when it did not come. */
#define RETRY_S 30u

static bool send_question(struct tls *t, const struct ocsp_subject *who, bool fresh,
                          uint32_t *request)
{
    struct msg_ocsp_ask head = {.fresh = fresh ? 1 : 0};
    uint8_t der[OCSP_REQUEST_MAX];
    size_t n = ocsp_request(who, der, sizeof der);

    if (n == 0 || t->ocsp.fetcher.fd < 0)
        return false;
    if (++t->ocsp.last_request == 0)
        t->ocsp.last_request = 1;
    head.request = *request = t->ocsp.last_request;
    return imsg_send2(&t->ocsp.fetcher, MSG_OCSP_ASK, &head, sizeof head, der, n) ==
           IMSG_OK;
}

/* ---- what follows from an answer about a peer ---- */

static unsigned int warning_of(enum ocsp_status status)
{
    static const unsigned int warnings[OCSP_STATUS_COUNT] = {
        [OCSP_UNKNOWN] = IDENTITY_WARN_OCSP_UNKNOWN,
        [OCSP_SILENT] = IDENTITY_WARN_OCSP_SILENT,
        [OCSP_EXPIRED] = IDENTITY_WARN_OCSP_EXPIRED,
        [OCSP_FORGED] = IDENTITY_WARN_OCSP_BAD,
        [OCSP_OTHER] = IDENTITY_WARN_OCSP_BAD,
        [OCSP_GARBAGE] = IDENTITY_WARN_OCSP_BAD,
    };

    return warnings[status];
}

/* Silence must not take the station from the master (IEC 62351-9: the certificate may be
 * taken as good), unless the operator wants it so. */
static void decide(struct tls_session *s, enum ocsp_status status, const char *detail)
{
    char text[100];

    (void)snprintf(text, sizeof text, "OCSP: %s%s%s", ocsp_status_text(status),
                   detail[0] ? ", " : "", detail);
    if (s->check.running) { /* what was good stays good until somebody says otherwise */
        tls_ocsp_forget(s);
        if (status == OCSP_REVOKED)
            tls_trust_end(s, TLS_FAIL_REVOKED, text);
        return;
    }
    tls_ocsp_forget(s);
    if (status == OCSP_REVOKED) {
        tls_session_refuse(s, TLS_FAIL_REVOKED, text);
        return;
    }
    if (status != OCSP_GOOD && s->tls->config.ocsp.required) {
        tls_session_refuse(s, TLS_FAIL_OCSP_REQUIRED, text);
        return;
    }
    tls_warn(s->ssl, warning_of(status));
    tls_session_admit(s);
}

static enum ocsp_status judge(struct tls *t, const struct ocsp_subject *who,
                              const uint8_t *der, size_t n, time_t *until, char *detail,
                              size_t cap)
{
    return ocsp_judge(who, der, n, time(NULL), t->config.ocsp.max_age_s, until, detail,
                      cap);
}

static struct tls_session *session_of(struct tls *t, uint32_t request)
{
    for (struct tls_session *s = t->sessions; s; s = s->next) {
        if (s->check.request == request)
            return s;
    }
    return NULL;
}

static void judge_peer(struct tls_session *s, const uint8_t *der, size_t n, bool kept)
{
    char detail[64] = "";
    enum ocsp_status status =
        n > 0 ? judge(s->tls, &s->check.peer, der, n, NULL, detail, sizeof detail)
              : OCSP_SILENT;

    /* What the fetcher keeps it cannot judge: one bad answer must not do for all. */
    if (kept && !s->check.fresh && status != OCSP_GOOD && status != OCSP_REVOKED) {
        s->check.fresh = true;
        if (send_question(s->tls, &s->check.peer, true, &s->check.request))
            return;
    }
    decide(s, status, detail);
}

/* ---- ourselves ---- */

static void ask_about_us(void *ctx)
{
    struct tls *t = ctx;

    (void)send_question(t, &t->ocsp.own, false, &t->ocsp.own_request);
    (void)loop_timer_set(&t->child.loop, &t->ocsp.timer, (uint64_t)RETRY_S * 1000u);
}

/* An answer that does not say "good" is not given on; peers then ask for themselves. */
static void judge_us(struct tls *t, const uint8_t *der, size_t n)
{
    struct ocsp_staple *staple = &t->ocsp.staple;
    char detail[64] = "";
    time_t until = 0;
    enum ocsp_status status =
        n > 0 ? judge(t, &t->ocsp.own, der, n, &until, detail, sizeof detail)
              : OCSP_SILENT;
    uint8_t *copy = status == OCSP_GOOD ? malloc(n) : NULL;

    t->ocsp.own_request = 0;
    if (status == OCSP_REVOKED)
        child_log(&t->child, "our own certificate is revoked (%s)", detail);
    if (!copy)
        return;
    free(staple->der);
    staple->der = memcpy(copy, der, n);
    staple->size = n;
    staple->about = t->ocsp.own.cert;
    staple->until = until;
    (void)loop_timer_set(&t->child.loop, &t->ocsp.timer,
                         (uint64_t)t->config.ocsp.refresh_s * 1000u);
}

/* ---- the channel ---- */

static void answered(struct tls *t, uint32_t request, const uint8_t *der, size_t n,
                     bool kept)
{
    struct tls_session *s = session_of(t, request);

    if (request == t->ocsp.own_request)
        judge_us(t, der, n);
    else if (s)
        judge_peer(s, der, n, kept);
}

/* A part of an answer: parts come in order, without gaps, of one answer at a time. */
static enum imsg_status collect(struct tls *t, struct imsg *m)
{
    struct tls_ocsp *o = &t->ocsp;
    size_t n = m->len - sizeof(struct msg_ocsp_answer);
    struct msg_ocsp_answer part;

    memcpy(&part, m->payload, sizeof part);
    if (part.status >= OCSP_FETCH_COUNT || part.kept > 1 || part.zero != 0 ||
        part.request == 0 || part.total > sizeof o->der ||
        (part.status == OCSP_FETCHED) != (n > 0) || (n == 0 && part.total != 0))
        return imsg_reject(&o->fetcher, m);
    if (part.offset == 0) {
        o->request = part.request;
        o->total = part.total;
        o->kept = part.kept == 1;
        o->have = 0;
    }
    if (part.request != o->request || part.total != o->total || part.offset != o->have ||
        n > o->total - o->have)
        return imsg_reject(&o->fetcher, m);
    memcpy(o->der + o->have, m->payload + sizeof part, n);
    o->have += (uint32_t)n;
    if (o->have == o->total)
        answered(t, o->request, o->der, o->total, o->kept);
    return IMSG_OK;
}

static void lost_fetcher(struct tls *t)
{
    loop_del(&t->child.loop, &t->ocsp.watch);
    imsg_channel_close(&t->ocsp.fetcher);
    /* Sessions that end here stay in the list until the round is over. */
    for (struct tls_session *s = t->sessions; s; s = s->next) {
        if (s->check.request != 0)
            decide(s, OCSP_SILENT, "the fetcher is gone");
    }
}

static void fetcher_ready(void *ctx, uint32_t events)
{
    struct tls *t = ctx;
    enum imsg_status s = imsg_recv(&t->ocsp.fetcher, &t->child.scratch);

    (void)events;
    if (s == IMSG_AGAIN)
        return;
    if (s == IMSG_OK)
        s = collect(t, &t->child.scratch);
    if (s == IMSG_OK)
        return;
    if (s == IMSG_BAD)
        child_violation(&t->child, &t->ocsp.fetcher, &t->ocsp.watch);
    lost_fetcher(t);
}

void tls_ocsp_channel(struct tls *t, uint32_t id, int fd)
{
    if (t->ocsp.fetcher.fd >= 0)
        lost_fetcher(t);
    imsg_channel_init(&t->ocsp.fetcher, fd, ROLE_TLS, ROLE_FETCHER, id, PHASE_RUN);
    (void)loop_add(&t->child.loop, &t->ocsp.watch, fd, EPOLLIN, fetcher_ready, t);
    if (t->ocsp.own.cert)
        ask_about_us(t);
}

void tls_ocsp_init(struct tls *t)
{
    t->ocsp.fetcher.fd = -1;
    t->ocsp.watch.fd = -1;
    loop_timer_init(&t->ocsp.timer, ask_about_us, t);
}

void tls_ocsp_contexts(struct tls *t)
{
    X509 *was = t->ocsp.own.cert;
    struct ocsp_subject own;

    if (!t->config.ocsp.staple || !ocsp_subject_own(t->ctx[0], &own))
        return;
    if (was && X509_cmp(was, own.cert) != 0)
        t->ocsp.staple.size = 0; /* it is about another certificate */
    ocsp_subject_free(&t->ocsp.own);
    t->ocsp.own = own;
    t->ocsp.staple.about = own.cert;
    if (was)
        ask_about_us(t);
    for (size_t i = 0; i < t->config.route_count; i++) {
        if (t->config.route[i].mode == ROUTE_PROTECT_RTU)
            ocsp_staple_serve(t->ctx[i], &t->ocsp.staple);
    }
}

/* ---- sessions ---- */

void tls_ocsp_prepare(struct tls_session *s)
{
    if (!SSL_is_server(s->ssl) && ocsp_config_used(&s->tls->config.ocsp))
        ocsp_staple_want(s->ssl);
}

void tls_ocsp_forget(struct tls_session *s)
{
    ocsp_subject_free(&s->check.peer);
    memset(&s->check, 0, sizeof s->check);
}

/* True if what the server stapled settles it. */
static bool staple_decides(struct tls_session *s)
{
    char detail[64];
    size_t n = 0;
    const uint8_t *der = SSL_is_server(s->ssl) ? NULL : ocsp_staple_got(s->ssl, &n);
    enum ocsp_status status;

    if (!der)
        return false;
    status = judge(s->tls, &s->check.peer, der, n, NULL, detail, sizeof detail);
    if (status != OCSP_GOOD && status != OCSP_REVOKED && s->tls->config.ocsp.query)
        return false; /* the responder itself may know more */
    decide(s, status, detail);
    return true;
}

void tls_ocsp_check(struct tls_session *s)
{
    const struct ocsp_config *c = &s->tls->config.ocsp;

    if (!ocsp_config_used(c)) {
        tls_session_admit(s);
        return;
    }
    tls_ocsp_forget(s);
    if (!ocsp_subject_peer(s->ssl, &s->check.peer)) {
        decide(s, OCSP_SILENT, "the issuer is not at hand");
        return;
    }
    if (staple_decides(s))
        return;
    if (!c->query) {
        tls_ocsp_forget(s);
        tls_session_admit(s);
        return;
    }
    if (!send_question(s->tls, &s->check.peer, false, &s->check.request)) {
        decide(s, OCSP_SILENT, "no fetcher");
        return;
    }
    s->state = TLS_CHECK;
    (void)loop_timer_set(&s->tls->child.loop, &s->timer, (uint64_t)c->timeout_s * 1000u);
}

void tls_ocsp_timeout(struct tls_session *s)
{
    decide(s, OCSP_SILENT, "time-out");
}

void tls_ocsp_recheck(struct tls_session *s)
{
    if (!s->tls->config.ocsp.query || s->state != TLS_OPEN || s->check.request != 0)
        return;
    tls_ocsp_forget(s);
    if (!ocsp_subject_peer(s->ssl, &s->check.peer))
        return;
    s->check.running = true;
    if (!send_question(s->tls, &s->check.peer, false, &s->check.request))
        tls_ocsp_forget(s);
}
