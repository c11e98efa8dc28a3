#include "proxy/link.h"
#include "proxy/link_state.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

/* Octets 2 and 4 of an APDU: N(S) or the U-function, and N(R) (104 figure 5). */
#define OFFSET_CONTROL 2u
#define OFFSET_NR      4u

/* ---- making one ------------------------------------------------------------------- */

/* Of both legs, and as many more as the alignment of slots takes. */
static size_t output_total(const struct link_config *config)
{
    const size_t align = alignof(struct link_slot);

    return (LINK_LEGS * config->output_size + align - 1) / align * align;
}

size_t link_memory_size(const struct link_config *config)
{
    if (config->k < 1 || config->k > LINK_K_MAX ||
        config->output_size < LINK_OUTPUT_MIN || config->output_size > LINK_OUTPUT_MAX)
        return 0;
    size_t line = ((size_t)config->k + LINK_LINE_EXTRA) * sizeof(struct link_slot);
    size_t settled = (size_t)config->k * sizeof(uint16_t);
    return sizeof(struct link) + LINK_LEGS * (line + settled) + output_total(config);
}

struct link *link_init(const struct link_config *config, void *memory, size_t size)
{
    /* Each part may follow the one before it without padding. */
    static_assert(sizeof(struct link) % alignof(struct link_slot) == 0, "slot alignment");
    static_assert(sizeof(struct link_slot) % alignof(uint16_t) == 0, "number alignment");

    size_t needed = link_memory_size(config);
    if (needed == 0 || size < needed || (uintptr_t)memory % alignof(max_align_t) != 0)
        return NULL;
    struct link *l = memory;
    memset(l, 0, sizeof(*l));
    l->k = config->k;
    l->line_size = (uint16_t)(config->k + LINK_LINE_EXTRA);
    l->output_size = config->output_size;

    /* Most frames find the lines empty: what these use again and again, the first slots
     * of both, lies together; so does what is never used. */
    struct link_slot *slots =
        (struct link_slot *)((uint8_t *)(l + 1) + output_total(config));
    uint16_t *numbers = (uint16_t *)(slots + (size_t)LINK_LEGS * l->line_size);
    uint8_t *octets = (uint8_t *)(l + 1);
    for (unsigned int leg = 0; leg < LINK_LEGS; leg++) {
        l->side[leg].line = slots + leg;
        l->side[leg].settled = numbers + (size_t)leg * l->k;
        l->side[leg].out = octets + (size_t)leg * l->output_size;
    }
    return l;
}

/* ---- closing ---------------------------------------------------------------------- */

void link_close(struct link *l, enum reason why)
{
    if (l->closed)
        return;
    l->closed = true;
    l->why = why;
}

bool link_is_closed(const struct link *l, enum reason *why)
{
    if (why != NULL)
        *why = l->why;
    return l->closed;
}

/* ---- STARTDT, STOPDT, TESTFR (104 5.3) -------------------------------------------- */

struct u_rule {
    enum apci_function function;
    bool from[LINK_LEGS];        /* which station may send it */
    enum apci_function confirms; /* the act it confirms, 0 for an act */
};

static const struct u_rule u_rules[] = {
    {APCI_STARTDT_ACT, {[LEG_MASTER] = true}, 0},
    {APCI_STARTDT_CON, {[LEG_STATION] = true}, APCI_STARTDT_ACT},
    {APCI_STOPDT_ACT, {[LEG_MASTER] = true}, 0},
    {APCI_STOPDT_CON, {[LEG_STATION] = true}, APCI_STOPDT_ACT},
    {APCI_TESTFR_ACT, {[LEG_MASTER] = true, [LEG_STATION] = true}, 0},
    {APCI_TESTFR_CON, {[LEG_MASTER] = true, [LEG_STATION] = true}, APCI_TESTFR_ACT},
};

static const struct u_rule *u_rule_find(enum apci_function function)
{
    for (size_t i = 0; i < sizeof(u_rules) / sizeof(u_rules[0]); i++)
        if (u_rules[i].function == function)
            return &u_rules[i];
    return NULL;
}

/* A station answers acts in their order: the con of an idle stop comes before that of the
 * start behind it, or never. */
void link_view_change(struct link_side *side, enum apci_function function)
{
    switch (function) {
    case APCI_STARTDT_ACT: side->act = function; break;
    case APCI_STOPDT_ACT:
        if (side->started)
            side->act = function;
        else
            side->idle_stop = true;
        break;
    case APCI_STARTDT_CON:
        side->act = 0;
        side->idle_stop = false;
        side->started = true;
        side->begun = true;
        break;
    case APCI_STOPDT_CON:
        if (!side->started) {
            side->idle_stop = false;
            break;
        }
        side->act = 0;
        side->started = false;
        break;
    case APCI_TESTFR_ACT:
    case APCI_TESTFR_CON: break;
    }
}

/* The controlling station sends none once it has asked to stop; the controlled station
 * may until it has confirmed. */
static bool may_send_i(const struct link_side *side, enum link_leg leg)
{
    return side->started && (leg == LEG_STATION || side->act != APCI_STOPDT_ACT);
}

/* One act at a time, and each con belongs to one.  For a STOPDT act in a stopped link 104
 * 5.3 draws no answer, so a station may give none: the start may follow it. */
