/* Frames that wait their turn, and what becomes of them. */
#include "proxy/link.h"
#include "proxy/link_state.h"

#include <assert.h>
#include <string.h>

/* ---- the line --------------------------------------------------------------------- */

static struct link_slot *line_at(const struct link_side *side, unsigned int place)
{
    return &side->line[(size_t)LINK_LEGS * place];
}

static struct link_slot *line_head(const struct link_side *side)
{
    return side->line_count > 0 ? line_at(side, side->line_first) : NULL;
}

static void line_leave(const struct link *l, struct link_side *side)
{
    assert(side->line_count > 0);
    side->line_first = (uint16_t)((side->line_first + 1u) % l->line_size);
    side->line_count--;
    /* Most frames find the line empty: they use the same memory again and again. */
    if (side->line_count == 0)
        side->line_first = 0;
}

void link_line_join(struct link *l, enum link_leg leg, const struct apci *frame,
                    const uint8_t *apdu, size_t n)
{
    struct link_side *side = &l->side[leg];
    assert(side->line_count < l->line_size && n <= APDU_SIZE_MAX);
    unsigned int at = (side->line_first + (unsigned int)side->line_count) % l->line_size;
    struct link_slot *slot = line_at(side, at);
    slot->ticket = side->count.received.i;
    slot->state = SLOT_FRESH;
    slot->format = frame->format;
    slot->function = frame->function;
    slot->size = n;
    memcpy(slot->apdu, apdu, n);
    side->line_count++;
}

/* ---- what may be acknowledged ----------------------------------------------------- */

static bool is_settled_for_good(const struct link_side *far, uint16_t number)
{
    return number == LINK_CONSUMED ||
           seq_distance(far->va, number) >= seq_distance(far->va, far->vs);
}

/* The longest prefix of a leg's frames in which each was consumed, or forwarded and
 * acknowledged by the other station. */
static void advance_due(struct link *l, enum link_leg leg)
{
    struct link_side *side = &l->side[leg];
    const struct link_side *far = &l->side[link_other(leg)];
    while (side->settled_count > 0 &&
           is_settled_for_good(far, side->settled[side->settled_first])) {
        side->settled_first = (uint16_t)((side->settled_first + 1u) % l->k);
        side->settled_count--;
        side->due = seq_next(side->due);
    }
}

/* The head of the line is decided: `number` is its N(S) on the other leg, or
 * LINK_CONSUMED. */
static void settle(struct link *l, enum link_leg leg, uint16_t number)
{
    struct link_side *side = &l->side[leg];
    assert(side->settled_count < l->k);
    unsigned int at = (side->settled_first + (unsigned int)side->settled_count) % l->k;
    side->settled[at] = number;
    side->settled_count++;
    advance_due(l, leg);
}

void link_acknowledge(struct link *l, enum link_leg leg, uint16_t nr)
{
    struct link_side *side = &l->side[leg];
    uint16_t acknowledged = seq_distance(side->va, nr);
    side->count.acknowledged += acknowledged;
    side->va = nr;
    advance_due(l, link_other(leg));
}

bool link_reply_is_open(const struct link *l, enum link_leg leg, uint64_t *last)
{
    const struct link_side *side = &l->side[leg];

    *last = side->inserted_last;
    return side->count.acknowledged < side->inserted_last;
}

/* ---- room ------------------------------------------------------------------------- */

static bool has_room_for_i(const struct link *l, enum link_leg leg)
{
    return link_unacknowledged(l, leg) < l->k && link_output_has_room(l, leg);
}

static bool waits_for_room(const struct link_side *side)
{
    const struct link_slot *head = line_head(side);
    return head != NULL && head->format == APCI_I &&
           (head->state == SLOT_FRESH || head->state == SLOT_FORWARD);
}

/* A frame of the other station goes first: no reply takes the place of one that waits. */
static bool has_room_for_reply(const struct link *l, enum link_leg leg)
{
    return has_room_for_i(l, leg) && !waits_for_room(&l->side[link_other(leg)]);
}

/* ---- leaving the line ------------------------------------------------------------- */

static bool pass_forward(struct link *l, enum link_leg from, const struct link_slot *slot)
{
    enum link_leg to = link_other(from);
    if (!has_room_for_i(l, to))
        return false;
    uint16_t number = l->side[to].vs;
    link_put_i(l, to, slot->apdu + APDU_SIZE_MIN, slot->size - APDU_SIZE_MIN);
    line_leave(l, &l->side[from]);
    settle(l, from, number);
    l->side[from].count.forwarded++;
    return true;
}

