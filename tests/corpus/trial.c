#include "tests/corpus/trial.h"

#include "tests/corpus/script.h"

#include <stdio.h>
#include <string.h>

#define SINGLE_CONFIRMED "i{2d01 0700 0100 e90300 01}"

/* What is sent, and what of it is good. */
struct stream {
    struct notation prior, row;
    size_t size; /* of prior and row */
    size_t bad;  /* where the APDU begins that does not simply pass; size for none */
    size_t last; /* with the test frame behind all */
    uint8_t octets[2 * NOTATION_MAX + sizeof TESTFR_ACT];
};

/* What must come of it. */
struct outcome {
    enum row_verdict verdict; /* ROW_PASS for what is only observed */
    bool fault;               /* a record, of: */
    enum event event;
    const char *word;
};

/* ---- what is sent ---- */

static size_t behind_apdus(const uint8_t *p, size_t n, unsigned int count)
{
    size_t at = 0;

    for (unsigned int i = 0; i < count && at + 1 < n; i++)
        at += p[at + 1] + 2u;
    return at;
}

static const char *prior_text(const struct trial *t)
{
    if (t->way == WAY_BEHIND_TEST)
        return "testfr";
    if (t->way == WAY_BEHIND_I)
        return routes[t->row->state->route].good[t->from];
    return "";
}

/* The frame before the row acknowledges nothing new, so that the row finds its state. */
static bool make_stream(const struct trial *t, struct numbers *numbers, uint16_t told,
                        struct stream *out)
{
    const uint16_t vr = numbers->vr;

    numbers->vr = told;
    if (!notation_expand(prior_text(t), numbers, &out->prior))
        return false;
    numbers->vr = vr;
    if (!notation_expand(t->row->text, numbers, &out->row))
        return false;
    out->size = out->prior.size + out->row.size;
    memcpy(out->octets, out->prior.octets, out->prior.size);
    memcpy(out->octets + out->prior.size, out->row.octets, out->row.size);
    memcpy(out->octets + out->size, TESTFR_ACT, sizeof TESTFR_ACT);
    out->last = out->size + sizeof TESTFR_ACT;
    out->bad = out->size;
    if (t->row->verdict != ROW_PASS)
        out->bad = out->prior.size +
                   behind_apdus(out->row.octets, out->row.size, t->row->passes);
    return true;
}

size_t trial_octets(const struct row *row, struct notation *out)
{
    struct numbers numbers = {0, 0};

    if (!notation_expand(row->text, &numbers, out))
        return SIZE_MAX;
    return behind_apdus(out->octets, out->size, row->passes);
}

/* Messages stay apart by themselves, writes to TCP do not. */
static bool send_part(struct world *w, struct station *near, const uint8_t *p, size_t n)
{
    return station_send(w, near, p, n) && (near->tls || station_settle(w, near));
}

static bool send_stream(struct world *w, const struct trial *t, struct station *near,
                        const struct stream *s)
{
    if (t->way == WAY_AHEAD)
        return station_send(w, near, s->octets, s->last);
    for (size_t at = 0; at < s->size;) {
        size_t n = s->size - at;

        if (t->way == WAY_OCTETS)
            n = 1;
        if (t->way == WAY_SPLIT && at == 0)
            n = t->split;
        if (!send_part(w, near, s->octets + at, n))
            return false;
        at += n;
    }
    if (t->row->verdict == ROW_WAIT)
        return station_settle(w, near);
    return station_send(w, near, TESTFR_ACT, sizeof TESTFR_ACT);
}

/* ---- what must come of it ---- */

static struct outcome outcome_of(const struct world *w, const struct trial *t)
{
    static const char *const words[] = {
        [ROW_CLOSE] = "close", [ROW_DROP] = "drop", [ROW_ANSWER] = "refuse"};
    const struct row *row = t->row;
    enum reason_class class = reason_info(row->reason)->class;
    struct outcome o = {.verdict = row->verdict, .fault = row->reason != REASON_OK};

    if (!o.fault)
        return o;
    if (class == REASON_CLASS_FRAMING || class == REASON_CLASS_LINK) {
        o.event = EVENT_APCI;
        o.word = "";
    } else if (class == REASON_CLASS_MEANING && !w->setting.enforce) {
        o.verdict = ROW_PASS;
        o.event = t->from == LEG_MASTER ? EVENT_WOULD_REFUSE : EVENT_ASDU;
        o.word = t->from == LEG_MASTER ? "would-refuse" : "would-drop";
    } else {
        o.event = EVENT_ASDU;
        o.word = words[row->verdict];
    }
    return o;
}

