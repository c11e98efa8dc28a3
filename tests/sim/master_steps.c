#include "tests/sim/master.h"

#include "tests/sim/simclock.h"
#include "tests/sim/text.h"

#include <string.h>

static const struct sim_step *current(const struct sim_master *m)
{
    return m->at < m->script->n ? &m->script->steps[m->at] : NULL;
}

static void say_result(struct sim_master *m, const struct sim_step *s, const char *id,
                       const char *words, bool expected, uint64_t now)
{
    static struct sim_text json, text;

    sim_text_clear(&json);
    sim_text_add(&json,
                 "\"event\":\"result\",\"step\":%u,\"round\":%u,\"command\":", m->at + 1,
                 m->round + 1);
    sim_text_json_string(&json, s->text);
    sim_text_add(&json, ",\"outcome\":\"%s\",\"cause\":%u,\"expected\":%s,\"ms\":%llu}",
                 id, m->outcome_cause, expected ? "true" : "false",
                 (unsigned long long)(now - m->begun_ms));
    sim_text_clear(&text);
    sim_text_add(&text, "%s: %s (%llu ms)%s", s->text, words,
                 (unsigned long long)(now - m->begun_ms),
                 expected ? "" : " - NOT AS EXPECTED");
    sim_print_line(&m->o->print, json.s, text.s);
}

static void next_step(struct sim_master *m)
{
    m->busy = false;
    m->at++;
    if (m->at < m->script->n)
        return;
    m->round++;
    if (m->round < m->o->count)
        m->at = 0;
    else
        m->finished = true;
}

static void end_step(struct sim_master *m, const char *words, bool good, uint64_t now)
{
    const struct sim_step *s = current(m);

    m->failed = m->failed || !good;
    say_result(m, s, good ? "done" : "failed", words, good, now);
    next_step(m);
}

static void end_command(struct sim_master *m, enum sim_outcome outcome,
                        unsigned int cause, uint64_t now)
{
    const struct sim_step *s = current(m);
    bool refused = outcome == OUTCOME_REFUSED || outcome == OUTCOME_MIRRORED;
    bool good = outcome != OUTCOME_TIMEOUT;
    char words[80];

    if (s->want == WANT_REFUSED && outcome != OUTCOME_SENT)
        good = refused;
    if (s->want == WANT_ACCEPTED && outcome != OUTCOME_SENT)
        good = !refused && outcome != OUTCOME_TIMEOUT;
    m->outcome = outcome;
    m->outcome_cause = cause;
    m->outcomes[outcome]++;
    m->failed = m->failed || !good;
    sim_outcome_words(m, words, sizeof words);
    say_result(m, s, sim_outcome_id(outcome), words, good, now);
    next_step(m);
}

static void send_phase(struct sim_master *m, const struct sim_step *s, uint64_t now)
{
    if (s->kind == STEP_RAW) {
        memcpy(m->sent, s->raw, s->raw_n);
        m->sent_n = s->raw_n;
    } else {
        sim_command_build(m, s, s->phases[m->phase]);
    }
    m->terminated = false;
    m->outcome = OUTCOME_NONE;
    m->outcome_cause = 0;
    m->sent_ms = now;
    m->deadline = now + (uint64_t)m->o->timeout * 1000u;
    sim_link_send(&m->link, now, m->sent, m->sent_n, 0);
    if (s->nowait)
        end_command(m, OUTCOME_SENT, 0, now);
}

static bool is_command(const struct sim_step *s)
{
    return s->kind == STEP_COMMAND || s->kind == STEP_RAW;
}

/* May the step be begun?  Commands wait for the window, rounds for their turn. */
static bool ready(struct sim_master *m, const struct sim_step *s, uint64_t now)
{
    if (m->at == 0 && m->o->rate > 0 &&
        (double)(now - m->first_ms) < (double)m->round * 1000.0 / m->o->rate)
        return false;
    if (is_command(s) && m->link.state != SIM_STOPPED)
        return sim_link_room(&m->link) && sim_channel_room(&m->ch);
    return sim_channel_room(&m->ch);
}

static void begin_link(struct sim_master *m, uint8_t function, uint64_t now)
{
    m->deadline = now + (uint64_t)m->link.p.t1 * 1000u;
    sim_link_request(&m->link, now, function);
}

static void begin(struct sim_master *m, const struct sim_step *s, uint64_t now)
{
    m->busy = true;
    m->phase = 0;
    m->begun_ms = now;
    m->deadline = now + (uint64_t)m->o->timeout * 1000u;
    if (is_command(s) && m->link.state != SIM_STARTED) {
        end_step(m, "not sent: data transfer is not started", false, now);
        return;
    }
    switch (s->kind) {
    case STEP_COMMAND:
    case STEP_RAW: send_phase(m, s, now); break;
    case STEP_RAW_APDU:
        sim_print_frame(&m->o->print, 0, true, s->raw, s->raw_n);
        sim_channel_put(&m->ch, s->raw, s->raw_n);
        end_step(m, "sent", true, now);
        break;
    case STEP_WAIT: m->deadline = now + (uint64_t)(s->seconds * 1000.0); break;
    case STEP_START: begin_link(m, SIM_STARTDT_ACT, now); break;
    case STEP_STOP: begin_link(m, SIM_STOPDT_ACT, now); break;
    case STEP_TESTFR: begin_link(m, SIM_TESTFR_ACT, now); break;
    case STEP_DISCONNECT:
    case STEP_ABORT:
        m->reset = s->kind == STEP_ABORT;
        m->ended = true;
        break;
    case STEP_IDLE:
    case STEP_RECEIVE:
    case STEP_EXPECT: break;
    }
}

