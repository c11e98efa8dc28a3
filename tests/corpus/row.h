/* The corpus: the rows of corpus.def, the states they start from, and which test looks at
 * what no row can say. */
#ifndef GATE104_TESTS_CORPUS_ROW_H
#define GATE104_TESTS_CORPUS_ROW_H

#include "policy/profile.h"
#include "policy/reason.h"
#include "proxy/link.h"
#include "tests/corpus/notation.h"

#define CLASSES 22u
#define TWINS   7u

enum row_from { MASTER, STATION, EITHER };

enum row_verdict {
    ROW_PASS,   /* all of it reaches the other side */
    ROW_WAIT,   /* an APDU that is not complete: nothing happens, and nothing passes */
    ROW_CLOSE,  /* both legs are closed */
    ROW_DROP,   /* consumed, acknowledged, not answered */
    ROW_ANSWER, /* refused; `cause` is that of the answer, 0 if none may be given */
    ROW_IGNORE, /* ends in the middle, which is no fault */
};

enum corpus_route {
#define ROUTE(symbol, ...) ROUTE_##symbol,
#define STATE(...)
#include "tests/corpus/state.def"
#undef ROUTE
#undef STATE
    CORPUS_ROUTES
};

struct route {
    const char *name;
    uint16_t k;
    struct profile profile;
    /* A command and a point that are legal there, in notation. */
    const char *good[LINK_LEGS];
};

struct state {
    const char *name;
    enum corpus_route route;
    const char *may_talk; /* who may send I-frames: m, s */
    const char *script;   /* "m ITEMS; s ITEMS": who sends what to get there */
    const char *text;
};

struct row {
    unsigned int class; /* 1..CLASSES, then the twins */
    const char *name;
    enum row_from from;
    const struct state *state;
    unsigned int passes; /* this many APDUs at its start are good, and pass */
    const char *text;    /* the octets in notation */
    enum row_verdict verdict;
    enum reason reason; /* of the APDU behind those that pass */
    uint16_t offset;    /* from its start octet */
    uint8_t cause;
};

struct elsewhere {
    unsigned int class;
    const char *what;
    const char *file; /* NULL: nobody does; `test` says why */
    const char *test; /* as it is named there */
};

extern const struct route routes[CORPUS_ROUTES];
extern const struct row rows[];
extern const size_t rows_size;
extern const struct elsewhere elsewheres[];
extern const size_t elsewheres_size;

/* "class 7", "twin 3". */
const char *class_name(unsigned int class, char out[32]);

#endif
