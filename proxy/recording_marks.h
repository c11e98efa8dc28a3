/* Which record of the log an APDU has, so that the packet can name it: the record of an
 * APDU comes just before the APDU itself, on the same channel.  Audit process. */
#ifndef GATE104_PROXY_RECORDING_MARKS_H
#define GATE104_PROXY_RECORDING_MARKS_H

#include "proxy/record.h"
#include "proxy/recorded.h"

#define RECORDING_MARKS 32u

struct recording_mark {
    uint64_t record; /* its number; 0: free */
    uint64_t session;
    const struct event_info *event;
    uint8_t leg; /* on which the APDU came */
    uint8_t size;
    uint8_t octets[RECORDED_APDU_MAX];
};

struct recording_marks {
    struct recording_mark mark[RECORDING_MARKS];
    unsigned int next;
};

/* A place for a mark; the oldest goes. */
struct recording_mark *recording_marks_place(struct recording_marks *m);
/* Takes the newest mark of an APDU that came; NULL: there is none. */
const struct recording_mark *recording_marks_take(struct recording_marks *m,
                                                  uint64_t session,
                                                  const struct recorded_apdu *a);

#endif
