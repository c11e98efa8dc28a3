#include "fuzz/lib/link_model.h"

#include "fuzz/lib/fuzz.h"

#include <string.h>

static enum link_leg far_of(enum link_leg leg)
{
    return leg == LEG_MASTER ? LEG_STATION : LEG_MASTER;
}

static unsigned int modulo(uint64_t count)
{
    return (unsigned int)(count % APCI_SEQ_MOD);
}

void model_init(struct model *m, struct link *link, const struct link_config *config)
{
    m->link = link;
    m->k = config->k;
    m->output_size = config->output_size;
    m->crowded = m->closed = false;
    m->why = REASON_OK;
    for (size_t i = 0; i < LINK_LEGS; i++) {
        struct model_leg *leg = &m->leg[i];
        leg->received = leg->told = leg->sent = 0;
        leg->starts = leg->stops = leg->tests = 0;
        leg->begun = leg->started = false;
        leg->offered = 0;
        leg->parsed = 0;
        leg->replied = 0;
        leg->forwarded.first = leg->forwarded.end = 0;
        leg->replies.first = leg->replies.end = 0;
    }
}

/* ---- figures ---- */

static void check_leg(struct model *m, enum link_leg leg)
{
    const struct link_count *c = link_counts(m->link, leg);
    const struct link_count *other = link_counts(m->link, far_of(leg));
    const uint64_t settled = c->forwarded + c->refused + c->dropped;

    FUZZ_CHECK(link_unacknowledged(m->link, leg) <= m->k);
    FUZZ_CHECK(link_owed(m->link, leg) <= m->k);
    FUZZ_CHECK(c->sent.i - c->acknowledged == link_unacknowledged(m->link, leg));
    FUZZ_CHECK(c->sent.i == other->forwarded + c->inserted);
    FUZZ_CHECK(c->received.i == m->leg[leg].received && settled <= c->received.i);
    FUZZ_CHECK(c->received.i - settled <= m->k);
    FUZZ_CHECK(c->inserted == c->refused);
    FUZZ_CHECK(c->sent.u <= other->received.u);
    FUZZ_CHECK(leg == LEG_MASTER || c->refused == 0);
}

/* The same frame is offered until it is decided upon; only an S-frame that link_output
 * adds may take its room. */
static void check_offer(struct model *m, enum link_leg leg)
{
    struct link_frame f;
    const uint64_t now = link_next(m->link, leg, &f) ? f.ticket : 0;

    FUZZ_CHECK(m->leg[leg].offered == 0 || m->leg[leg].offered == now);
    m->leg[leg].offered = now;
}

/* After every call. */
static void check_link(struct model *m)
{
    struct link_frame f;
    enum reason why;

    check_leg(m, LEG_MASTER);
    check_leg(m, LEG_STATION);
    FUZZ_CHECK(link_is_closed(m->link, &why) == m->closed && why == m->why);
    /* The station's con reached the master, until its act to stop. */
    m->leg[LEG_MASTER].started = link_is_started(m->link);
    m->leg[LEG_MASTER].begun |= m->leg[LEG_MASTER].started;
    if (!m->closed) {
        check_offer(m, LEG_MASTER);
        check_offer(m, LEG_STATION);
        FUZZ_CHECK(m->crowded || (link_can_receive(m->link, LEG_MASTER) &&
                                  link_can_receive(m->link, LEG_STATION)));
        return;
    }
    for (int leg = 0; leg < LINK_LEGS; leg++) {
        FUZZ_CHECK(!link_can_receive(m->link, (enum link_leg)leg));
        FUZZ_CHECK(!link_next(m->link, (enum link_leg)leg, &f));
        FUZZ_CHECK(!link_held(m->link, (enum link_leg)leg, &f));
    }
}

void model_close(struct model *m, enum reason why)
{
    if (!m->closed)
        m->why = why;
    m->closed = true;
    link_close(m->link, why);
    check_link(m);
}

/* ---- input ---- */

uint16_t model_nr(const struct model *m, enum link_leg leg, unsigned int behind)
{
    const struct link_count *c = link_counts(m->link, leg);
    const uint64_t open = c->sent.i - c->acknowledged;

    return (uint16_t)modulo(c->sent.i - (behind < open ? behind : open));
}

