#include "proxy/signer_refusals.h"

#include <string.h>

#define SUMMARY_MS 10000u

const struct signer_refusal_info *signer_refusal_info(unsigned int why)
{
    static const struct signer_refusal_info info[SIGNER_REFUSAL_END] = {
#define X(symbol, id, event, word, text) [id] = {event, word, text},
#include "proxy/signer_refusal.def"
#undef X
    };

    return why < SIGNER_REFUSAL_END && info[why].word ? &info[why] : NULL;
}

/* False: not now; it stays counted. */
static bool tell(struct signer_refusals *r, struct signer_offender *o, unsigned int why)
{
    struct msg_signer_refused m = {.worker = o->worker,
                                   .count = o->untold[why],
                                   .why = (uint8_t)why,
                                   .kind = why == SIGNER_CONTENT ? o->kind : 0};

    if (!rate_take(&r->rate, monotonic_ms()) ||
        imsg_send(&r->child->control, MSG_SIGNER_REFUSED, &m, sizeof m, NULL, 0) !=
            IMSG_OK)
        return false;
    o->told[why] = true;
    o->untold[why] = 0;
    return true;
}

/* After a time in which nothing was refused the next one is a first one again.  False:
 * there is nothing left to remember. */
static bool summarise(struct signer_refusals *r, struct signer_offender *o)
{
    bool remember = false;

    for (unsigned int why = 0; why < SIGNER_REFUSAL_END; why++) {
        if (o->untold[why] == 0)
            o->told[why] = false;
        else
            (void)tell(r, o, why);
        remember = remember || o->told[why] || o->untold[why] > 0;
    }
    return remember;
}

void signer_refusals_summary(struct signer_refusals *r)
{
    for (struct signer_offender **at = &r->list; *at;) {
        struct signer_offender *o = *at;

        if (summarise(r, o)) {
            at = &o->next;
            continue;
        }
        *at = o->next;
        o->listed = false;
    }
}

void signer_refusals_end(struct signer_refusals *r)
{
    rate_init(&r->rate, SIGNER_TELLS_PER_S, SIGNER_TELLS_BURST, monotonic_ms());
    signer_refusals_summary(r);
}

static void expired(void *ctx)
{
    struct signer_refusals *r = ctx;

    signer_refusals_summary(r);
    if (r->list)
        (void)loop_timer_set(&r->child->loop, &r->timer, SUMMARY_MS);
}

static void list(struct signer_refusals *r, struct signer_offender *o)
{
    if (o->listed)
        return;
    o->listed = true;
    o->next = r->list;
    r->list = o;
    if (!loop_timer_armed(&r->timer))
        (void)loop_timer_set(&r->child->loop, &r->timer, SUMMARY_MS);
}

void signer_refusals_init(struct signer_refusals *r, struct child *child)
{
    memset(r, 0, sizeof *r);
    r->child = child;
    r->gone.worker = SIGNER_REFUSED_GONE;
    rate_init(&r->rate, SIGNER_TELLS_PER_S, SIGNER_TELLS_BURST, monotonic_ms());
    loop_timer_init(&r->timer, expired, r);
}

void signer_refusals_add(struct signer_refusals *r, struct signer_offender *o,
                         enum signer_refusal why, unsigned int kind)
{
    if (o->untold[why] < UINT32_MAX)
        o->untold[why]++;
    if (why == SIGNER_CONTENT)
        o->kind = (uint8_t)kind;
    list(r, o);
    if (!o->told[why])
        (void)tell(r, o, why);
}

void signer_refusals_leave(struct signer_refusals *r, struct signer_offender *o)
{
    struct signer_offender **at = &r->list;

    if (!o->listed)
        return;
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    for (unsigned int why = 0; why < SIGNER_REFUSAL_END; why++) {
        uint32_t room = UINT32_MAX - r->gone.untold[why];

        if (o->untold[why] == 0 || tell(r, o, why))
            continue;
        r->gone.untold[why] += o->untold[why] < room ? o->untold[why] : room;
        r->gone.kind = o->kind;
        list(r, &r->gone);
    }
    memset(o, 0, sizeof *o);
}
