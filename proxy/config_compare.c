/* What a configuration that was read again changes. */
#include "proxy/config_build.h"
#include "proxy/config_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool config_same_groups(const struct config *a, const struct config *b)
{
    if (a->route_count != b->route_count || a->tls_count != b->tls_count)
        return false;
    for (size_t i = 0; i < a->route_count; i++) {
        const struct config_route *x = &a->routes[i];
        const struct config_route *y = &b->routes[i];

        if (x->tls != y->tls || x->mode != y->mode || strcmp(x->name, y->name) != 0)
            return false;
    }
    /* The fetcher would not know of another responder. */
    for (size_t i = 0; i < a->tls_count; i++) {
        if (!config_ocsp_same(&a->tls[i].ocsp, &b->tls[i].ocsp))
            return false;
    }
    return true;
}

static bool same_octets(uint8_t *a, size_t an, uint8_t *b, size_t bn)
{
    bool same = an == bn && an > 0 && memcmp(a, b, an) == 0;

    free(a);
    free(b);
    return same;
}

static size_t encode_broker(const struct config *c, uint8_t **out)
{
    struct broker_config role;
    size_t n;

    *out = NULL;
    if (!config_broker_role(c, 1, &role))
        return 0;
    n = broker_config_encode(&role, out);
    broker_config_free(&role);
    return n;
}

static size_t encode_gate(const struct config *c, uint32_t gate, uint8_t **out)
{
    struct gate_config role;
    size_t n;

    *out = NULL;
    if (!config_gate_role(c, gate, &role))
        return 0;
    n = gate_config_encode(&role, out);
    gate_config_free(&role);
    return n;
}

/* What broker and gates are told is all of a route but its TLS. */
static bool same_routes(const struct config *a, const struct config *b)
{
    uint8_t *x;
    uint8_t *y;
    size_t n = encode_broker(a, &x);
    size_t k = encode_broker(b, &y);
    bool same = same_octets(x, n, y, k) && config_gate_count(a) == config_gate_count(b);

    for (uint32_t i = 0; same && i < config_gate_count(a); i++) {
        n = encode_gate(a, i, &x);
        k = encode_gate(b, i, &y);
        same = same_octets(x, n, y, k);
    }
    for (size_t i = 0; same && i < a->route_count; i++)
        same = strcmp(a->routes[i].peer_name, b->routes[i].peer_name) == 0;
    return same;
}

/* What else broker and gates are told does not count here, nor what is taken at once. */
static bool same_routes_of(const struct config *a, const struct config *b)
{
    struct config view;
    bool same;

    if (a->route_count != b->route_count || !config_live_view(b, a, &view))
        return false;
    view.limits = a->limits;
    view.commands_sync = a->commands_sync;
    view.log_closes = a->log_closes;
    same = same_routes(a, &view);
    config_live_view_free(&view);
    return same;
}

static bool same_permit_persons(const struct config *a, const struct config *b)
{
    bool same = a->route_count == b->route_count;

    for (size_t i = 0; same && i < a->route_count; i++)
        same = a->routes[i].permit_persons == b->routes[i].permit_persons;
    return same;
}

static bool same_audit(const struct config *a, const struct config *b)
{
    return strcmp(a->audit_dir, b->audit_dir) == 0 &&
           config_seal_same(&a->seal, &b->seal) &&
           memcmp(&a->files, &b->files, sizeof a->files) == 0 &&
           recording_settings_same(&a->recording, &b->recording) &&
           a->commands_sync == b->commands_sync && a->log_closes == b->log_closes &&
           config_ship_same(a, b);
}

void config_restart_words(const struct config *a, const struct config *b, char *out,
                          size_t cap)
{
    const struct {
        bool same;
        const char *word;
    } parts[] = {
        {strcmp(a->user, b->user) == 0, "user"},
        {strcmp(a->run_dir, b->run_dir) == 0, "run_dir"},
        {a->sandbox_full == b->sandbox_full, "require_sandbox"},
        {same_audit(a, b), "audit"},
        {memcmp(&a->limits, &b->limits, sizeof a->limits) == 0, "limits"},
        {config_permit_same(&a->permits, &b->permits) && same_permit_persons(a, b),
         "permits"},
        {same_routes_of(a, b), "routes"},
        {config_points_same(a, b), "lists of points"},
    };
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && used < cap; i++) {
        if (!parts[i].same)
            used += (size_t)snprintf(out + used, cap - used, "%s%s", used > 0 ? ", " : "",
                                     parts[i].word);
    }
}

static bool same_second(const struct config_tls *x, const struct config_tls *y)
{
    if (!x->second_cert.path || !y->second_cert.path)
        return !x->second_cert.path == !y->second_cert.path;
    return strcmp(x->second_cert.text, y->second_cert.text) == 0;
}

bool config_keys_changed(const struct config *a, const struct config *b)
{
    for (size_t i = 0; i < a->tls_count && i < b->tls_count; i++) {
        const struct config_tls *x = &a->tls[i];
        const struct config_tls *y = &b->tls[i];

        if (!config_tls_own_same(x, y) || !same_second(x, y) ||
            strcmp(x->cert.text, y->cert.text) != 0)
            return true;
    }
    return a->tls_count != b->tls_count;
}
