#include "proxy/permit_wire.h"

#include <string.h>
#include <time.h>

_Static_assert(PERMIT_MSG_RANGES == PERMIT_RANGES_MAX, "a message holds a whole scope");
_Static_assert(sizeof(((struct msg_permit *)0)->subject) == PERMIT_SUBJECT_CAP,
               "a message holds a whole subject");

uint64_t permit_now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

static void put_ranges(const struct policy_range *r, size_t n, struct msg_range *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct msg_range){r[i].first, r[i].last};
}

void permit_wire_put(const struct permit *p, uint16_t route, struct msg_permit *out)
{
    const struct permit_scope *s = &p->scope;

    memset(out, 0, sizeof *out);
    out->until_ms = p->until_ms;
    out->id = p->id;
    out->commands = p->commands;
    out->used = p->used;
    out->route = route;
    out->ca_count = s->ca_count;
    out->ioa_count = s->ioa_count;
    out->has_fingerprint = s->has_fingerprint ? 1 : 0;
    memcpy(out->types, s->types, sizeof out->types);
    put_ranges(s->ca, s->ca_count, out->ca);
    put_ranges(s->ioa, s->ioa_count, out->ioa);
    if (s->has_fingerprint)
        memcpy(out->fingerprint, s->fingerprint, sizeof out->fingerprint);
    memcpy(out->subject, s->subject, strnlen(s->subject, sizeof out->subject - 1));
}

static void get_ranges(const struct msg_range *m, size_t n, struct policy_range *out)
{
    for (size_t i = 0; i < n; i++) {
        struct msg_range r;

        memcpy(&r, &m[i], sizeof r);
        out[i] = (struct policy_range){r.first, r.last};
    }
}

bool permit_wire_get(const struct msg_permit *m, struct permit *out)
{
    struct msg_permit again;

    memset(out, 0, sizeof *out);
    if (m->id < PERMIT_ID_MIN || m->id > PERMIT_ID_MAX ||
        m->commands > PERMIT_COMMANDS_MAX ||
        (m->commands != 0 && m->used > m->commands) || m->ca_count > PERMIT_RANGES_MAX ||
        m->ioa_count > PERMIT_RANGES_MAX || m->has_fingerprint > 1)
        return false;
    out->id = m->id;
    out->commands = m->commands;
    out->used = m->used;
    out->until_ms = m->until_ms;
    out->scope.ca_count = m->ca_count;
    out->scope.ioa_count = m->ioa_count;
    out->scope.has_fingerprint = m->has_fingerprint == 1;
    memcpy(out->scope.types, m->types, sizeof m->types);
    get_ranges(m->ca, m->ca_count, out->scope.ca);
    get_ranges(m->ioa, m->ioa_count, out->scope.ioa);
    memcpy(out->scope.fingerprint, m->fingerprint, sizeof m->fingerprint);
    memcpy(out->scope.subject, m->subject, sizeof m->subject);
    if (!permit_scope_is_good(&out->scope))
        return false;
    /* What is not said must not be there either. */
    permit_wire_put(out, m->route, &again);
    return memcmp(&again, m, sizeof again) == 0;
}
