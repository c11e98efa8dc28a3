/* Whether the files of a log's folder hold one whole chain; written after
 * doc/log-format.md, with none of the code that writes or verifies it. */
#ifndef GATE104_TESTS_LIB_CHAIN_CHECK_H
#define GATE104_TESTS_LIB_CHAIN_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chain {
    char wrong[200]; /* "" when it is whole */
    size_t files;
    uint64_t first_seq, last_seq;
};

void chain_check(const char *dir, struct chain *c);
/* How many lines of the whole log hold the text. */
size_t chain_count(const char *dir, const char *text);

#endif
