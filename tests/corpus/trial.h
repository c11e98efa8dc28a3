/* One row of the corpus, played to a gate in one way, and what came of it. */
#ifndef GATE104_TESTS_CORPUS_TRIAL_H
#define GATE104_TESTS_CORPUS_TRIAL_H

#include "tests/corpus/world.h"

enum way {
    WAY_WHOLE,       /* in one write */
    WAY_SPLIT,       /* the first octets, then, when these were read, the others */
    WAY_OCTETS,      /* octet by octet */
    WAY_BEHIND_TEST, /* in one write with a TESTFR act before it */
    WAY_BEHIND_I,    /* in one write with a good I-frame before it */
    WAY_AHEAD,       /* in one write with a TESTFR act behind it */
    WAYS,
};

struct trial {
    const struct row *row;
    enum link_leg from;
    enum way way;
    size_t split; /* WAY_SPLIT */
};

/* The session that is open all the while; false if there is none. */
bool witness_begin(struct world *w, struct session *witness);

/* NULL if all is as the row says, else what is not.  `session` is used for it. */
const char *trial_run(struct world *w, const struct trial *t, struct session *session);

/* The octets of a row where nothing was sent before; gives where its bad APDU begins,
 * SIZE_MAX if they are none. */
size_t trial_octets(const struct row *row, struct notation *out);
/* True if a good I-frame may stand before this row. */
bool trial_may_be_behind_i(const struct row *row, enum link_leg from);

#endif
