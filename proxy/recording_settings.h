/* How large recordings of APDUs get and how much of them is kept: the part of the
 * configuration that says so, as the audit process is told it. */
#ifndef GATE104_PROXY_RECORDING_SETTINGS_H
#define GATE104_PROXY_RECORDING_SETTINGS_H

#include "sandbox/wire.h"

#include <stdbool.h>
#include <stdint.h>

#define RECORDING_SIZE_MIN     (UINT64_C(64) << 10)
#define RECORDING_SIZE_MAX     (UINT64_C(1) << 40)
#define RECORDING_INTERVAL_MIN 1u
#define RECORDING_INTERVAL_MAX (366u * 86400u)
#define RECORDING_RETAIN_MAX   (UINT64_C(1) << 50)
#define RECORDING_DAYS_MAX     36525u

#define RECORDING_OCTETS (2u * 8u + 2u * 4u)

struct recording_settings {
    uint64_t size;        /* octets after which a file is closed */
    uint32_t interval_s;  /* seconds after which it is, too */
    uint32_t retain_days; /* 0: for ever, as long as there is room */
    uint64_t retain_size; /* octets, of all recordings together; 0: no bound */
};

void recording_settings_default(struct recording_settings *s);
bool recording_settings_same(const struct recording_settings *a,
                             const struct recording_settings *b);
void recording_settings_put(struct wire_writer *w, const struct recording_settings *s);
/* Anything out of range makes the reader bad. */
void recording_settings_get(struct wire_reader *r, struct recording_settings *s);

#endif
