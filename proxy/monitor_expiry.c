/* The ends of certificates and revocation lists, told in time: each threshold once. */
#include "proxy/monitor.h"

#include "certs/expiry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CHECK_INTERVAL_MS 86400000u

struct visit {
    struct monitor *m;
    const char *file;
    const char *kind; /* "certificate", "ca", "crl" */
    int64_t now;
    bool crl;
    size_t kept; /* of those told before, these are still there */
};

/* What was told of one that is there is kept in front, what was replaced is forgotten. */
static struct expiry_told *told_of(struct visit *v, const uint8_t hash[32])
{
    struct monitor_reload *r = &v->m->reload;
    struct expiry_told found = {.threshold = EXPIRY_NONE};
    size_t at = 0;

    while (at < r->told_count && memcmp(r->told[at].hash, hash, 32) != 0)
        at++;
    if (at < v->kept)
        return &r->told[at]; /* the same file in two groups */
    if (at == r->told_count) {
        if (r->told_count == EXPIRY_TOLD_MAX)
            return NULL;
        memcpy(found.hash, hash, sizeof found.hash);
        r->told[r->told_count++] = found;
    }
    found = r->told[at];
    r->told[at] = r->told[v->kept];
    r->told[v->kept] = found;
    return &r->told[v->kept++];
}

static void tell(const struct visit *v, const struct expiry_item *item)
{
    bool over = item->to <= v->now;
    char end[64];
    char text[400];
    struct record r;

    if (over)
        (void)snprintf(end, sizeof end, "%s", v->crl ? "is out of date" : "has expired");
    else
        (void)snprintf(end, sizeof end, "ends in %lld days",
                       (long long)((item->to - v->now) / 86400));
    (void)snprintf(text, sizeof text, "%s of %s %s: %s",
                   v->crl ? "the list" : "the certificate", item->name, end, v->file);
    monitor_log("%s%s", over ? "ALARM: " : "", text);
    record_begin(&r, over ? EVENT_EXPIRED : EVENT_EXPIRES_SOON, 0, false);
    record_text(&r, RECORD_WHY, v->kind);
    if (v->crl && over)
        record_text(&r, RECORD_EVENT_ID, "IEC62351-3:2.6");
    record_text(&r, RECORD_DETAIL, text);
    monitor_record(v->m, &r);
}

static void look_at(void *ctx, const struct expiry_item *item)
{
    struct visit *v = ctx;
    struct expiry_told *told = told_of(v, item->hash);
    int threshold = expiry_threshold(item->from, item->to, v->now);

    if (!told || threshold == EXPIRY_NONE ||
        (told->threshold != EXPIRY_NONE && threshold >= told->threshold))
        return;
    told->threshold = threshold;
    tell(v, item);
}

static void visit_certs(struct visit *v, const struct config_file *f, const char *kind)
{
    const struct pem_text pem = {f->path, f->text};

    v->file = f->path;
    v->kind = kind;
    v->crl = false;
    expiry_of_certs(&pem, look_at, v);
}

static void visit_crls(struct visit *v, const struct config_file *f)
{
    const struct pem_text pem = {f->path, f->text};

    v->file = f->path;
    v->kind = "crl";
    v->crl = true;
    expiry_of_crls(&pem, look_at, v);
}

static void check_again(void *ctx)
{
    monitor_expiry_check(ctx);
}

void monitor_expiry_check(struct monitor *m)
{
    const struct config *c = m->config;
    struct visit v = {.m = m, .now = time(NULL)};

    for (size_t i = 0; i < c->tls_count; i++) {
        const struct config_tls *t = &c->tls[i];

        visit_certs(&v, &t->cert, "certificate");
        if (t->second_cert.text)
            visit_certs(&v, &t->second_cert, "certificate");
        for (size_t k = 0; k < t->ca_count; k++)
            visit_certs(&v, &t->ca[k], "ca");
        for (size_t k = 0; k < t->crl_count; k++)
            visit_crls(&v, &t->crl[k]);
    }
    m->reload.told_count = v.kept;
    loop_timer_stop(&m->loop, &m->reload.expiry_timer);
    loop_timer_init(&m->reload.expiry_timer, check_again, m);
    (void)loop_timer_set(&m->loop, &m->reload.expiry_timer, CHECK_INTERVAL_MS);
}
