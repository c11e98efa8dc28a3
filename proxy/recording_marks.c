#include "proxy/recording_marks.h"

#include <string.h>

struct recording_mark *recording_marks_place(struct recording_marks *m)
{
    struct recording_mark *mark = &m->mark[m->next];

    m->next = (m->next + 1) % RECORDING_MARKS;
    return mark;
}

static bool fits(const struct recording_mark *m, uint64_t session,
                 const struct recorded_apdu *a)
{
    return m->record != 0 && m->session == session && m->leg == a->leg &&
           m->size == a->size && memcmp(m->octets, a->octets, a->size) == 0;
}

const struct recording_mark *recording_marks_take(struct recording_marks *m,
                                                  uint64_t session,
                                                  const struct recorded_apdu *a)
{
    for (unsigned int i = 1; i <= RECORDING_MARKS && !a->sent; i++) {
        struct recording_mark *mark =
            &m->mark[(m->next + RECORDING_MARKS - i) % RECORDING_MARKS];

        if (fits(mark, session, a))
            return mark;
    }
    return NULL;
}
