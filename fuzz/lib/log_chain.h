/* A session log to be broken: a chain that the audit process would write, changed by a
 * script of what somebody with an editor can do to it. */
#ifndef GATE104_FUZZ_LIB_LOG_CHAIN_H
#define GATE104_FUZZ_LIB_LOG_CHAIN_H

#include "fuzz/lib/fuzz.h"

#include "proxy/audit_envelope.h"

#define LOG_CHAIN_LINES 12u
#define LOG_CHAIN_MAX   65536u

struct log_text {
    size_t n;
    char octets[LOG_CHAIN_MAX];
};

struct log_chain {
    struct log_text text;
    size_t start[LOG_CHAIN_LINES + 1]; /* of each line, and the end */
};

void log_chain_make(struct log_chain *c);

/* Begins as the first lines of the chain, then obeys the script.  True if a hash was made
 * to fit again: then the chain may hold although the text is another. */
bool log_chain_break(const struct log_chain *c, struct fuzz_input *script,
                     struct log_text *out);

/* Octets of the line that begins at `at`, newline included; without one, those left. */
size_t log_line_size(const struct log_text *t, size_t at);

#endif
