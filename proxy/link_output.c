/* The octets on their way to each leg: a bounded buffer of whole APDUs. */
#include "proxy/link.h"
#include "proxy/link_state.h"

#include <assert.h>
#include <string.h>

static size_t room(const struct link *l, const struct link_side *side)
{
    return l->output_size - (side->out_end - side->out_first);
}

bool link_output_has_room(const struct link *l, enum link_leg leg)
{
    return room(l, &l->side[leg]) >= LINK_PUT_MAX;
}

/* Makes n octets at the end of the buffer; there is room for them. */
static uint8_t *extend(const struct link *l, struct link_side *side, size_t n)
{
    assert(room(l, side) >= n);
    if (l->output_size - side->out_end < n) {
        memmove(side->out, side->out + side->out_first, side->out_end - side->out_first);
        side->out_end -= side->out_first;
        side->out_first = 0;
    }
    uint8_t *at = side->out + side->out_end;
    side->out_end += n;
    return at;
}

void link_put_i(struct link *l, enum link_leg leg, const uint8_t *asdu, size_t n)
{
    struct link_side *side = &l->side[leg];
    assert(n >= 1 && n <= ASDU_SIZE_MAX);
    assert(seq_distance(side->va, side->vs) < l->k);
    uint8_t *at = extend(l, side, APDU_SIZE_MIN + n);
    apci_put_i(at, side->vs, side->due, n);
    memcpy(at + APDU_SIZE_MIN, asdu, n);
    side->vs = seq_next(side->vs);
    side->told = side->due;
    side->count.sent.i++;
}

static void put_due_s(struct link *l, struct link_side *side)
{
    if (side->told == side->due)
        return;
    apci_put_s(extend(l, side, APDU_SIZE_MIN), side->due);
    side->told = side->due;
    side->count.sent.s++;
}

/* The S-frame goes first: a station that stops must have its frames acknowledged before
 * the con (104 5.3), and none may reach one that has stopped. */
void link_put_u(struct link *l, enum link_leg leg, enum apci_function function)
{
    struct link_side *side = &l->side[leg];
    put_due_s(l, side);
    apci_put_u(extend(l, side, APDU_SIZE_MIN), function);
    side->count.sent.u++;
}

void link_output(struct link *l, enum link_leg leg, const uint8_t **octets, size_t *size)
{
    struct link_side *side = &l->side[leg];
    if (!l->closed && room(l, side) >= APDU_SIZE_MIN)
        put_due_s(l, side);
    *octets = side->out + side->out_first;
    *size = side->out_end - side->out_first;
}

void link_output_consumed(struct link *l, enum link_leg leg, size_t n)
{
    struct link_side *side = &l->side[leg];
    assert(n <= side->out_end - side->out_first);
    side->out_first += n;
    if (side->out_first == side->out_end)
        side->out_first = side->out_end = 0;
    link_line_move(l);
}
