/* What a reader of configurations has to say for itself. */
#ifndef GATE104_FUZZ_LIB_FINDINGS_H
#define GATE104_FUZZ_LIB_FINDINGS_H

#include "fuzz/lib/sink.h"

#include "proxy/config_errors.h"

/* Every finding has a place in a text of so many lines and says something, in one line
 * of UTF-8 without control characters. */
void findings_check(const struct config_errors *e, unsigned int lines, struct sink *sink);

/* Lines of a text, counted as an editor does. */
unsigned int findings_lines(const void *text, size_t n);

#endif