static bool may_send_u(const struct link_side *side, const struct u_rule *rule)
{
    if (!side->started && rule->function == APCI_STOPDT_CON)
        return side->idle_stop;
    if (!side->started && rule->function == APCI_STOPDT_ACT && side->idle_stop)
        return false;
    return side->act == rule->confirms;
}

/* In a stopped link only what was left open when the con came too early may still be
 * acknowledged; the master is held to more, as nothing is drawn for S-frames of a station
 * that has stopped. */
static bool may_send_s(const struct link_side *side, enum link_leg leg, uint16_t nr)
{
    if (!side->begun)
        return false;
    if (side->started || nr != side->va)
        return true;
    return leg == LEG_STATION && side->act != APCI_STARTDT_ACT;
}

bool link_is_started(const struct link *l)
{
    return may_send_i(&l->side[LEG_MASTER], LEG_MASTER);
}

/* ---- input ------------------------------------------------------------------------ */

static struct verdict verdict_of(enum reason reason, uint16_t offset)
{
    return (struct verdict){.reason = reason, .offset = offset};
}

/* 104 5.1: N(R) may acknowledge what was sent and not yet acknowledged, no more. */
static bool nr_is_valid(const struct link_side *side, uint16_t nr)
{
    return seq_distance(side->va, nr) <= seq_distance(side->va, side->vs);
}

static struct verdict receive_i(struct link *l, enum link_leg leg,
                                const struct apci *frame)
{
    struct link_side *side = &l->side[leg];
    if (!may_send_i(side, leg))
        return verdict_of(REASON_STATE, OFFSET_CONTROL);
    if (frame->ns != side->vr)
        return verdict_of(REASON_NS_ERROR, OFFSET_CONTROL);
    /* Counted from what the station was told: it cannot count from anything newer. */
    if (seq_distance(side->told, side->vr) >= l->k)
        return verdict_of(REASON_K_EXCEEDED, OFFSET_CONTROL);
    if (!nr_is_valid(side, frame->nr))
        return verdict_of(REASON_NR_ERROR, OFFSET_NR);
    side->vr = seq_next(side->vr);
    side->count.received.i++;
    link_acknowledge(l, leg, frame->nr);
    return verdict_of(REASON_OK, 0);
}

static struct verdict receive_s(struct link *l, enum link_leg leg,
                                const struct apci *frame)
{
    struct link_side *side = &l->side[leg];
    if (!may_send_s(side, leg, frame->nr))
        return verdict_of(REASON_STATE, OFFSET_CONTROL);
    if (!nr_is_valid(side, frame->nr))
        return verdict_of(REASON_NR_ERROR, OFFSET_NR);
    side->count.received.s++;
    link_acknowledge(l, leg, frame->nr);
    return verdict_of(REASON_OK, 0);
}

/* Sets *passes to false for a frame that ends here. */
static struct verdict receive_u(struct link *l, enum link_leg leg,
                                const struct apci *frame, bool *passes)
{
    struct link_side *side = &l->side[leg];
    const struct u_rule *rule = u_rule_find(frame->function);
    if (rule == NULL || !rule->from[leg])
        return verdict_of(REASON_DIRECTION, OFFSET_CONTROL);
    if (frame->function == APCI_TESTFR_CON) {
        /* Confirms nothing: ignored (104 5.2), so that it cannot be used to flood. */
        *passes = side->tests > 0;
        if (*passes)
            side->tests--;
        else
            side->count.ignored++;
    } else if (frame->function != APCI_TESTFR_ACT) {
        if (!may_send_u(side, rule))
            return verdict_of(REASON_STATE, OFFSET_CONTROL);
        link_view_change(side, frame->function);
    }
    side->count.received.u++;
    return verdict_of(REASON_OK, 0);
}

bool link_can_receive(const struct link *l, enum link_leg leg)
{
    return !l->closed && l->side[leg].line_count < l->line_size;
}

struct verdict link_receive(struct link *l, enum link_leg leg, const uint8_t *apdu,
                            size_t n)
{
    if (l->closed)
        return verdict_of(l->why != REASON_OK ? l->why : REASON_STATE, 0);
    assert(link_can_receive(l, leg));

    struct apci frame;
    bool passes = false;
    struct verdict v = apci_parse(apdu, n, &frame);
    if (v.reason == REASON_OK && frame.format == APCI_S) {
        v = receive_s(l, leg, &frame);
    } else if (v.reason == REASON_OK && frame.format == APCI_U) {
        passes = true;
        v = receive_u(l, leg, &frame, &passes);
    } else if (v.reason == REASON_OK) {
        passes = true;
        v = receive_i(l, leg, &frame);
    }
    if (v.reason != REASON_OK) {
        link_close(l, v.reason);
        return v;
    }
    if (passes)
        link_line_join(l, leg, &frame, apdu, n);
    link_line_move(l);
    return v;
}

/* ---- figures ---------------------------------------------------------------------- */

const struct link_count *link_counts(const struct link *l, enum link_leg leg)
{
    return &l->side[leg].count;
}

unsigned int link_unacknowledged(const struct link *l, enum link_leg leg)
{
    return seq_distance(l->side[leg].va, l->side[leg].vs);
}

unsigned int link_owed(const struct link *l, enum link_leg leg)
{
    return seq_distance(l->side[leg].told, l->side[leg].vr);
}
