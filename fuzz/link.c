/* The relay under two stations that do what they like: every verdict, every frame put out
 * and every acknowledgement is what proxy/link.h promises; and when both stations behave
 * again, nothing is stuck.
 *
 * Target functions: link_init link_memory_size link_receive link_next link_held
 *   link_decide link_output link_output_consumed link_close link_is_closed
 *   link_can_receive link_counts link_unacknowledged link_owed link_is_started
 * Options: -max_len=1024 -entropic_scale_per_exec_time=1
 *
 * Input: k, size of the output, then a script, see run_event. */
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/link_model.h"
#include "fuzz/lib/link_script.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE  2u /* k, size of the output */
#define EVENTS_MAX 1000u
#define RUSHES_MAX 18u
/* First octets of an input that may rush. */
#define RUSH_WINDOW 0x4Bu
#define RUSH_OUTPUT 0xA7u
#define RUSH        2048u
#define SETTLE_MAX  600u

struct session {
    struct model model;
    struct fuzz_input in;
    uint64_t numbered; /* ASDUs made so far */
    bool may_rush;
    unsigned int rushes;
};

/* ---- what the stations send ---- */

/* The first octet tells whose frame it is, the next ones which. */
static size_t make_asdu(struct session *s, enum link_leg leg, uint8_t size, uint8_t *out)
{
    static const uint8_t sizes[] = {8, 9, 10, 1, 5, 20, 40, ASDU_SIZE_MAX};
    const size_t n = sizes[size % sizeof sizes];

    memset(out, (int)s->numbered, n);
    for (size_t i = 0; i < 4 && 1 + i < n; i++)
        out[1 + i] = (uint8_t)(s->numbered >> 8 * i);
    out[0] = (uint8_t)((leg == LEG_MASTER ? 0x40u : 0u) | (s->numbered & 0x3Fu));
    s->numbered++;
    return n;
}

static bool send_i(struct session *s, enum link_leg leg, uint16_t ns, uint16_t nr,
                   uint8_t size)
{
    uint8_t apdu[APDU_SIZE_MAX];
    const size_t n = make_asdu(s, leg, size, apdu + APDU_SIZE_MIN);

    apci_put_i(apdu, ns, nr, n);
    return model_receive(&s->model, leg, apdu, APDU_SIZE_MIN + n);
}

static bool send_good_i(struct session *s, enum link_leg leg, unsigned int behind,
                        uint8_t size)
{
    const uint64_t received = s->model.leg[leg].received;

    return send_i(s, leg, (uint16_t)(received % APCI_SEQ_MOD),
                  model_nr(&s->model, leg, behind), size);
}

static bool send_s(struct session *s, enum link_leg leg, uint16_t nr)
{
    uint8_t apdu[APDU_SIZE_MIN];

    apci_put_s(apdu, nr);
    return model_receive(&s->model, leg, apdu, sizeof apdu);
}

static bool send_u(struct session *s, enum link_leg leg, enum apci_function function)
{
    uint8_t apdu[APDU_SIZE_MIN];

    apci_put_u(apdu, function);
    return model_receive(&s->model, leg, apdu, sizeof apdu);
}

/* Anything; an I-frame is still marked, so that the model knows it again. */
static void send_raw(struct session *s, enum link_leg leg)
{
    uint8_t apdu[APDU_SIZE_MAX];
    size_t n = fuzz_u8(&s->in) % 64u;
    const uint8_t *octets = fuzz_take(&s->in, &n);

    memcpy(apdu, octets, n);
    if (n > APDU_SIZE_MIN)
        apdu[APDU_SIZE_MIN] =
            (uint8_t)((apdu[APDU_SIZE_MIN] & 0x3Fu) | (leg == LEG_MASTER ? 0x40u : 0u));
    uint8_t *exact = fuzz_copy(apdu, n);
    (void)model_receive(&s->model, leg, exact, n);
    free(exact);
}

/* ---- the driver ---- */

#define FORWARD 0u /* a `how` of judge() */

