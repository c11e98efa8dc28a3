/* What the signer refuses, on its way to the session log: the first of a kind that a
 * worker is refused at once, the others counted, so that a worker that asks without end
 * neither floods the log nor hides in it what came before. */
#ifndef GATE104_PROXY_SIGNER_REFUSALS_H
#define GATE104_PROXY_SIGNER_REFUSALS_H

#include "certs/sign_check.h"
#include "proxy/record.h"
#include "sandbox/child.h"
#include "sandbox/rate.h"

enum signer_refusal {
#define X(symbol, id, event, word, text) symbol = (id),
#include "proxy/signer_refusal.def"
#undef X
    SIGNER_REFUSAL_END,
};

/* Of all that a signer may send; the monitor takes twice as much. */
#define SIGNER_TELLS_PER_S 5u
#define SIGNER_TELLS_BURST 20u

struct signer_refusal_info {
    enum event event;
    const char *word; /* short, stable */
    const char *text; /* for people */
};

/* NULL: there is none of that number. */
const struct signer_refusal_info *signer_refusal_info(unsigned int why);

/* ---- in the signer ---- */

/* What one worker was refused. */
struct signer_offender {
    uint32_t worker;
    uint8_t kind; /* of the last content */
    bool told[SIGNER_REFUSAL_END];
    uint32_t untold[SIGNER_REFUSAL_END];
    bool listed;
    struct signer_offender *next;
};

struct signer_refusals {
    struct child *child;
    struct rate rate;
    struct loop_timer timer;
    struct signer_offender gone;  /* what those who have ended left untold */
    struct signer_offender *list; /* who was refused something lately */
};

void signer_refusals_init(struct signer_refusals *r, struct child *child);
/* `kind`: what sign_check() found, with SIGNER_CONTENT; else 0. */
void signer_refusals_add(struct signer_refusals *r, struct signer_offender *o,
                         enum signer_refusal why, unsigned int kind);
/* The worker is gone; `o` is forgotten. */
void signer_refusals_leave(struct signer_refusals *r, struct signer_offender *o);
/* What is counted is told now, within the bound. */
void signer_refusals_summary(struct signer_refusals *r);
/* The same for the last time: the bound is as if nothing had been told. */
void signer_refusals_end(struct signer_refusals *r);

#endif