static void check_expect(struct sim_master *m, const struct sim_step *s, uint64_t now)
{
    bool late = now >= m->deadline;

    switch (s->expect) {
    case EXPECT_CONFIRMATION:
        end_step(m, sim_outcome_id(m->outcome),
                 m->outcome == OUTCOME_CONFIRMED || m->outcome == OUTCOME_DATA, now);
        break;
    case EXPECT_NEGATIVE:
        end_step(m, sim_outcome_id(m->outcome),
                 m->outcome == OUTCOME_REFUSED || m->outcome == OUTCOME_MIRRORED, now);
        break;
    case EXPECT_TERMINATION:
        if (m->terminated || late)
            end_step(m, m->terminated ? "terminated" : "no termination", m->terminated,
                     now);
        break;
    case EXPECT_CLOSED:
        if (late)
            end_step(m, "still open", false, now);
        break;
    }
}

/* Steps that end by time or by what has come so far. */
static void check(struct sim_master *m, const struct sim_step *s, uint64_t now)
{
    bool late = now >= m->deadline;

    switch (s->kind) {
    case STEP_COMMAND:
    case STEP_RAW:
        if (late)
            end_command(m, OUTCOME_TIMEOUT, 0, now);
        break;
    case STEP_WAIT:
        if (late)
            end_step(m, "done", true, now);
        break;
    case STEP_IDLE:
        if ((double)(now - (m->last_received_ms > m->begun_ms ? m->last_received_ms
                                                              : m->begun_ms)) >=
            s->seconds * 1000.0)
            end_step(m, "done", true, now);
        break;
    case STEP_RECEIVE:
        if (m->asdus >= s->number || late)
            end_step(m, m->asdus >= s->number ? "done" : "too few", m->asdus >= s->number,
                     now);
        break;
    case STEP_EXPECT: check_expect(m, s, now); break;
    case STEP_RAW_APDU:
    case STEP_START:
    case STEP_STOP:
    case STEP_TESTFR:
    case STEP_DISCONNECT:
    case STEP_ABORT: break;
    }
}

void sim_steps_advance(struct sim_master *m, uint64_t now)
{
    for (uint32_t i = 0; i < SIM_STEPS_MAX && !m->finished && !m->ended; i++) {
        const struct sim_step *s = current(m);
        uint32_t at = m->at, round = m->round;

        if (s == NULL)
            return;
        if (m->first_ms == 0)
            m->first_ms = now;
        if (!m->busy) {
            if (!ready(m, s, now))
                return;
            begin(m, s, now);
        }
        if (m->busy && m->at == at && m->round == round)
            check(m, s, now);
        if (m->at == at && m->round == round)
            return;
    }
}

static void take_outcome(struct sim_master *m, const struct sim_step *s,
                         enum sim_outcome outcome, unsigned int cause, uint64_t now)
{
    bool good = outcome == OUTCOME_CONFIRMED || outcome == OUTCOME_DATA;

    m->outcome = outcome;
    m->outcome_cause = cause;
    if (good && m->phase + 1 < s->phases_n) {
        /* Select, execute, cancel are sent one by one; a refusal ends them. */
        m->phase++;
        send_phase(m, s, now);
        return;
    }
    if (good && s->till_end)
        return;
    end_command(m, outcome, cause, now);
}

void sim_steps_asdu(struct sim_master *m, const uint8_t *asdu, size_t n, uint64_t now)
{
    const struct sim_step *s = current(m);
    struct sim_asdu a;
    bool termination;
    enum sim_outcome outcome;

    m->asdus++;
    m->last_received_ms = now;
    /* The mirror of a malformed command is malformed too, and still its answer. */
    if (sim_asdu_open(&a, asdu, n) != NULL && (a.cause < 44 || a.cause > 47)) {
        m->malformed++;
        return;
    }
    outcome = sim_answer_match(m, &a, &termination);
    m->terminations += termination;
    m->terminated = m->terminated || termination;
    if (s == NULL || !m->busy || !is_command(s))
        return;
    if (s->till_end && m->outcome == OUTCOME_CONFIRMED) {
        /* Data of an interrogation keep it alive as long as they come. */
        m->deadline = now + (uint64_t)m->o->timeout * 1000u;
        if (termination)
            end_command(m, OUTCOME_CONFIRMED, 10, now);
    } else if (outcome != OUTCOME_NONE) {
        take_outcome(m, s, outcome, a.cause, now);
    }
}

void sim_steps_link(struct sim_master *m, enum sim_link_event event, uint64_t now)
{
    const struct sim_step *s = current(m);

    if (s == NULL || !m->busy)
        return;
    if ((s->kind == STEP_START && event == SIM_LINK_START) ||
        (s->kind == STEP_STOP && event == SIM_LINK_STOP) ||
        (s->kind == STEP_TESTFR && event == SIM_LINK_TESTED))
        end_step(m, "confirmed", true, now);
}

bool sim_steps_closed(struct sim_master *m, uint64_t now)
{
    const struct sim_step *s = current(m);

    if (s == NULL || s->kind != STEP_EXPECT || s->expect != EXPECT_CLOSED)
        return false;
    if (!m->busy)
        m->begun_ms = now;
    end_step(m, m->why, true, now);
    return true;
}

uint64_t sim_steps_deadline(const struct sim_master *m)
{
    const struct sim_step *s = current(m);

    if (s == NULL)
        return SIM_NEVER;
    if (!m->busy)
        return m->o->rate > 0
                   ? m->first_ms + (uint64_t)((double)m->round * 1000.0 / m->o->rate) + 1u
                   : SIM_NEVER;
    if (s->kind == STEP_IDLE)
        return (m->last_received_ms > m->begun_ms ? m->last_received_ms : m->begun_ms) +
               (uint64_t)(s->seconds * 1000.0) + 1u;
    return m->deadline;
}
