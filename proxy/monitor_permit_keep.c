/* Permits that outlive gate104d. */
#include "proxy/monitor_permit.h"

#include "proxy/permit_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(((struct permit_kept *)0)->route) == ROUTE_NAME_MAX + 1,
               "a whole name is kept");

bool permits_save(struct permits *all)
{
    struct permit_kept *kept = calloc(PERMIT_STATE_MAX, sizeof *kept);
    struct permit_moment now;
    size_t count = 0;
    bool good;

    if (!kept)
        return false;
    good = permit_moment_now(&now);
    for (const struct grant *g = all->grants; g && count < PERMIT_STATE_MAX;
         g = g->next) {
        struct permit_kept *k = &kept[count];

        if (!g->persist || (g->state != GRANT_ACTIVE && g->state != GRANT_RESTORED) ||
            now.boot_ms >= g->permit.until_ms)
            continue;
        k->scope = g->permit.scope;
        k->id = g->permit.id;
        k->left_ms = g->permit.until_ms - now.boot_ms;
        k->by = g->by;
        k->confirmed = g->confirmed;
        memcpy(k->route, grant_route(all, g)->name, sizeof k->route);
        memcpy(k->reason, g->reason, sizeof k->reason);
        count++;
    }
    all->saved_ms = now.boot_ms;
    good = good &&
           (!all->monitor->config->permits.persist ||
            permit_state_store(all->monitor->config->permits.dir, &now, kept, count));
    free(kept);
    return good;
}

static const struct config_route *route_named(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->route_count; i++) {
        if (strcmp(c->routes[i].name, name) == 0)
            return &c->routes[i];
    }
    return NULL;
}

/* The configuration may have become stricter meanwhile. */
static bool still_allowed(const struct config *c, const struct config_route *route,
                          const struct permit_kept *k)
{
    return route &&
           (k->confirmed != PERMIT_NOBODY || config_permit_persons(c, route->index) == 1);
}

static void restore(struct permits *all, const struct permit_kept *k)
{
    const struct config *c = all->monitor->config;
    const struct config_route *route = route_named(c, k->route);
    const uint64_t most = (uint64_t)c->permits.max_s * 1000;
    struct grant *g;

    if (!still_allowed(c, route, k)) {
        monitor_log("permit %u of route %s does not hold any more: the configuration "
                    "has changed",
                    k->id, k->route);
        return;
    }
    g = calloc(1, sizeof *g);
    if (!g)
        return;
    g->permit.id = k->id;
    g->permit.scope = k->scope;
    g->ms = k->left_ms < most ? k->left_ms : most;
    g->permit.until_ms = permit_now_ms() + g->ms;
    g->route = route->index;
    g->state = GRANT_RESTORED;
    g->by = k->by;
    g->confirmed = k->confirmed;
    g->persist = g->restored = true;
    memcpy(g->reason, k->reason, sizeof g->reason);
    g->next = all->grants;
    all->grants = g;
}

void permits_restore(struct permits *all)
{
    const struct permit_settings *s = &all->monitor->config->permits;
    struct permit_kept *kept;
    struct permit_moment now;
    enum permit_state_found found;
    size_t count = 0;

    if (!s->persist)
        return;
    kept = calloc(PERMIT_STATE_MAX, sizeof *kept);
    if (!kept)
        return;
    found = permit_moment_now(&now) ? permit_state_load(s->dir, &now, kept, &count)
                                    : PERMIT_STATE_UNREADABLE;
    for (size_t i = 0; found == PERMIT_STATE_FOUND && i < count; i++)
        restore(all, &kept[i]);
    if (found == PERMIT_STATE_DAMAGED || found == PERMIT_STATE_UNREADABLE)
        monitor_log(
            "ALARM: %s/" PERMIT_STATE_NAME " %s: no permit of before holds", s->dir,
            found == PERMIT_STATE_DAMAGED ? "is damaged, or not a file of this user alone"
                                          : "cannot be read");
    free(kept);
}
