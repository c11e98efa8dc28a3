/* How long the session log is kept, and in which files: the part of the configuration
 * that says so, as the audit process is told it. */
#ifndef GATE104_PROXY_ROLE_CONFIG_FILES_H
#define GATE104_PROXY_ROLE_CONFIG_FILES_H

#include "sandbox/wire.h"

#include <stdbool.h>
#include <stdint.h>

#define FILES_ROTATE_SIZE_MIN (UINT64_C(4) << 10)
#define FILES_SIZE_MAX        (UINT64_C(1) << 50)
#define FILES_RESERVE_MIN     (UINT64_C(4) << 10)
#define FILES_RESERVE_MAX     (UINT64_C(1) << 40)
#define FILES_INTERVAL_MAX    (366u * 86400u)
#define FILES_DAYS_MAX        36525u

#define FILES_OCTETS (3u * 8u + 2u * 4u)

/* 0 is: not at all, for ever, or none. */
struct files_settings {
    uint64_t rotate_size; /* octets */
    uint32_t rotate_interval_s;
    uint32_t retain_days;
    uint64_t retain_size; /* octets, of all files together */
    uint64_t reserve;     /* octets kept free for the log on its disk */
};

void files_settings_default(struct files_settings *s);
void files_settings_put(struct wire_writer *w, const struct files_settings *s);
/* Anything out of range makes the reader bad. */
void files_settings_get(struct wire_reader *r, struct files_settings *s);

#endif