/* ---- what came of it ---- */

/* Octets from `heard` that are the same frame, renumbered; 0 if they are not. */
static size_t same_apdu(const uint8_t *sent, const uint8_t *heard, size_t n)
{
    const size_t size = sent[1] + 2u;
    const size_t from = (sent[2] & 1) == 0 ? 6 : 0;

    if (n < size || heard[1] != sent[1] || (heard[2] & 1) != (sent[2] & 1))
        return 0;
    return memcmp(sent + from, heard + from, size - from) == 0 ? size : 0;
}

static bool is_s_frame(const uint8_t *apdu)
{
    return (apdu[2] & 3) == 1;
}

/* The far end heard the good APDUs of the stream up to `end`, and at the end nothing
 * else. In what waits for the log when a session ends, some may be missing. */
static const char *check_far(const struct station *far, const struct stream *s,
                             size_t end, bool some)
{
    size_t heard = 0;

    for (size_t at = 0; at < end; at += s->octets[at + 1] + 2u) {
        size_t n;

        if (is_s_frame(s->octets + at))
            continue;
        n = same_apdu(s->octets + at, far->heard + heard, far->size - heard);
        if (n == 0)
            return some && heard == far->size ? NULL
                                              : "what is good does not pass as it is";
        heard += n;
    }
    return heard == far->size ? NULL : "something passed that should not";
}

/* Octets of the good APDUs that arrive: S-frames are made anew. */
static size_t passing(const struct stream *s)
{
    size_t size = 0;

    for (size_t at = 0; at < s->bad; at += s->octets[at + 1] + 2u)
        size += is_s_frame(s->octets + at) ? 0 : s->octets[at + 1] + 2u;
    return size;
}

static const char *check_near(const struct trial *t, const struct outcome *o,
                              const struct station *near, const struct stream *s)
{
    uint8_t want[256];
    size_t size = s->octets[s->bad + 1] + 2u;

    if (o->verdict != ROW_ANSWER || t->row->cause == 0)
        return near->size == 0 ? NULL : "the sender heard something";
    memcpy(want, s->octets + s->bad, size);
    want[8] = (uint8_t)((want[8] & 0x80) | 0x40 | t->row->cause);
    if (near->size != size || same_apdu(want, near->heard, near->size) == 0)
        return near->size == 0 ? "no answer" : "another answer";
    return NULL;
}

static const char *check_octets(const struct fault_record *f, const struct stream *s)
{
    const uint8_t *bad = s->octets + s->bad;
    size_t left = s->last - s->bad;

    if (f->apdu_size > left || memcmp(f->apdu, bad, f->apdu_size) != 0)
        return "the record has other octets";
    if (f->event == EVENT_APCI)
        return f->apdu_size > f->offset ? NULL : "the record lacks the bad octet";
    return f->apdu_size == bad[1] + 2u ? NULL : "the record has not the whole APDU";
}

static const char *check_fault(const struct trial *t, const struct outcome *o,
                               const struct session *session, const struct stream *s)
{
    static char text[120];
    const struct fault_record *f = &session->fault[0];

    if (session->faults != (o->fault ? 1u : 0u)) {
        (void)snprintf(text, sizeof text, "%u records of a fault, the first %s %s",
                       session->faults, reason_name((unsigned int)f->reason), f->verdict);
        return text;
    }
    if (!o->fault)
        return NULL;
    if (f->reason != t->row->reason || f->offset != t->row->offset ||
        f->event != o->event || strcmp(f->verdict, o->word) != 0 ||
        f->direction != (t->from == LEG_MASTER ? DIR_CONTROL : DIR_MONITOR)) {
        (void)snprintf(text, sizeof text, "the record says %s.%s %s, octet %u, \"%s\"",
                       event_info(f->event)->group, event_info(f->event)->name,
                       reason_name((unsigned int)f->reason), (unsigned int)f->offset,
                       f->verdict);
        return text;
    }
    return check_octets(f, s);
}

/* I-frames of the master that went on leave a record each. */
static const char *check_commands(const struct trial *t, const struct outcome *o,
                                  const struct session *session, const struct stream *s,
                                  size_t end)
{
    unsigned int want = 0;

    for (size_t at = 0; t->from == LEG_MASTER && at < end; at += s->octets[at + 1] + 2u)
        want += (s->octets[at + 2] & 1) == 0;
    if (want > 0 && o->event == EVENT_WOULD_REFUSE)
        want--;
    return session->commands == want ? NULL : "another number of commands in the log";
}