static bool judge(struct session *s, enum link_leg leg, uint8_t how)
{
    uint8_t reply[ASDU_SIZE_MAX + 1];
    static const enum link_verb verbs[] = {LINK_FORWARD, LINK_HOLD, LINK_DROP,
                                           LINK_REFUSE};
    const enum link_verb verb = verbs[how % 4u];
    const size_t sizes[] = {8, ASDU_SIZE_MAX, 1, 0, ASDU_SIZE_MAX + 1};

    memset(reply, how, sizeof reply);
    reply[0] = MODEL_REPLY;
    if (how >= 192)
        return model_decide(&s->model, leg, verb, NULL, 0);
    return model_decide(&s->model, leg, verb, reply, how < 96 ? 8 : sizes[how / 4 % 5u]);
}

static void write_all(struct session *s)
{
    model_output(&s->model, LEG_MASTER, SIZE_MAX);
    model_output(&s->model, LEG_STATION, SIZE_MAX);
}

static void start(struct session *s)
{
    (void)send_u(s, LEG_MASTER, APCI_STARTDT_ACT);
    write_all(s);
    (void)send_u(s, LEG_STATION, APCI_STARTDT_CON);
    write_all(s);
}

static void acknowledge(struct session *s, enum link_leg leg)
{
    if (s->model.leg[leg].begun && link_unacknowledged(s->model.link, leg) > 0)
        (void)send_s(s, leg, model_nr(&s->model, leg, 0));
}

/* Everything is passed on, written and acknowledged. */
static void behave(struct session *s)
{
    for (int leg = 0; leg < LINK_LEGS; leg++)
        for (unsigned int i = 0; i <= MODEL_K_MAX; i++)
            if (!judge(s, (enum link_leg)leg, FORWARD))
                break;
    write_all(s);
    acknowledge(s, LEG_MASTER);
    acknowledge(s, LEG_STATION);
}

/* Many frames one after the other, to get the numbers to wrap; takes long, so few inputs
 * may. */
static void rush(struct session *s, enum link_leg leg)
{
    if (!s->may_rush || s->rushes++ >= RUSHES_MAX)
        return;
    for (unsigned int i = 0; i < RUSH && !s->model.closed; i++) {
        if (!s->model.leg[leg].started || link_owed(s->model.link, leg) >= s->model.k)
            return;
        if (!send_good_i(s, leg, 0, 0))
            return;
        behave(s);
    }
}

/* ---- the script ---- */

/* Just what may be acknowledged, a little more or less, or anything. */
static uint16_t pick_nr(struct session *s, enum link_leg leg, unsigned int how)
{
    const struct link_count *c = link_counts(s->model.link, leg);

    switch (how % 4) {
    case 0: return model_nr(&s->model, leg, how / 4);
    case 1: return (uint16_t)((c->sent.i + 1 + how / 4) % APCI_SEQ_MOD);
    case 2: return (uint16_t)((c->acknowledged + APCI_SEQ_MOD - 1) % APCI_SEQ_MOD);
    default: return fuzz_u16(&s->in) % APCI_SEQ_MOD;
    }
}

static void send_event(struct session *s, enum link_leg leg, unsigned int what)
{
    static const enum apci_function functions[] = {
        APCI_STARTDT_ACT, APCI_STARTDT_CON, APCI_STOPDT_ACT,
        APCI_STOPDT_CON,  APCI_TESTFR_ACT,  APCI_TESTFR_CON,
    };
    const uint8_t a = fuzz_u8(&s->in);

    if (what <= 2)
        (void)send_good_i(s, leg, a / 16, a);
    else if (what == 3)
        (void)send_s(s, leg, model_nr(&s->model, leg, a));
    else if (what == 4)
        (void)send_u(s, leg, functions[a % 6]);
    else if (what == 5)
        (void)send_i(s, leg,
                     (uint16_t)((s->model.leg[leg].received + a % 4) % APCI_SEQ_MOD),
                     pick_nr(s, leg, a / 4), a);
    else if (what == 6)
        (void)send_s(s, leg, pick_nr(s, leg, a));
    else
        send_raw(s, leg);
}

