#include "proxy/audit_verify_chain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Sixty years of a seal each minute; stops nobody but who has the signing key. */
#define EPOCH_STEPS_MAX (UINT64_C(1) << 25)

struct message {
    char *text;
    size_t cap;
};

__attribute__((format(printf, 2, 3))) static bool bad(const struct message *m,
                                                      const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(m->text, m->cap, fmt, ap);
    va_end(ap);
    return false;
}

void audit_seal_watch_init(struct audit_seal_watch *w,
                           const struct audit_verify_options *o,
                           struct audit_seal_summary *summary)
{
    memset(w, 0, sizeof *w);
    w->o = o;
    w->summary = summary;
}

/* ---- its place among the seals ---- */

static bool same_key(const struct audit_seal_watch *w, const struct audit_seal_line *s)
{
    return memcmp(s->key, w->seal.key, sizeof s->key) == 0;
}

static bool check_epoch(const struct audit_seal_watch *w, const struct audit_seal_line *s,
                        const struct message *m)
{
    uint64_t last = w->seal.epoch;

    if (!same_key(w, s))
        return s->epoch == 1 ||
               bad(m, "signed by another key than the seal before, and not in epoch 1");
    if (s->epoch == last + 1)
        return true;
    if (s->epoch == last)
        return bad(m, "a second seal of epoch %" PRIu64, last);
    if (s->epoch < last)
        return bad(m, "a seal of epoch %" PRIu64 " behind that of epoch %" PRIu64,
                   s->epoch, last);
    return bad(
        m, "the seals of epochs %" PRIu64 " to %" PRIu64 " are missing in front of it",
        last + 1, s->epoch - 1);
}

static bool check_next(const struct audit_seal_watch *w, const struct audit_seal_line *s,
                       const uint8_t line_before[AUDIT_HASH_SIZE],
                       const struct message *m)
{
    if (!check_epoch(w, s, m))
        return false;
    if (s->first_seq != w->seq + 1)
        return bad(m, "it does not begin behind the seal before");
    if (memcmp(s->before, line_before, AUDIT_HASH_SIZE) != 0)
        return bad(m, "it does not name the seal before");
    return true;
}

/* The first seal of what there is.  Of a log whose first files were deleted it follows a
 * seal that is gone, if it is not the first of all. */
static bool check_first(const struct audit_chain_start *start,
                        const struct audit_seal_line *s, const struct message *m)
{
    static const uint8_t none[AUDIT_HASH_SIZE];
    bool first = s->epoch == 1 && memcmp(s->before, none, sizeof none) == 0;

    if (start->seq > 1) {
        if (s->first_seq > start->seq)
            return bad(m, "it follows a seal, and record %" PRIu64 " is none",
                       s->first_seq - 1);
        /* The chain begins right behind that seal. */
        if (s->first_seq == start->seq && !first &&
            memcmp(s->before, start->prev, AUDIT_HASH_SIZE) != 0)
            return bad(m, "it does not name the seal before");
        return true;
    }
    if (s->epoch > 1)
        return bad(m, "the seals of epochs 1 to %" PRIu64 " are missing in front of it",
                   s->epoch - 1);
    if (s->first_seq != 1)
        return bad(m, "the first seal, and it does not begin with record 1");
    if (!first)
        return bad(m, "the first seal, and it names one before");
    return true;
}

static bool check_counts(const struct audit_seal_watch *w,
                         const struct audit_chain_start *start, uint64_t seq,
                         const struct audit_seal_line *s, const struct message *m)
{
    if (s->first_seq > seq || s->records != seq - s->first_seq)
        return bad(m, "it does not cover the records up to itself");
    if (s->first_seq < start->seq)
        return true; /* not all that it covers are there to be counted */
    if (memcmp(&s->counts, &w->counts, sizeof s->counts) != 0)
        return bad(m,
                   "its counters do not fit: %" PRIu64 " commands, %" PRIu64
                   " refusals, %" PRIu64 " alarms and %" PRIu64 " gaps are there",
                   w->counts.commands, w->counts.refusals, w->counts.alarms,
                   w->counts.gaps);
    return true;
}

/* ---- who made it ---- */

/* 1: good, 0: the key was not given, -1: not made with that key. */
static int check_signature(const struct audit_verify_options *o, const char *line,
                           size_t n, const struct audit_seal_line *s)
{
    for (size_t i = 0; i < o->n_keys; i++) {
        if (memcmp(o->keys[i].id, s->key, sizeof s->key) == 0)
            return audit_seal_signed(&o->keys[i], line, n, s) ? 1 : -1;
    }
    return 0;
}