static const char *check_heard(const struct trial *t, const struct outcome *o,
                               const struct session *session, const struct stream *s)
{
    const struct station *near = &session->at[t->from];
    const struct station *far = &session->at[t->from ^ 1];

    if (near->wrong)
        return near->wrong;
    if (far->wrong)
        return far->wrong;
    return o->verdict == ROW_WAIT ? NULL : check_near(t, o, near, s);
}

/* ---- by outcome ---- */

static const char *check_closed(struct world *w, const struct trial *t,
                                const struct outcome *o, struct session *session,
                                const struct stream *s)
{
    const bool held = w->setting.sync && t->from == LEG_MASTER;
    const char *fault;

    if (station_wait_confirmations(w, session, &session->at[t->from],
                                   s->prior.tests + s->row.tests + 1))
        return "not closed";
    if (!session_wait_end(w, session))
        return "not closed at both ends";
    fault = check_far(&session->at[t->from ^ 1], s, s->bad, held);
    if (!fault && !held)
        fault = check_commands(t, o, session, s, s->bad);
    if (fault)
        return fault;
    if (session->closes != 1 ||
        strcmp(session->close_why, reason_name(t->row->reason)) != 0 ||
        strcmp(session->close_leg, t->from == LEG_MASTER ? "master" : "station") != 0)
        return "the record of the end says something else";
    return session->not_forwarded > (held ? 1u : 0u)
               ? "a command is said not to have left"
               : NULL;
}

/* What the far end hears of a session that lives: the test frame stands behind what
 * passed. */
static const char *check_passed(const struct session *session, const struct trial *t,
                                struct stream *s, size_t end)
{
    static struct stream passed;

    passed = *s;
    memcpy(passed.octets + end, TESTFR_ACT, sizeof TESTFR_ACT);
    return check_far(&session->at[t->from ^ 1], &passed, end + sizeof TESTFR_ACT, false);
}

/* The session lives.  `owed`: I-frames of the sender were not acknowledged before. */
static const char *check_alive(struct world *w, const struct trial *t,
                               const struct outcome *o, struct session *session,
                               struct stream *s, bool owed)
{
    const struct station *near = &session->at[t->from];
    const bool consumed = o->verdict == ROW_DROP || o->verdict == ROW_ANSWER;
    const size_t end = o->verdict == ROW_PASS ? s->size : s->bad;
    const char *fault;

    if (!station_wait_confirmations(w, session, &session->at[t->from],
                                    s->prior.tests + s->row.tests + 1))
        return session->over ? "the session ended" : "the session does not go on";
    fault = check_passed(session, t, s, end);
    if (!fault)
        fault = check_commands(t, o, session, s, end);
    if (!fault && consumed && !owed && s->prior.i_frames == 0 &&
        near->acknowledged != near->next.vs)
        fault = "what was consumed is not acknowledged";
    if (!fault && (session->over || session->closes != 0 || session->not_forwarded != 0))
        fault = "the session ended";
    return fault;
}

/* An APDU that is not complete: the other way is open, and then the sender goes. */
static const char *check_waits(struct world *w, const struct trial *t,
                               struct session *session, const struct stream *s)
{
    struct station *near = &session->at[t->from];
    struct station *far = &session->at[t->from ^ 1];
    const char *fault;

    if (!station_send(w, far, TESTFR_ACT, sizeof TESTFR_ACT) ||
        !station_wait_heard(w, session, near, sizeof TESTFR_ACT))
        return session->over ? "the session ended" : "the other direction stands still";
    if (near->size != sizeof TESTFR_ACT ||
        memcmp(near->heard, TESTFR_ACT, sizeof TESTFR_ACT) != 0)
        return "the sender heard something";
    /* What is good may wait for its record. */
    (void)station_wait_heard(w, session, far, passing(s));
    fault = check_far(far, s, s->bad, false);
    if (fault)
        return fault;
    if (!session_end(w, ON_TRIAL))
        return "it does not end";
    return session->closes == 1 && session->faults == 0 ? NULL : "its end is another";
}

static const char *check(struct world *w, const struct trial *t, struct session *session,
                         struct stream *s, bool owed)
{
    const struct outcome o = outcome_of(w, t);
    const char *fault;

