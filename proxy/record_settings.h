/* What a route says of the records of its operations and points. */
#ifndef GATE104_PROXY_RECORD_SETTINGS_H
#define GATE104_PROXY_RECORD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPERATION_TIMEOUT_S     30u
#define OPERATION_TIMEOUT_MAX_S 3600u
#define POINTS_PER_S            100u
#define POINTS_PER_S_MAX        10000u
#define FEEDBACKS_MAX           32u
#define FEEDBACK_IOA_MAX        0xFFFFFFu

enum record_points {
    RECORD_POINTS_NONE,
    RECORD_POINTS_CHANGES, /* what happened: spontaneous, returned, initialized */
    RECORD_POINTS_ALL,
    RECORD_POINTS_COUNT,
};

/* The states of the points that commands at first..last move are told at to, to+1, ... */
struct feedback {
    uint32_t first, last, to;
};

struct record_settings {
    bool apdus;            /* every APDU goes to a recording */
    uint32_t operation_s;  /* 0: OPERATION_TIMEOUT_S */
    uint8_t points;        /* enum record_points */
    uint32_t points_per_s; /* records of one session */
    size_t feedback_count;
    struct feedback feedback[FEEDBACKS_MAX];
};

/* The address at which the state of the point is told: its own, and false, where nothing
 * else is configured. */
bool record_settings_feedback(const struct record_settings *s, uint32_t ioa,
                              uint32_t *state_ioa);
/* True if a range lies among the addresses of 101 7.2.5, and so does what it leads to. */
bool feedback_is_legal(const struct feedback *f);

#endif