/* Tries the seeds on the first seal of an era. */
static bool bind_era(struct audit_era *era, const struct audit_verify_options *o,
                     const char *line, size_t n, const struct audit_seal_line *s)
{
    for (size_t i = 0; i < o->n_seeds && s->epoch <= EPOCH_STEPS_MAX; i++) {
        if (audit_epoch_first(&era->key, o->seeds[i]) &&
            audit_epoch_advance(&era->key, s->epoch) &&
            audit_seal_maced(&era->key, line, n, s))
            return true;
    }
    return false;
}

static bool check_mac(struct audit_seal_watch *w, const struct audit_place_in_log *at,
                      const char *line, size_t n, const struct audit_seal_line *s,
                      const struct message *m)
{
    struct audit_era *era = &w->era;
    bool good;

    if (w->o->n_seeds == 0)
        return true;
    if (!w->any || !same_key(w, s)) {
        era->bound = bind_era(era, w->o, line, n, s);
        era->first = *at;
        good = era->bound;
    } else {
        good = era->bound && audit_epoch_advance(&era->key, s->epoch) &&
               audit_seal_maced(&era->key, line, n, s);
        if (era->bound && !good)
            return bad(m, "its MAC does not fit: it was made without the MAC keys, "
                          "whoever signed it");
    }
    w->summary->macs += good ? 1 : 0;
    return true;
}

static bool check_maker(struct audit_seal_watch *w, const struct audit_place_in_log *at,
                        const char *line, size_t n, const struct audit_seal_line *s,
                        const struct message *m)
{
    int got = check_signature(w->o, line, n, s);

    if (got < 0)
        return bad(m, "the signature does not fit: the seal, or a record since the seal "
                      "before, was changed");
    if (!check_mac(w, at, line, n, s, m))
        return false;
    if (got > 0) {
        w->summary->signatures++;
        w->strange.line = 0;
    } else if (w->o->n_keys > 0) {
        w->summary->strange++;
        if (w->strange.line == 0)
            w->strange = *at;
    }
    return true;
}

/* ---- what it says of the configuration ---- */

static bool check_config(struct audit_seal_watch *w, const struct audit_seal_line *s,
                         const struct message *m)
{
    static const uint8_t unknown[AUDIT_HASH_SIZE];

    if (memcmp(s->config, unknown, sizeof unknown) == 0)
        return true;
    if (w->config_known && !w->config_told &&
        memcmp(s->config, w->config, sizeof w->config) != 0)
        return bad(m, "another configuration than at the seal before, and no record "
                      "system.reload or system.start tells of it");
    memcpy(w->config, s->config, sizeof w->config);
    w->config_known = true;
    w->config_told = false;
    return true;
}

/* ---- records ---- */

static void count(struct audit_seal_watch *w, const struct audit_envelope *e)
{
    struct audit_seal_counts *c = &w->counts;

    c->commands += strcmp(e->event, "op.command") == 0;
    c->refusals += strcmp(e->event, "policy.refused") == 0;
    c->gaps += strcmp(e->event, "log.gap") == 0;
    c->alarms += strcmp(e->severity, "alarm") == 0;
    w->config_told |=
        (strcmp(e->from, "monitor-0") == 0 || strcmp(e->from, AUDIT_SEAL_FROM) == 0) &&
        (strcmp(e->event, "system.reload") == 0 || strcmp(e->event, "system.start") == 0);
}

static void keep(struct audit_seal_watch *w, const struct audit_envelope *e,
                 const struct audit_seal_line *s, const uint8_t hash[AUDIT_HASH_SIZE])
{
    struct audit_seal_summary *sum = w->summary;

    if (!w->any)
        w->first_epoch = s->epoch;
    if (s->epoch == 1) /* there were none before, or not of this key */
        w->unsealed.line = 0;
    sum->seals++;
    if (w->o->n_keys == 0 || w->strange.line == 0 || sum->signatures == 0) {
        sum->epoch = s->epoch;
        sum->seq = e->seq;
        memcpy(sum->time, e->time, sizeof sum->time);
        memcpy(sum->key, s->key, sizeof sum->key);
    }
    w->any = w->file_sealed = true;
    w->seq = e->seq;
    w->seal = *s;
    memcpy(w->hash, hash, sizeof w->hash);
    memset(&w->counts, 0, sizeof w->counts);
}

