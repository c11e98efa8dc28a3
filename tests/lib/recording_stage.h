/* Recordings written by a test in a folder of its own, with calls that fail when they are
 * to, a disk that is as full and a clock that says what the test wants.
 *
 * The linker leads the calls here (--wrap, see the Makefile). */
#ifndef GATE104_TESTS_LIB_RECORDING_STAGE_H
#define GATE104_TESTS_LIB_RECORDING_STAGE_H

#include "proxy/recordings.h"

#define MINUTE_MS 60000u

/* What becomes of a call for a recording; none for the log fails. */
enum how {
    GOOD,
    FAIL,
    HALF, /* half is written, and what comes next fails */
    END_BEFORE,
    END_AFTER
};

struct recording_world {
    bool on;
    enum how how;
    unsigned int count, from, to; /* calls so far; those that go wrong */
    int error;
    unsigned int used; /* percent of the disk */
    uint64_t mono_ms;
    bool unsynced;      /* the last call for a recording was a write */
    unsigned int early; /* names given then */
};

extern struct recording_world world;

#define ROUTES 3u /* the second is not recorded */

struct stage {
    char dir[64];
    int dir_fd;
    struct audit_log log;
    struct audit_config config;
    struct recordings r;
    uint64_t sent; /* APDUs, those that a gate had dropped included */
    uint64_t apdus;
};

/* For cmocka. */
int recording_stage_set_up(void **state);
int recording_stage_tear_down(void **state);

void stage_empty(const struct stage *s);
void stage_begin(struct stage *s);
void stage_end(struct stage *s);
/* What the audit process does now and then. */
void stage_keep(struct stage *s);

/* A RECORDED of gate 0: its octets; as a gate of that number sends it. */
size_t stage_message(struct stage *s, uint16_t route, unsigned int apdus,
                     uint8_t payload[IMSG_PAYLOAD_MAX]);
enum imsg_status stage_send_as(struct stage *s, const uint8_t *payload, size_t n,
                               uint32_t gate);
void stage_send(struct stage *s, uint16_t route, unsigned int apdus);
void stage_send_dropped(struct stage *s, uint16_t route, uint32_t count);

/* What the log says. */
struct sum {
    uint64_t files, written, lost, deleted;
    unsigned int why_size, why_interval, why_disk, why_error, why_stop, why_unfinished;
    unsigned int gaps, overs;
};

void stage_read_log(const struct stage *s, struct sum *t);
/* The log is whole, and each file is what it says. */
void stage_judge(const struct stage *s, const char *what, unsigned int at);
/* And each APDU is in one, or counted. */
void stage_accounted(const struct stage *s, const char *what, unsigned int at);

#endif