static enum reason judge_nr(const struct model *m, enum link_leg leg, uint16_t nr)
{
    const struct link_count *c = link_counts(m->link, leg);
    const unsigned int step = modulo(nr + APCI_SEQ_MOD - modulo(c->acknowledged));

    return step <= c->sent.i - c->acknowledged ? REASON_OK : REASON_NR_ERROR;
}

static enum reason judge_i(const struct model *m, enum link_leg leg, const struct apci *a)
{
    const struct model_leg *side = &m->leg[leg];

    if (!side->started)
        return REASON_STATE;
    if (a->ns != modulo(side->received))
        return REASON_NS_ERROR;
    if (link_owed(m->link, leg) >= m->k)
        return REASON_K_EXCEEDED;
    return judge_nr(m, leg, a->nr);
}

/* What cannot be told from outside (is an act open?) is taken from `got`. */
static enum reason judge_u(const struct model *m, enum link_leg leg, const struct apci *a,
                           enum reason got)
{
    const struct model_leg *master = &m->leg[LEG_MASTER];
    const struct model_leg *station = &m->leg[LEG_STATION];
    const bool act = a->function == APCI_STARTDT_ACT || a->function == APCI_STOPDT_ACT;

    if (a->function == APCI_TESTFR_ACT || a->function == APCI_TESTFR_CON)
        return REASON_OK;
    if (act != (leg == LEG_MASTER))
        return REASON_DIRECTION;
    if (a->function == APCI_STARTDT_CON && station->starts >= master->starts)
        return REASON_STATE;
    if (a->function == APCI_STOPDT_CON && station->stops >= master->stops)
        return REASON_STATE;
    return got == REASON_OK ? REASON_OK : REASON_STATE;
}

static enum reason judge(const struct model *m, enum link_leg leg, const struct apci *a,
                         enum reason got)
{
    if (a->format == APCI_U)
        return judge_u(m, leg, a, got);
    if (a->format == APCI_I)
        return judge_i(m, leg, a);
    return m->leg[leg].begun ? judge_nr(m, leg, a->nr) : REASON_STATE;
}

static void take_u(struct model *m, enum link_leg leg, enum apci_function function)
{
    struct model_leg *side = &m->leg[leg];

    if (function == APCI_TESTFR_ACT && ++side->tests > 1)
        m->crowded = true;
    if (function == APCI_STARTDT_ACT || function == APCI_STARTDT_CON)
        side->starts++;
    if (function == APCI_STOPDT_ACT || function == APCI_STOPDT_CON)
        side->stops++;
    if (function == APCI_STARTDT_CON)
        side->started = side->begun = true;
    if (function == APCI_STOPDT_CON)
        side->started = false;
}

/* An S-frame of a stopped link that moves nothing: whether it is an error depends on acts
 * that cannot be told from outside. */
static bool may_be_error(const struct model *m, enum link_leg leg, const struct apci *a)
{
    return a->format == APCI_S && !m->leg[leg].started &&
           a->nr == modulo(link_counts(m->link, leg)->acknowledged);
}

bool model_receive(struct model *m, enum link_leg leg, const uint8_t *apdu, size_t n)
{
    struct model_leg *side = &m->leg[leg];
    struct apci a;

    if (m->closed) {
        const enum reason again = link_receive(m->link, leg, apdu, n).reason;
        FUZZ_CHECK(again == (m->why != REASON_OK ? m->why : REASON_STATE));
        return false;
    }
    if (!link_can_receive(m->link, leg))
        return false;
    enum reason wanted = apci_parse(apdu, n, &a).reason;
    const bool whole = wanted == REASON_OK;
    const enum reason on_link = whole ? judge(m, leg, &a, REASON_OK) : wanted;
    const bool either = whole && may_be_error(m, leg, &a);
    const enum reason got = link_receive(m->link, leg, apdu, n).reason;
    wanted = whole && a.format == APCI_U ? judge(m, leg, &a, got) : on_link;
    if (either && got == REASON_STATE)
        wanted = REASON_STATE;
    FUZZ_CHECK(got == wanted);
    if (got != REASON_OK) {
        m->closed = true;
        m->why = got;
    } else if (a.format == APCI_U) {
        take_u(m, leg, a.function);
    } else if (a.format == APCI_I) {
        side->fate[side->received % MODEL_RING] = MODEL_WAITING;
        side->received++;
    }
    check_link(m);
    return got == REASON_OK;
}

/* ---- judging ---- */