/* Settled before the reply is put, so that the reply itself may acknowledge it. */
static bool pass_reply(struct link *l, enum link_leg leg, const struct link_slot *slot)
{
    struct link_side *side = &l->side[leg];
    if (!has_room_for_reply(l, leg))
        return false;
    settle(l, leg, LINK_CONSUMED);
    link_put_i(l, leg, slot->apdu + APDU_SIZE_MIN, slot->size - APDU_SIZE_MIN);
    line_leave(l, side);
    side->inserted_last = side->count.sent.i;
    side->count.inserted++;
    side->count.refused++;
    return true;
}

/* The relay and the controlled station are one station to the master: its STOPDT con
 * waits for the acknowledgement of what was inserted, as the station made it wait for
 * that of its own frames (104 5.3, pending unconfirmed stopped). */
static bool pass_u(struct link *l, enum link_leg from, const struct link_slot *slot)
{
    enum link_leg to = link_other(from);
    struct link_side *far = &l->side[to];
    uint64_t last;
    if (!link_output_has_room(l, to))
        return false;
    if (slot->function == APCI_STOPDT_CON && link_reply_is_open(l, to, &last))
        return false;
    link_put_u(l, to, slot->function);
    link_view_change(far, slot->function);
    if (slot->function == APCI_TESTFR_ACT && far->tests < UINT32_MAX)
        far->tests++;
    line_leave(l, &l->side[from]);
    return true;
}

static bool pass_head(struct link *l, enum link_leg leg)
{
    const struct link_slot *slot = line_head(&l->side[leg]);
    if (slot == NULL)
        return false;
    if (slot->format == APCI_U)
        return pass_u(l, leg, slot);
    if (slot->state == SLOT_FORWARD)
        return pass_forward(l, leg, slot);
    if (slot->state == SLOT_REPLY)
        return pass_reply(l, leg, slot);
    return false;
}

void link_line_move(struct link *l)
{
    if (l->closed)
        return;
    /* Each round but the last takes at least one frame out of a line. */
    for (unsigned int n = 0; n <= LINK_LEGS * (unsigned int)l->line_size; n++) {
        bool master = pass_head(l, LEG_MASTER);
        bool station = pass_head(l, LEG_STATION);
        if (!master && !station)
            return;
    }
}

/* ---- judging ---------------------------------------------------------------------- */

static void describe(const struct link_slot *slot, struct link_frame *frame)
{
    frame->ticket = slot->ticket;
    frame->apdu = slot->apdu;
    frame->apdu_size = slot->size;
    frame->asdu = slot->apdu + APDU_SIZE_MIN;
    frame->asdu_size = slot->size - APDU_SIZE_MIN;
}

static bool head_is(const struct link *l, enum link_leg leg, enum link_slot_state state)
{
    const struct link_slot *slot = line_head(&l->side[leg]);
    return !l->closed && slot != NULL && slot->format == APCI_I && slot->state == state;
}

bool link_next(const struct link *l, enum link_leg leg, struct link_frame *frame)
{
    if (!head_is(l, leg, SLOT_FRESH) || !has_room_for_i(l, link_other(leg)))
        return false;
    describe(line_head(&l->side[leg]), frame);
    return true;
}

bool link_held(const struct link *l, enum link_leg leg, struct link_frame *frame)
{
    if (!head_is(l, leg, SLOT_HELD))
        return false;
    describe(line_head(&l->side[leg]), frame);
    return true;
}

/* The reply takes the place of the frame it answers; it may be built from those octets.
 */
static bool keep_reply(struct link_slot *slot, const uint8_t *reply, size_t n)
{
    if (reply == NULL || n < 1 || n > ASDU_SIZE_MAX)
        return false;
    memmove(slot->apdu + APDU_SIZE_MIN, reply, n);
    slot->size = APDU_SIZE_MIN + n;
    slot->state = SLOT_REPLY;
    return true;
}

static bool carry_out(struct link *l, enum link_leg leg, struct link_slot *slot,
                      const struct link_decision *decision)
{
    struct link_side *side = &l->side[leg];
    switch (decision->verb) {
    case LINK_FORWARD: slot->state = SLOT_FORWARD; return true;
    case LINK_HOLD: slot->state = SLOT_HELD; return true;
    case LINK_DROP:
        line_leave(l, side);
        settle(l, leg, LINK_CONSUMED);
        side->count.dropped++;
        return true;
    case LINK_REFUSE:
        return leg == LEG_MASTER &&
               keep_reply(slot, decision->reply, decision->reply_size);
    }
    return false;
}

bool link_decide(struct link *l, enum link_leg leg, const struct link_decision *decision)
{
    if (!head_is(l, leg, SLOT_FRESH) && !head_is(l, leg, SLOT_HELD))
        return false;
    struct link_slot *slot = line_head(&l->side[leg]);
    if (slot->ticket != decision->ticket || !carry_out(l, leg, slot, decision))
        return false;
    link_line_move(l);
    return true;
}