static void run_special(struct session *s, enum link_leg leg)
{
    const uint8_t what = fuzz_u8(&s->in);

    if (what < 224)
        behave(s);
    else if (what < 248)
        acknowledge(s, leg);
    else if (what < 250)
        model_close(&s->model, what == 248 ? REASON_OK : REASON_PARTIAL_TIMEOUT);
    else
        rush(s, leg);
}

/* An octet: which leg (bit 0), what (bits 1 to 4). */
static void run_event(struct session *s)
{
    const uint8_t event = fuzz_u8(&s->in);
    const enum link_leg leg = event % 2 == 0 ? LEG_MASTER : LEG_STATION;
    const unsigned int what = event / 2 % 16;

    if (what <= 7) {
        send_event(s, leg, what);
    } else if (what <= 10) {
        (void)judge(s, leg, fuzz_u8(&s->in));
    } else if (what <= 13) {
        const uint8_t part = fuzz_u8(&s->in);
        model_output(&s->model, leg, part < 128 ? SIZE_MAX : part % 128u);
    } else if (what == 14) {
        start(s);
    } else {
        run_special(s, leg);
    }
}

/* Both stations read and acknowledge, the driver decides: all comes to its end. */
static void settle(struct session *s)
{
    for (unsigned int i = 0; i < SETTLE_MAX && !model_is_quiet(&s->model); i++)
        behave(s);
    if (s->model.closed)
        return;
    /* Stations that keep more than one TESTFR act open may have to wait for t1. */
    if (s->model.crowded && (!link_can_receive(s->model.link, LEG_MASTER) ||
                             !link_can_receive(s->model.link, LEG_STATION)))
        return;
    FUZZ_CHECK(model_is_quiet(&s->model));
    for (int i = 0; i < LINK_LEGS; i++) {
        const struct link_count *c = link_counts(s->model.link, (enum link_leg)i);
        FUZZ_CHECK(c->forwarded + c->refused + c->dropped == c->received.i);
        FUZZ_CHECK(c->acknowledged == c->sent.i);
        FUZZ_CHECK(link_can_receive(s->model.link, (enum link_leg)i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct session s;

    s.in = (struct fuzz_input){data, size};
    s.numbered = 0;
    const uint8_t window = fuzz_u8(&s.in), output = fuzz_u8(&s.in);
    const unsigned int k = 1u + window % MODEL_K_MAX;
    s.may_rush = window == RUSH_WINDOW && output == RUSH_OUTPUT;
    s.rushes = 0;
    const struct link_config config = {
        .k = (uint16_t)k,
        .output_size = LINK_OUTPUT_MIN + (output < 192 ? output : output * 37u)};
    const size_t needed = link_memory_size(&config);
    void *memory = malloc(needed);
    FUZZ_CHECK(memory != NULL && link_init(&config, memory, needed - 1) == NULL);
    struct link *link = link_init(&config, memory, needed);
    FUZZ_CHECK(link != NULL);
    model_init(&s.model, link, &config);
    for (unsigned int i = 0; i < EVENTS_MAX && s.in.left > 0; i++)
        run_event(&s);
    settle(&s);
    free(memory);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    if (size < HEAD_SIZE || seed % 2 == 0)
        return LLVMFuzzerMutate(data, size, max);
    return HEAD_SIZE + link_script_mutate(data + HEAD_SIZE, size - HEAD_SIZE,
                                          max - HEAD_SIZE, seed / 2);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
                                 size_t b_size, uint8_t *out, size_t max,
                                 unsigned int seed)
{
    if (a_size < HEAD_SIZE || b_size < HEAD_SIZE || max <= HEAD_SIZE)
        return 0;
    memcpy(out, a, HEAD_SIZE);
    return HEAD_SIZE + link_script_cross(a + HEAD_SIZE, a_size - HEAD_SIZE, b + HEAD_SIZE,
                                         b_size - HEAD_SIZE, out + HEAD_SIZE,
                                         max - HEAD_SIZE, seed);
}
