/* What `gate104 decode` printed, held against the octets and the verdict of policy/. */
#ifndef GATE104_FUZZ_LIB_DECODE_CHECK_H
#define GATE104_FUZZ_LIB_DECODE_CHECK_H

#include "proxy/cli/decode.h"

struct decode_case {
    const uint8_t *octets;
    size_t n;
    enum decode_direction direction;
    struct decode_rules rules;
};

/* `text` is all that `run` printed of the whole stream as JSON. */
void decode_check_json(const struct decode_case *c, const struct decode_run *run,
                       const char *text, size_t n);
/* Text or brief: lines of printable ASCII, the same counts as in JSON. */
void decode_check_text(const struct decode_run *json, const struct decode_run *run,
                       const char *text, size_t n);

#endif
