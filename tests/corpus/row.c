#include "tests/corpus/row.h"

#include <stdio.h>

const struct route routes[CORPUS_ROUTES] = {
#define ROUTE(symbol, k_, cot, ca, ioa, quirks_, master, station)                        \
    [ROUTE_##symbol] = {.name = #symbol,                                                 \
                        .k = (k_),                                                       \
                        .profile = {cot, ca, ioa, {0, (quirks_)}},                       \
                        .good = {[LEG_MASTER] = (master), [LEG_STATION] = (station)}},
#define STATE(...)
#include "tests/corpus/state.def"
#undef ROUTE
#undef STATE
};

#define ROUTE(...)
#define STATE(symbol, route_, may_talk_, script_, text_)                                 \
    static const struct state symbol = {.name = #symbol,                                 \
                                        .route = ROUTE_##route_,                         \
                                        .may_talk = (may_talk_),                         \
                                        .script = (script_),                             \
                                        .text = (text_)};
#include "tests/corpus/state.def"
#undef ROUTE
#undef STATE

#define TWIN(n)               (CLASSES + (n))
#define PASS                  .verdict = ROW_PASS
#define WAIT                  .verdict = ROW_WAIT
#define IGNORE                .verdict = ROW_IGNORE
#define FAULT(reason_, at)    .reason = REASON_##reason_, .offset = (at)
#define CLOSE(reason, at)     .verdict = ROW_CLOSE, FAULT(reason, at)
#define DROP(reason, at)      .verdict = ROW_DROP, FAULT(reason, at)
#define ANSWER(c, reason, at) .verdict = ROW_ANSWER, FAULT(reason, at), .cause = (c)
#define AFTER(n, ...)         .passes = (n), __VA_ARGS__

const struct row rows[] = {
#define ROW(class_, name_, from_, state_, text_, ...)                                    \
    {.class = (class_),                                                                  \
     .name = (name_),                                                                    \
     .from = (from_),                                                                    \
     .state = &(state_),                                                                 \
     .text = (text_),                                                                    \
     __VA_ARGS__},
#define ELSEWHERE(...)
#include "tests/corpus/corpus.def"
#undef ROW
#undef ELSEWHERE
};
const size_t rows_size = sizeof rows / sizeof rows[0];

const struct elsewhere elsewheres[] = {
#define ROW(...)
#define ELSEWHERE(class_, what_, file_, test_) {(class_), (what_), (file_), (test_)},
#include "tests/corpus/corpus.def"
#undef ROW
#undef ELSEWHERE
};
const size_t elsewheres_size = sizeof elsewheres / sizeof elsewheres[0];

const char *class_name(unsigned int class, char out[32])
{
    bool twin = class > CLASSES;

    (void)snprintf(out, 32, "%s %u", twin ? "twin" : "class",
                   twin ? class - CLASSES : class);
    return out;
}
