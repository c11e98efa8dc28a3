/* APDUs on their way from a gate to the recording of their route: the payload of
 * RECORDED.  The gate writes it, audit takes it apart as hostile.  Pure. */
#ifndef GATE104_PROXY_RECORDED_H
#define GATE104_PROXY_RECORDED_H

#include "sandbox/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDED_APDU_MAX 255u

struct recorded_apdu {
    uint64_t utc_us;
    uint8_t leg;
    bool sent;
    const uint8_t *octets; /* when read: within the payload */
    size_t size;           /* 1..RECORDED_APDU_MAX */
};

/* Adds an APDU behind the n octets that stand in `payload`; gives their new number, or 0
 * if there is no room. */
size_t recorded_put(uint8_t payload[IMSG_PAYLOAD_MAX], size_t n,
                    const struct recorded_apdu *a);

/* Checks a whole payload and gives its head.  False: the sender broke the rules. */
bool recorded_check(const uint8_t *payload, size_t n, struct msg_recorded *head);
/* Walks a checked payload; *pos starts at 0.  False at the end. */
bool recorded_next(const uint8_t *payload, size_t n, size_t *pos,
                   struct recorded_apdu *a);

#endif