bool audit_seal_watch_take(struct audit_seal_watch *w,
                           const struct audit_chain_start *start,
                           const struct audit_place_in_log *at,
                           const struct audit_envelope *e, const char *line, size_t n,
                           const uint8_t hash[AUDIT_HASH_SIZE], char *why, size_t cap)
{
    const struct message m = {why, cap};
    struct audit_seal_line s;
    const char *fault;

    if (strcmp(e->event, AUDIT_SEAL_EVENT) != 0 ||
        strcmp(e->from, AUDIT_SEAL_FROM) != 0) {
        count(w, e);
        return true;
    }
    fault = audit_seal_parse(line, n, &s);
    if (fault)
        return bad(&m, "%s", fault);
    if (!(w->any ? check_next(w, &s, w->hash, &m) : check_first(start, &s, &m)) ||
        !check_counts(w, start, e->seq, &s, &m) || !check_maker(w, at, line, n, &s, &m) ||
        !check_config(w, &s, &m))
        return false;
    if (w->o->anchors && !audit_anchors_see(w->o->anchors, hash, s.epoch, at))
        return bad(&m, "out of memory");
    keep(w, e, &s, hash);
    return true;
}

void audit_seal_watch_file_end(struct audit_seal_watch *w,
                               const struct audit_place_in_log *last)
{
    if (!w->file_sealed && w->unsealed.line == 0)
        w->unsealed = *last;
    w->file_sealed = false;
}

/* ---- the end ---- */

__attribute__((format(printf, 4, 5))) static void
judge(struct audit_verdict *v, enum audit_state state,
      const struct audit_place_in_log *place, const char *fmt, ...)
{
    va_list ap;

    v->state = state;
    if (place)
        v->bad = *place;
    va_start(ap, fmt);
    (void)vsnprintf(v->why, sizeof v->why, fmt, ap);
    va_end(ap);
}

static void judge_anchors(struct audit_seal_watch *w, struct audit_verdict *v)
{
    struct audit_anchors *a = w->o->anchors;
    /* Of a log that retention has cut, older anchors are none of its seals. */
    bool cut = v->head_missing && v->head_deleted;
    const struct audit_anchor *gone;

    if (!a)
        return;
    gone = audit_anchors_missing(a, cut ? v->first.seq : 0, cut ? w->first_epoch : 0);
    if (!gone) {
        v->seal.deleted = a->n - audit_anchors_found(a);
        return;
    }
    if (w->any && w->seal.epoch >= gone->epoch)
        judge(v, AUDIT_STATE_TAMPERED, a->other_epoch == gone->epoch ? &a->other : NULL,
              "rewritten: the seal of epoch %" PRIu64 " is not the one that was anchored",
              gone->epoch);
    else
        judge(v, AUDIT_STATE_TAMPERED, NULL,
              "cut: the anchored seal of epoch %" PRIu64 " is not there, nor what was "
              "behind the end",
              gone->epoch);
}

static void judge_keys(const struct audit_seal_watch *w, struct audit_verdict *v)
{
    const struct audit_verify_options *o = w->o;
    char key[2 * AUDIT_SEAL_KEY_SIZE + 1];

    audit_hex(w->seal.key, sizeof w->seal.key, key);
    if ((o->n_keys > 0 || o->n_seeds > 0) && !w->any)
        judge(v, AUDIT_STATE_INCOMPLETE, NULL, "no seal is in it");
    else if (o->n_keys > 0 && v->seal.signatures == 0)
        judge(v, AUDIT_STATE_INCOMPLETE, &w->strange,
              "no seal is of a key that was given, but of key %s", key);
    else if (o->n_keys > 0 && w->strange.line > 0)
        judge(v, AUDIT_STATE_INCOMPLETE, &w->strange,
              "from here on sealed by a key that was not given, %s", key);
    else if (o->n_keys > 0 && w->unsealed.line > 0)
        judge(v, AUDIT_STATE_INCOMPLETE, &w->unsealed, "the file has no seal");
}

void audit_seal_watch_end(struct audit_seal_watch *w, struct audit_verdict *v)
{
    if (w->any && w->o->n_seeds > 0 && !w->era.bound) {
        judge(
            v, AUDIT_STATE_TAMPERED, &w->era.first,
            "its MAC does not fit: it was made without the MAC keys, whoever signed it, "
            "or the seed is another one's");
        return;
    }
    judge_anchors(w, v);
    if (v->state == AUDIT_STATE_OK)
        judge_keys(w, v);
}
