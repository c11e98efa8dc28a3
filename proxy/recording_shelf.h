/* The recordings that are in the folder, but for those being written: finished ones, of
 * which the log has told, and those that a process left behind.  The folder is read once,
 * before the sandbox; from then on the process knows what it has put there and removed.
 * Audit process. */
#ifndef GATE104_PROXY_RECORDING_SHELF_H
#define GATE104_PROXY_RECORDING_SHELF_H

#include "proxy/recording_file.h"

/* More are not kept in mind: they are found at the next start. */
#define RECORDINGS_MAX 65536u

struct recording_old {
    char name[RECORDING_NAME_MAX]; /* without RECORDING_OPEN */
    uint64_t size;
    int64_t utc_ms; /* of the last change */
    bool told;      /* by a record; only the name is wrong still */
    bool counted;   /* by this process */
    uint64_t count, lost;
};

/* Oldest first. */
struct recording_shelf {
    struct recording_old *old;
    size_t count, room;
    uint64_t octets; /* all of them */
};

/* Reads the folder.  False with errno. */
bool recording_shelf_scan(struct recording_shelf *finished,
                          struct recording_shelf *left_open, int dir_fd);
void recording_shelf_free(struct recording_shelf *s);
/* Adds one that is the newest. */
void recording_shelf_add(struct recording_shelf *s, const struct recording_old *old);
void recording_shelf_drop_oldest(struct recording_shelf *s);

#endif