static void expect(struct model_queue *q, const uint8_t *asdu, size_t n, uint64_t frame)
{
    struct model_asdu *item = &q->item[q->end % MODEL_RING];

    FUZZ_CHECK(q->end - q->first < MODEL_RING && n <= sizeof item->octets);
    memcpy(item->octets, asdu, n);
    item->size = n;
    q->frame[q->end % MODEL_RING] = frame;
    q->end++;
}

static void check_frame(const struct model *m, enum link_leg leg,
                        const struct link_frame *f)
{
    const struct model_leg *side = &m->leg[leg];

    FUZZ_CHECK(f->ticket >= 1 && f->ticket <= side->received);
    FUZZ_CHECK(side->fate[(f->ticket - 1) % MODEL_RING] == MODEL_WAITING);
    FUZZ_CHECK(f->apdu_size >= 7 && f->apdu_size <= APDU_SIZE_MAX);
    FUZZ_CHECK(f->asdu == f->apdu + 6 && f->asdu_size == f->apdu_size - 6);
}

static void decide(struct model *m, enum link_leg leg, const struct link_decision *d,
                   const struct link_frame *f)
{
    struct model_leg *side = &m->leg[leg];
    const uint64_t frame = f->ticket - 1;
    const bool may = d->verb != LINK_REFUSE || (leg == LEG_MASTER && d->reply_size >= 1 &&
                                                d->reply_size <= ASDU_SIZE_MAX);
    enum model_fate *fate = &side->fate[frame % MODEL_RING];

    if (may && d->verb == LINK_FORWARD) {
        *fate = MODEL_FORWARDED;
        expect(&m->leg[far_of(leg)].forwarded, f->asdu, f->asdu_size, frame);
    } else if (may && d->verb == LINK_REFUSE) {
        *fate = MODEL_FORWARDED; /* consumed when the reply goes out */
        expect(&side->replies, d->reply, d->reply_size, frame);
    } else if (d->verb == LINK_DROP) {
        *fate = MODEL_CONSUMED;
    }
    FUZZ_CHECK(link_decide(m->link, leg, d) == may);
}

/* Every frame that may go to this leg was put out. */
static bool all_is_out(const struct model *m, enum link_leg leg)
{
    return link_counts(m->link, far_of(leg))->forwarded == m->leg[leg].forwarded.end;
}

bool model_decide(struct model *m, enum link_leg leg, enum link_verb verb,
                  const uint8_t *reply, size_t n)
{
    struct link_frame f;
    const bool held = link_held(m->link, leg, &f);

    if (!held && !link_next(m->link, leg, &f))
        return false;
    check_frame(m, leg, &f);
    struct link_decision d = {.ticket = f.ticket + 1, .verb = verb};
    d.reply = reply != NULL ? reply : f.asdu;
    d.reply_size = reply != NULL ? n : f.asdu_size;
    FUZZ_CHECK(!link_decide(m->link, leg, &d)); /* not that ticket */
    d.ticket = f.ticket;
    m->leg[leg].offered = 0;
    decide(m, leg, &d, &f);
    check_link(m);
    /* It was offered because it could leave at once. */
    if (!held && verb == LINK_FORWARD)
        FUZZ_CHECK(all_is_out(m, far_of(leg)));
    return true;
}

/* ---- output ---- */

static bool is_head(const struct model_queue *q, const struct apci *a)
{
    const struct model_asdu *item = &q->item[q->first % MODEL_RING];

    return q->first < q->end && item->size == a->asdu_size &&
           memcmp(item->octets, a->asdu, a->asdu_size) == 0;
}

/* Replies are marked by their first octet or are the master's own frames, which differ
 * from the station's in theirs: what comes out tells whose it is. */
static void see_i(struct model *m, enum link_leg leg, const struct apci *a)
{
    struct model_leg *side = &m->leg[leg], *far = &m->leg[far_of(leg)];
    struct model_queue *q = &side->forwarded;
    struct model_leg *sender = far;

    FUZZ_CHECK(a->ns == modulo(side->sent));
    if (!is_head(q, a)) {
        FUZZ_CHECK(leg == LEG_MASTER && is_head(&side->replies, a));
        q = &side->replies;
        sender = side;
    }
    const uint64_t frame = q->frame[q->first % MODEL_RING];
    q->first++;
    sender->fate[frame % MODEL_RING] = sender == side ? MODEL_CONSUMED : MODEL_OUT;
    sender->number[frame % MODEL_RING] = side->sent;
    side->sent++;
    if (sender == side)
        side->replied = side->sent;
}

