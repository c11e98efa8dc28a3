#include "proxy/audit_origin.h"

#include <string.h>

/* The monitor tells of everything; what is not here is for it, or for the log itself. */
static const struct {
    enum role role;
    const char *group;
    const char *name; /* NULL: all of the group */
} subjects[] = {
    {ROLE_BROKER, "session", NULL},
    {ROLE_GATE, "session", NULL},
    {ROLE_GATE, "tls", NULL},
    {ROLE_GATE, "role", NULL},
    {ROLE_GATE, "apci", NULL},
    {ROLE_GATE, "asdu", NULL},
    {ROLE_GATE, "policy", NULL},
    {ROLE_GATE, "op", NULL},
    {ROLE_GATE, "point", NULL},
    {ROLE_GATE, "log", "gap"},
    {ROLE_GATE, "log", "thinned"},
    {ROLE_GATE, "log", "monitor-only-on"},
    {ROLE_GATE, "log", "monitor-only-off"},
};

static bool is_its_subject(enum role sender, const struct event_info *event)
{
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        if (subjects[i].role == sender && strcmp(subjects[i].group, event->group) == 0 &&
            (!subjects[i].name || strcmp(subjects[i].name, event->name) == 0))
            return true;
    }
    return false;
}

/* A gate tells of its own routes, and nobody of one that is none. */
static bool is_its_route(const struct audit_config *c, enum role sender, uint32_t id,
                         uint64_t route)
{
    return route < c->route_count && (sender != ROLE_GATE || c->route[route].gate == id);
}

bool audit_origin_good(const struct audit_config *c, enum role sender, uint32_t id,
                       const struct record_head *head, const uint8_t *payload, size_t n)
{
    struct record_field f;
    size_t pos = 0;

    if (sender == ROLE_MONITOR)
        return true;
    if (!is_its_subject(sender, head->event))
        return false;
    while (record_next(payload, n, &pos, &f)) {
        if (f.tag->tag == RECORD_PROCESS ||
            (f.tag->tag == RECORD_ROUTE && !is_its_route(c, sender, id, f.u64)))
            return false;
    }
    return true;
}
