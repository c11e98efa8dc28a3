/* What the text of proxy/link.h promises, kept beside a link while a script of events
 * drives it: which verdict a frame deserves, what must come out and in which order, and
 * what may be acknowledged.  Every breach stops the run. */
#ifndef GATE104_FUZZ_LIB_LINK_MODEL_H
#define GATE104_FUZZ_LIB_LINK_MODEL_H

#include "proxy/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_K_MAX 64u
#define MODEL_RING  256u /* frames remembered a leg; more than can be open */
#define MODEL_REPLY 0xFFu

struct model_asdu {
    size_t size;
    uint8_t octets[ASDU_SIZE_MAX];
};

/* ASDUs that must come out, in this order. */
struct model_queue {
    uint64_t first, end;
    struct model_asdu item[MODEL_RING];
    uint64_t frame[MODEL_RING]; /* of the sender, from 0 */
};

enum model_fate { MODEL_WAITING, MODEL_FORWARDED, MODEL_OUT, MODEL_CONSUMED };

struct model_leg {
    /* Frames from this station. */
    uint64_t received, told; /* I-frames; and how many it was told of in N(R) */
    enum model_fate fate[MODEL_RING];
    uint64_t
        number[MODEL_RING]; /* MODEL_OUT: its place among the I-frames to the other */
    uint64_t offered;    /* ticket of the frame last offered and not decided on, or 0 */
    bool begun, started; /* as far as this can be seen from outside */
    unsigned int
        tests; /* TESTFR acts without a con, as far as the output was looked at */
    uint64_t starts, stops; /* cons of the station, acts of the master */

    /* Frames to this station. */
    uint64_t sent;    /* I-frames seen in its output */
    uint64_t replied; /* how many of them up to the last reply */
    size_t parsed;    /* octets of the present output that were looked at */
    struct model_queue forwarded, replies;
};

struct model {
    struct link *link;
    unsigned int k;
    size_t output_size;
    bool crowded; /* a station had two TESTFR acts open: the link need not take more */
    bool closed;
    enum reason why;
    struct model_leg leg[LINK_LEGS];
};

void model_init(struct model *m, struct link *link, const struct link_config *config);

/* Hands an APDU to the link, if it can receive, and judges its verdict.  True if taken.
 */
bool model_receive(struct model *m, enum link_leg leg, const uint8_t *apdu, size_t n);
/* Decides on the frame offered or on hold, if there is one; a reply is made of `reply`
 * (at most 249 octets), or mirrors the frame if it is NULL.  True if there was one. */
bool model_decide(struct model *m, enum link_leg leg, enum link_verb verb,
                  const uint8_t *reply, size_t n);
/* Looks at what is ready for both legs, then writes `n` octets of one leg's, or as many
 * as there are. */
void model_output(struct model *m, enum link_leg leg, size_t n);
void model_close(struct model *m, enum reason why);

/* N(R) that acknowledges all but `behind` of what was put out to the leg's station. */
uint16_t model_nr(const struct model *m, enum link_leg leg, unsigned int behind);
/* Nothing waits, everything is acknowledged. */
bool model_is_quiet(const struct model *m);

#endif
