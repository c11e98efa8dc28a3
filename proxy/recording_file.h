/* The recording of one route: a pcapng file that is added to, with its hash as it grows.
 * It has two interfaces, the leg of the master and that of the station.
 *
 * While it is written its name ends in RECORDING_OPEN; that goes when the log has told of
 * its end, so that what a process left behind is known by its name.  Audit process. */
#ifndef GATE104_PROXY_RECORDING_FILE_H
#define GATE104_PROXY_RECORDING_FILE_H

#include "proxy/audit_hash.h"
#include "proxy/record.h"
#include "proxy/recorded.h"
#include "proxy/role_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDING_FOLDER "recordings"
#define RECORDING_SUFFIX ".pcapng"
#define RECORDING_OPEN   ".open"
/* ROUTE-YYYYMMDDThhmmssZ-NNN.pcapng */
#define RECORDING_NAME_MAX (ROUTE_NAME_MAX + 24u + sizeof RECORDING_SUFFIX)
#define RECORDING_OPEN_MAX (RECORDING_NAME_MAX + sizeof RECORDING_OPEN)

struct recording_leg {
    uint64_t written; /* APDUs in the file */
    uint64_t lost;    /* that are not */
};

struct recording_file {
    int fd; /* -1: there is none */
    char name[RECORDING_NAME_MAX];
    void *hash; /* of the first `size` octets */
    uint64_t size;
    uint64_t synced; /* octets that are on disk */
    uint64_t began_ms;
    uint64_t first_us, last_us;
    struct recording_leg leg[RECORDED_LEGS];
    uint64_t session; /* of the last APDU */
    bool changed;     /* more is in it than the hash knows */
};

/* What an APDU comes with, beside itself. */
struct recording_note {
    uint64_t record; /* number of the record about it; 0: none */
    const struct event_info *event;
};

void recording_file_init(struct recording_file *f);
/* Makes a new file for the route; never takes one that is there.  False with errno. */
bool recording_file_open(struct recording_file *f, int dir_fd, const char *route);
/* Adds an APDU of a message to what recording_file_write() is to write; no other file may
 * be added to in between.  False as there. */
bool recording_file_add(struct recording_file *f, const struct msg_recorded *head,
                        const struct recorded_apdu *a, const struct recording_note *note);
/* Counts APDUs that are missing at this place. */
void recording_file_lost(struct recording_file *f, unsigned int leg, uint32_t count);
/* Writes what was added.  False with errno: nothing of it is in the file; it is counted
 * as lost. */
bool recording_file_write(struct recording_file *f);
/* Brings it to disk, by and by.  False with errno. */
bool recording_file_sync(struct recording_file *f);
/* Adds the counts, syncs, closes.  `hash` is that of the whole.  False: the hash is not
 * known, or not all is on disk; the file is closed all the same. */
bool recording_file_close(struct recording_file *f, uint8_t hash[AUDIT_HASH_SIZE]);

#endif
