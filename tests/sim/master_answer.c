#include "tests/sim/master.h"

#include "tests/sim/simclock.h"

#include <string.h>

void sim_command_build(struct sim_master *m, const struct sim_step *s,
                       enum sim_phase phase)
{
    struct sim_value v = s->value;
    uint8_t cause = phase == PHASE_CANCEL ? 8 : s->row->id == 102 ? 5 : 6;

    v.select = phase == PHASE_SELECT;
    if (s->row->id == 107)
        v.bits = ++m->tsc;
    sim_clock_to_cp56(sim_clock_wall_ms() - (int64_t)(s->age * 1000.0), v.time);
    m->sent_n = sim_asdu_put_header(
        m->sent, s->row->id, 1, (uint8_t)(cause | (s->test ? 0x80u : 0u)), s->oa, s->ca);
    m->sent_n += sim_put_ioa(m->sent + m->sent_n, s->ioa);
    m->sent_n += sim_value_put(s->row, &v, m->sent + m->sent_n);
}

static bool same_object(const struct sim_master *m, const struct sim_asdu *a)
{
    size_t from = SIM_HEADER, to = SIM_HEADER + 3u;

    /* A test command is recognised by its counter (101 clause 7.3.4.8). */
    if (m->sent[0] == 107)
        to += 2;
    if (m->sent_n < to || a->size < to)
        return m->sent_n == a->size;
    return memcmp(m->sent + from, a->octets + from, to - from) == 0;
}

enum sim_outcome sim_answer_match(const struct sim_master *m, const struct sim_asdu *a,
                                  bool *termination)
{
    unsigned int asked = m->sent_n >= SIM_HEADER ? m->sent[2] & 0x3Fu : 0;
    uint16_t ca = m->sent_n >= SIM_HEADER ? (uint16_t)(m->sent[4] | m->sent[5] << 8) : 0;

    *termination = false;
    if (m->sent_n < SIM_HEADER || a->size < SIM_HEADER)
        return OUTCOME_NONE;
    if ((a->ca != ca && ca != SIM_CA_ALL) || !same_object(m, a))
        return OUTCOME_NONE;
    if (asked == 5 && a->cause == 5 && a->type < 45)
        return OUTCOME_DATA;
    if (a->type != m->sent[0])
        return OUTCOME_NONE;
    if (a->cause >= 44 && a->cause <= 47)
        return OUTCOME_MIRRORED;
    *termination = a->cause == 10;
    if (a->cause != (asked == 8 ? 9u : 7u))
        return OUTCOME_NONE;
    return a->negative ? OUTCOME_REFUSED : OUTCOME_CONFIRMED;
}

const char *sim_outcome_id(enum sim_outcome outcome)
{
    static const char *const IDS[OUTCOME_COUNT] = {
        "none", "confirmed", "data", "sent", "refused", "mirrored", "timeout",
    };

    return IDS[outcome];
}

void sim_outcome_words(const struct sim_master *m, char *out, size_t n)
{
    switch (m->outcome) {
    case OUTCOME_CONFIRMED: snprintf(out, n, "confirmed"); break;
    case OUTCOME_DATA: snprintf(out, n, "answered"); break;
    case OUTCOME_SENT: snprintf(out, n, "sent"); break;
    case OUTCOME_REFUSED: snprintf(out, n, "REFUSED (negative confirmation)"); break;
    case OUTCOME_MIRRORED:
        snprintf(out, n, "REFUSED (%s, cause %u)", sim_cause_name(m->outcome_cause),
                 m->outcome_cause);
        break;
    case OUTCOME_TIMEOUT: snprintf(out, n, "NO ANSWER in %u s", m->o->timeout); break;
    case OUTCOME_NONE:
    case OUTCOME_COUNT: snprintf(out, n, "nothing"); break;
    }
}
