#include "certs/tls_failure.h"

#include <stddef.h>

static const struct tls_failure_info infos[] = {
#define X(symbol, id, name, event, mnemonic, text) {symbol, name, event, mnemonic, text},
#include "certs/tls_failure.def"
#undef X
};

#define INFO_COUNT (sizeof(infos) / sizeof(infos[0]))

const struct tls_failure_info *tls_failure_info(unsigned int id)
{
    for (size_t i = 0; i < INFO_COUNT; i++) {
        if (infos[i].failure == id)
            return &infos[i];
    }
    /* The last row of the table is TLS_FAIL_INTERNAL. */
    return &infos[INFO_COUNT - 1];
}
