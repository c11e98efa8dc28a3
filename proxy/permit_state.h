/* Permits that outlive gate104d: a file of the monitor's own.
 *
 * Time left is counted by CLOCK_BOOTTIME within a boot, and between boots by the wall
 * clock: a wall clock that went back takes nothing off, and nothing is ever added.  What
 * is read was written by whoever can write the file: every field is checked. */
#ifndef GATE104_PROXY_PERMIT_STATE_H
#define GATE104_PROXY_PERMIT_STATE_H

#include "policy/permit.h"
#include "proxy/permit_text.h"

#include <stddef.h>
#include <stdint.h>

#define PERMIT_STATE_NAME   "permits.state"
#define PERMIT_STATE_MAX    256u /* permits in a file */
#define PERMIT_STATE_OCTETS (320u * 1024u)
#define PERMIT_BOOT_LEN     36u
#define PERMIT_NOBODY       UINT32_MAX

struct permit_kept {
    struct permit_scope scope;
    uint32_t id;
    uint64_t left_ms;
    char route[64];
    char reason[PERMIT_REASON_MAX + 1];
    uint32_t by;        /* user number */
    uint32_t confirmed; /* the second one's; PERMIT_NOBODY: there was none */
};

/* When it was written, or is read. */
struct permit_moment {
    char boot[PERMIT_BOOT_LEN + 1]; /* /proc/sys/kernel/random/boot_id */
    uint64_t boot_ms;               /* CLOCK_BOOTTIME */
    uint64_t wall_ms;               /* CLOCK_REALTIME */
};

/* Now; false if the boot has no id. */
bool permit_moment_now(struct permit_moment *m);

/* Octets written to out, 0 if they do not fit. */
size_t permit_state_encode(const struct permit_moment *when, const struct permit_kept *p,
                           size_t count, uint8_t *out, size_t cap);
/* Reads what permit_state_encode writes, and nothing else: at most PERMIT_STATE_MAX
 * permits, their time left being that of `now`.  Those whose time is over are not among
 * them.  False: it is damaged. */
bool permit_state_decode(const uint8_t *octets, size_t n, const struct permit_moment *now,
                         struct permit_kept *out, size_t *count);

enum permit_state_found {
    PERMIT_STATE_FOUND,
    PERMIT_STATE_MISSING,
    PERMIT_STATE_DAMAGED, /* or not a regular file, or open to others */
    PERMIT_STATE_UNREADABLE,
};

/* Of the file in the folder; `out` has room for PERMIT_STATE_MAX. */
enum permit_state_found permit_state_load(const char *dir,
                                          const struct permit_moment *now,
                                          struct permit_kept *out, size_t *count);
/* Replaces it in one step and waits for the disk; without permits it goes.  False, with
 * errno. */
bool permit_state_store(const char *dir, const struct permit_moment *now,
                        const struct permit_kept *p, size_t count);

#endif
