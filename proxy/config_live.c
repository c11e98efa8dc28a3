/* What of a configuration that was read again a gate takes while it works. */
#include "proxy/config.h"

#include <stdlib.h>
#include <string.h>

static bool same_named(const struct policy_file_roles *a,
                       const struct policy_file_roles *b)
{
    if (a->used != b->used || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->role[i].role != b->role[i].role ||
            strcmp(a->role[i].name, b->role[i].name) != 0)
            return false;
    }
    return true;
}

bool config_live_same(const struct config *a, const struct config *b, size_t route)
{
    const struct config_route *x = &a->routes[route], *y = &b->routes[route];
    const struct config_policy *p = &a->policies[x->policy], *q = &b->policies[y->policy];

    return x->enforce == y->enforce && x->mirror_unknown == y->mirror_unknown &&
           role_config_same_roles(&x->roles, &y->roles) &&
           same_named(&p->roles, &q->roles) &&
           memcmp(p->hash, q->hash, sizeof p->hash) == 0 && p->size == q->size &&
           memcmp(p->blob, q->blob, p->size) == 0;
}

static void take_route(struct config_route *to, const struct config_route *from)
{
    to->enforce = from->enforce;
    to->mirror_unknown = from->mirror_unknown;
    to->policy = from->policy;
    to->role_revision = from->role_revision;
    to->roles = from->roles;
}

bool config_live_view(const struct config *c, const struct config *from,
                      struct config *out)
{
    *out = *c;
    out->policy_count = from->policy_count;
    out->policies = from->policies;
    out->routes = calloc(c->route_count + 1, sizeof *out->routes);
    if (!out->routes)
        return false;
    for (size_t i = 0; i < c->route_count; i++) {
        out->routes[i] = c->routes[i];
        take_route(&out->routes[i], &from->routes[i]);
    }
    return true;
}

void config_live_view_free(struct config *view)
{
    free(view->routes);
    view->routes = NULL;
}

void config_live_take(struct config *c, struct config *from)
{
    struct config_policy *policies = c->policies;
    const size_t count = c->policy_count;

    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route was = c->routes[i];

        take_route(&c->routes[i], &from->routes[i]);
        take_route(&from->routes[i], &was);
    }
    c->policies = from->policies;
    c->policy_count = from->policy_count;
    from->policies = policies;
    from->policy_count = count;
}
