/* What a rule that lets a command pass asks of what went before: select before operate,
 * how often, how far from the value before, how old its time tag may be, and a permit.
 * The policy only carries it; who relays the command holds it against policy/select.h,
 * policy/throttle.h, policy/step.h, policy/policy_zone.h and policy/permit.h.  Part of
 * policy.h. */
#ifndef GATE104_POLICY_POLICY_LIMITS_H
#define GATE104_POLICY_POLICY_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/* Of commands with an S/E bit. */
enum policy_select {
    POLICY_SELECT_ALLOWED,   /* as the station wants it */
    POLICY_SELECT_REQUIRED,  /* an execute passes only if select.h says that it fits */
    POLICY_SELECT_FORBIDDEN, /* a select does not pass */
};
#define POLICY_SELECTS 3

/* A set point of which no value is known to differ from, see policy/step.h. */
enum policy_first { POLICY_FIRST_PASS, POLICY_FIRST_REFUSE };
#define POLICY_FIRSTS 2

/* What a rate counts together. */
enum policy_per {
    POLICY_PER_SESSION,
    POLICY_PER_POINT, /* common and object address, whoever asks */
    POLICY_PER_PEER,  /* certificate, over all its sessions */
    POLICY_PER_ROUTE,
};
#define POLICY_PERS 4

#define POLICY_RATE_COUNT_MAX   100000u
#define POLICY_RATE_SECONDS_MAX 86400u
/* Seconds a select counts. */
#define POLICY_SELECT_TIMEOUT     30u
#define POLICY_SELECT_TIMEOUT_MAX 3600u
#define POLICY_AGE_MS_MAX         86400000u
/* A time tag may be ahead of the clock here by so much. */
#define POLICY_TAG_AHEAD_MS 2000

/* All zero: nothing is asked. */
struct policy_limits {
    uint8_t select;        /* enum policy_select */
    uint8_t per;           /* enum policy_per */
    uint8_t step_first;    /* enum policy_first */
    uint32_t rate_count;   /* at most so many ... 0: any */
    uint32_t rate_seconds; /* ... in any so many seconds */
    double step;           /* at most so far from the value before; 0: anywhere */
    uint32_t age_ms;       /* a time tag is at most so old; 0: any, or none */
    bool permit;           /* only by a permit */
};

/*@ requires \valid_read(l);
    assigns \nothing; */
static inline bool policy_limits_have_first(const struct policy_limits *l)
{
    return l->select != POLICY_SELECT_ALLOWED || l->rate_count != 0;
}

/*@ requires \valid_read(l);
    assigns \nothing; */
static inline bool policy_limits_have_more(const struct policy_limits *l)
{
    return l->step != 0 || l->age_ms != 0;
}

/*@ requires \valid_read(l);
    assigns \nothing; */
static inline bool policy_limits_are_none(const struct policy_limits *l)
{
    return !policy_limits_have_first(l) && !policy_limits_have_more(l) && !l->permit;
}

#endif
