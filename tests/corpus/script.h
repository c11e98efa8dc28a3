/* What was said before a row: the scripts of state.def. */
#ifndef GATE104_TESTS_CORPUS_SCRIPT_H
#define GATE104_TESTS_CORPUS_SCRIPT_H

#include "tests/corpus/world.h"

/* Plays it.  False, with the reason in w->wrong or at a station, if that does not work.
 */
bool script_run(struct world *w, struct session *s, const char *script);

#endif