    if (o.verdict == ROW_WAIT)
        fault = check_waits(w, t, session, s);
    else if (o.verdict == ROW_CLOSE)
        fault = check_closed(w, t, &o, session, s);
    else
        fault = check_alive(w, t, &o, session, s, owed);
    if (!fault)
        fault = check_heard(t, &o, session, s);
    return fault ? fault : check_fault(t, &o, session, s);
}

/* ---- the witness ---- */

#define HALF 9u

bool witness_begin(struct world *w, struct session *witness)
{
    bool good = session_begin(w, WITNESS, witness, ROUTE_PLAIN) &&
                script_run(w, witness, "m startdt; s startcon");

    session_forget(witness);
    return good;
}

/* Its master has begun an APDU. */
static bool witness_begins(struct world *w, struct session *x, struct notation *apdu)
{
    struct station *m = &x->at[LEG_MASTER];

    return notation_expand(routes[ROUTE_PLAIN].good[LEG_MASTER], &m->next, apdu) &&
           station_send(w, m, apdu->octets, HALF);
}

/* ... and ends it; its station answers. */
static const char *witness_ends(struct world *w, struct session *x,
                                const struct notation *apdu)
{
    static struct notation answer;
    struct station *m = &x->at[LEG_MASTER];
    struct station *st = &x->at[LEG_STATION];

    if (!station_send(w, m, apdu->octets + HALF, apdu->size - HALF) ||
        !station_wait_heard(w, x, st, apdu->size) ||
        same_apdu(apdu->octets, st->heard, st->size) != st->size)
        return "another session: its command does not arrive";
    if (!notation_expand(SINGLE_CONFIRMED, &st->next, &answer) ||
        !station_send(w, st, answer.octets, answer.size) ||
        !station_wait_heard(w, x, m, answer.size) ||
        same_apdu(answer.octets, m->heard, m->size) != m->size)
        return "another session: its answer does not arrive";
    if (m->wrong || st->wrong || x->commands != 1 || x->faults != 0 || x->closes != 0)
        return "another session: something befell it";
    session_forget(x);
    return NULL;
}

/* ---- one trial ---- */

bool trial_may_be_behind_i(const struct row *row, enum link_leg from)
{
    return strchr(row->state->may_talk, from == LEG_MASTER ? 'm' : 's') != NULL;
}

/* A good I-frame may stand before it: the window of the sender has room, and nothing is
 * behind the bad ASDU that is looked at while the first one waits for the log, and may be
 * worse. */
static bool may_be_behind_i(const struct world *w, const struct trial *t,
                            const struct station *near, const struct stream *s)
{
    const unsigned int open = (near->next.vs - near->acknowledged) & 0x7FFFu;
    const bool waits = w->setting.sync && t->from == LEG_MASTER;

    if (t->row->reason == REASON_K_EXCEEDED || open > routes[t->row->state->route].k)
        return false;
    return !waits || s->bad == s->size || s->bad + s->octets[s->bad + 1] + 2u >= s->size;
}

static const char *play(struct world *w, const struct trial *t, struct session *session)
{
    static struct stream stream;
    struct station *near = &session->at[t->from];
    bool owed;

    if (!session_begin(w, ON_TRIAL, session, t->row->state->route) ||
        !script_run(w, session, t->row->state->script))
        return "no session in that state";
    session_forget(session);
    owed = near->acknowledged != near->next.vs;
    near->mute = t->row->verdict == ROW_WAIT;
    if (!make_stream(t, &near->next, session->at[t->from ^ 1].acknowledged, &stream))
        return "the octets of the row are none";
    if (t->way == WAY_BEHIND_I && !may_be_behind_i(w, t, near, &stream))
        return NULL;
    if (!send_stream(w, t, near, &stream) && t->row->verdict != ROW_CLOSE)
        return "it does not take the octets";
    return check(w, t, session, &stream, owed);
}

const char *trial_run(struct world *w, const struct trial *t, struct session *session)
{
    static struct notation apdu;
    struct session *witness = w->session[WITNESS];
    const char *fault;

    if (!witness_begins(w, witness, &apdu))
        return "another session: its command does not leave";
    fault = play(w, t, session);
    if (w->session[ON_TRIAL] && !session_end(w, ON_TRIAL) && !fault)
        fault = "the session does not end";
    if (!fault && w->wrong[0] == '\0')
        fault = witness_ends(w, witness, &apdu);
    if (w->wrong[0] != '\0')
        return w->wrong;
    return fault;
}
