#include "proxy/recorded.h"

#include "proxy/endpoint.h"

#include <string.h>

size_t recorded_put(uint8_t payload[IMSG_PAYLOAD_MAX], size_t n,
                    const struct recorded_apdu *a)
{
    const struct msg_recorded_apdu head = {.utc_us = a->utc_us,
                                           .leg = a->leg,
                                           .sent = a->sent ? 1 : 0,
                                           .size = (uint8_t)a->size};

    if (a->size == 0 || a->size > RECORDED_APDU_MAX ||
        IMSG_PAYLOAD_MAX - n < sizeof head + a->size)
        return 0;
    memcpy(payload + n, &head, sizeof head);
    memcpy(payload + n + sizeof head, a->octets, a->size);
    return n + sizeof head + a->size;
}

/* The entry at *pos, which is behind it then.  False: there is no good one. */
static bool take(const uint8_t *payload, size_t n, size_t *pos, struct recorded_apdu *a)
{
    struct msg_recorded_apdu head;

    if (n - *pos < sizeof head)
        return false;
    memcpy(&head, payload + *pos, sizeof head);
    *pos += sizeof head;
    if (head.leg >= RECORDED_LEGS || head.sent > 1 || head.size == 0 || head.zero != 0 ||
        head.utc_us >= RECORDED_TIME_END || n - *pos < head.size)
        return false;
    *a = (struct recorded_apdu){.utc_us = head.utc_us,
                                .leg = head.leg,
                                .sent = head.sent == 1,
                                .octets = payload + *pos,
                                .size = head.size};
    *pos += head.size;
    return true;
}

static bool counts_alone(const struct msg_recorded *head)
{
    static const struct msg_endpoint none;

    return head->session == 0 && memcmp(&head->master, &none, sizeof none) == 0 &&
           memcmp(&head->station, &none, sizeof none) == 0 &&
           (head->dropped[0] | head->dropped[1]) != 0;
}

bool recorded_check(const uint8_t *payload, size_t n, struct msg_recorded *head)
{
    struct recorded_apdu a;
    size_t pos = sizeof *head;

    if (n < sizeof *head)
        return false;
    memcpy(head, payload, sizeof *head);
    if (head->zero != 0)
        return false;
    if (n == sizeof *head)
        return counts_alone(head);
    while (pos < n) {
        if (!take(payload, n, &pos, &a))
            return false;
    }
    return endpoint_valid(&head->master) && endpoint_valid(&head->station);
}

bool recorded_next(const uint8_t *payload, size_t n, size_t *pos, struct recorded_apdu *a)
{
    if (*pos == 0)
        *pos = sizeof(struct msg_recorded);
    return *pos < n && take(payload, n, pos, a);
}