/* The relay and the station are one to the master: no con while a reply made here is not
 * acknowledged (104 5.3). */
static void see_u(struct model *m, enum link_leg leg, const struct apci *a)
{
    if (a->function == APCI_TESTFR_CON && m->leg[leg].tests > 0)
        m->leg[leg].tests--;
    if (a->function == APCI_STOPDT_CON)
        FUZZ_CHECK(m->leg[leg].replied <= link_counts(m->link, leg)->acknowledged);
}

/* First pass: which frames came out.  Second pass: what was acknowledged. */
static void see_numbers(struct model *m, enum link_leg leg, const struct apci *a)
{
    struct model_leg *side = &m->leg[leg];
    const uint64_t acknowledged = link_counts(m->link, far_of(leg))->acknowledged;
    const unsigned int step = modulo(a->nr + APCI_SEQ_MOD - modulo(side->told));

    FUZZ_CHECK(step <= side->received - side->told);
    for (unsigned int i = 0; i < step; i++, side->told++) {
        const enum model_fate fate = side->fate[side->told % MODEL_RING];
        FUZZ_CHECK(fate == MODEL_CONSUMED || fate == MODEL_OUT);
        FUZZ_CHECK(fate == MODEL_CONSUMED ||
                   side->number[side->told % MODEL_RING] < acknowledged);
    }
}

static void get_output(struct model *m, enum link_leg leg, const uint8_t **octets,
                       size_t *size)
{
    const uint64_t before = link_counts(m->link, leg)->sent.s;

    link_output(m->link, leg, octets, size);
    if (link_counts(m->link, leg)->sent.s != before)
        m->leg[far_of(leg)].offered = 0;
}

static void see_output(struct model *m, enum link_leg leg, bool numbers)
{
    struct model_leg *side = &m->leg[leg];
    const uint8_t *octets;
    size_t size, at = side->parsed;

    get_output(m, leg, &octets, &size);
    FUZZ_CHECK(size >= at);
    while (at < size) { /* an APDU each time */
        size_t n;
        struct apci a;
        FUZZ_CHECK(apci_scan(octets + at, size - at, &n).reason == REASON_OK && n > 0);
        FUZZ_CHECK(apci_parse(octets + at, n, &a).reason == REASON_OK);
        if (!numbers && a.format == APCI_I)
            see_i(m, leg, &a);
        if (!numbers && a.format == APCI_U)
            see_u(m, leg, &a);
        if (numbers && a.format != APCI_U)
            see_numbers(m, leg, &a);
        at += n;
    }
    if (numbers)
        side->parsed = size;
}

void model_output(struct model *m, enum link_leg leg, size_t n)
{
    const uint8_t *octets;
    size_t size;

    for (int pass = 0; pass < 2 * LINK_LEGS; pass++)
        see_output(m, pass % 2 == 0 ? LEG_MASTER : LEG_STATION, pass >= LINK_LEGS);
    FUZZ_CHECK(m->leg[leg].sent == link_counts(m->link, leg)->sent.i);
    get_output(m, leg, &octets, &size);
    FUZZ_CHECK(size == m->leg[leg].parsed);
    n = n < size ? n : size;
    link_output_consumed(m->link, leg, n);
    m->leg[leg].parsed -= n;
    check_link(m);
    get_output(m, leg, &octets, &size);
    const bool room = m->output_size - size > APDU_SIZE_MAX + 2 * APDU_SIZE_MIN;
    if (!m->closed && room && link_unacknowledged(m->link, leg) < m->k)
        FUZZ_CHECK(all_is_out(m, leg));
}

bool model_is_quiet(const struct model *m)
{
    struct link_frame f;

    for (int i = 0; i < LINK_LEGS; i++) {
        const enum link_leg leg = (enum link_leg)i;
        const struct model_leg *side = &m->leg[leg];
        if (link_unacknowledged(m->link, leg) > 0 || link_owed(m->link, leg) > 0 ||
            side->parsed > 0 || side->told != side->received ||
            side->forwarded.first != side->forwarded.end ||
            side->replies.first != side->replies.end || link_next(m->link, leg, &f) ||
            link_held(m->link, leg, &f))
            return false;
    }
    return true;
}
