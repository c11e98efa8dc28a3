#include "proxy/config.h"

#include "proxy/config_build.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

bool config_role_user(const struct config *c, enum role role, uid_t *uid, gid_t *gid)
{
    char name[sizeof c->user + 16];
    const struct passwd *pw;

    (void)snprintf(name, sizeof name, "%s-%s", c->user, role_name(role));
    pw = getpwnam(name);
    if (!pw)
        pw = getpwnam(c->user);
    if (!pw || pw->pw_uid == 0 || pw->pw_gid == 0)
        return false;
    *uid = pw->pw_uid;
    *gid = pw->pw_gid;
    return true;
}

uint32_t config_gate_of(const struct config *c, size_t route)
{
    return (uint32_t)(route / c->limits.routes_per_gate);
}

uint32_t config_gate_count(const struct config *c)
{
    return c->route_count > 0 ? config_gate_of(c, c->route_count - 1) + 1 : 0;
}

static void fill_broker_route(const struct config *c, const struct config_route *from,
                              struct broker_route *to)
{
    to->index = from->index;
    memcpy(to->name, from->name, sizeof to->name);
    to->mode = from->mode;
    to->gate = config_gate_of(c, from->index);
    to->group = (uint32_t)from->tls;
    to->max_sessions = from->max_sessions;
    to->t0_s = from->t0;
    to->listen_count = from->listen_count;
    memcpy(to->listen, from->listen, sizeof to->listen);
    to->target_count = from->target_count;
    memcpy(to->target, from->target, sizeof to->target);
    to->source_count = from->source_count;
    memcpy(to->source, from->source, sizeof to->source);
}

bool config_broker_role(const struct config *c, uint32_t incarnation,
                        struct broker_config *out)
{
    memset(out, 0, sizeof *out);
    out->incarnation = incarnation;
    out->max_sessions = c->limits.max_sessions;
    out->handshakes_per_source = c->limits.handshakes_per_source;
    out->sessions_per_worker = c->limits.sessions_per_worker;
    out->route = calloc(c->route_count, sizeof *out->route);
    if (!out->route)
        return false;
    for (size_t i = 0; i < c->route_count; i++)
        fill_broker_route(c, &c->routes[i], &out->route[i]);
    out->route_count = c->route_count;
    return true;
}

/* ---- keys ------------------------------------------------------------------------- */

/* The key of one group: the signer can tell from whom a worker is which keys it may use
 * and for which side, also where two groups name the same file. */
static void fill_key(const struct config *c, size_t group, const char *path,
                     struct signer_key *key)
{
    (void)snprintf(key->path, sizeof key->path, "%s", path);
    key->group = (uint32_t)group;
    key->rules = c->tls[group].rules;
    key->single = c->limits.sessions_per_worker == 1;
    key->resume_s = config_resume_seconds(&c->tls[group].resume);
    for (size_t i = 0; i < c->route_count; i++) {
        if (c->routes[i].tls != group)
            continue;
        key->server = key->server || c->routes[i].mode == ROUTE_PROTECT_RTU;
        key->client = key->client || c->routes[i].mode == ROUTE_WRAP_MASTER;
    }
}

/* The first keys have the numbers of their groups; the second ones come behind them. */
static size_t second_number(const struct config *c, size_t group)
{
    size_t n = c->tls_count;

    for (size_t i = 0; i < group; i++)
        n += c->tls[i].second_key.path != NULL;
    return n;
}

bool config_signer_role(const struct config *c, struct signer_config *out)
{
    size_t count = second_number(c, c->tls_count);

    memset(out, 0, sizeof *out);
    out->key = calloc(count > 0 ? count : 1, sizeof *out->key);
    if (!out->key)
        return false;
    out->key_count = count;
    for (size_t i = 0; i < c->tls_count; i++) {
        fill_key(c, i, c->tls[i].key.path, &out->key[i]);
        if (c->tls[i].second_key.path)
            fill_key(c, i, c->tls[i].second_key.path, &out->key[second_number(c, i)]);
    }
    return true;
}

/* ---- tls -------------------------------------------------------------------------- */

/* The files' texts one behind the other. */
static char *concatenate(const struct config_file *file, size_t count)
{
    size_t size = 1;
    size_t used = 0;
    char *text;

    for (size_t i = 0; i < count; i++)
        size += file[i].size + 1;
    text = malloc(size);
    if (!text)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        memcpy(text + used, file[i].text, file[i].size);
        used += file[i].size;
        text[used++] = '\n';
    }
    text[used] = '\0';
    return text;
}

static void fill_tls_routes(const struct config *c, uint32_t group,
                            struct tls_config *out)
{
    const struct config_tls *t = &c->tls[group];

    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *from = &c->routes[i];
        struct tls_route *to = &out->route[out->route_count];

        if (from->tls != group)
            continue;
        to->index = from->index;
        memcpy(to->name, from->name, sizeof to->name);
        to->mode = from->mode;
        memcpy(to->peer_name, from->peer_name, sizeof to->peer_name);
        /* Its TESTFR con comes by then, and takes its key update along. */
        to->update_answer_s = from->t3 + from->t1 + t->rekey.timeout_s;
        out->route_count++;
    }
}

bool config_tls_role(const struct config *c, uint32_t group, struct tls_config *out)
{
    const struct config_tls *t = &c->tls[group];

    memset(out, 0, sizeof *out);
    out->group = group;
    out->key = (uint16_t)group;
    out->second_key = t->second_key.path ? (uint16_t)second_number(c, group) : 0;
    out->rules = t->rules;
    out->sessions_per_worker = c->limits.sessions_per_worker;
    out->handshake_s = c->limits.handshake;
    out->pins = t->pins;
    out->rekey = t->rekey;
    out->resume_s = config_resume_seconds(&t->resume);
    config_ocsp_role(&t->ocsp, &out->ocsp);
    out->cert_pem = concatenate(&t->cert, 1);
    out->second_pem =
        t->second_cert.path ? concatenate(&t->second_cert, 1) : calloc(1, 1);
    out->ca_pem = concatenate(t->ca, t->ca_count);
    out->crl_pem = concatenate(t->crl, t->crl_count);
    out->revocation = t->revocation;
    out->revalidate_s = t->revalidate_s;
    out->route = calloc(c->route_count, sizeof *out->route);
    if (!out->cert_pem || !out->second_pem || !out->ca_pem || !out->crl_pem ||
        !out->route) {
        tls_config_free(out);
        return false;
    }
    fill_tls_routes(c, group, out);
    return true;
}

/* ---- gate ------------------------------------------------------------------------- */

static bool fill_gate_route(const struct config *c, const struct config_route *from,
                            struct gate_route *to)
{
    const struct config_policy *policy = &c->policies[from->policy];

    to->index = from->index;
    memcpy(to->name, from->name, sizeof to->name);
    to->mode = from->mode;
    to->enforce = from->enforce;
    to->mirror_unknown = from->mirror_unknown;
    to->profile = from->profile;
    to->max_sessions = from->max_sessions;
    to->k = (uint16_t)from->k;
    to->w = (uint16_t)from->w;
    to->t1_s = from->t1;
    to->t2_s = from->t2;
    to->t3_s = from->t3;
    to->roles = from->roles;
    to->record = from->record;
    to->roles.named_count = policy->roles.count;
    memcpy(to->roles.named, policy->roles.role, sizeof to->roles.named);
    memcpy(to->policy_hash, policy->hash, sizeof to->policy_hash);
    to->policy = malloc(policy->size);
    if (!to->policy)
        return false;
    memcpy(to->policy, policy->blob, policy->size);
    to->policy_size = policy->size;
    return true;
}

bool config_gate_role(const struct config *c, uint32_t gate, struct gate_config *out)
{
    size_t first = (size_t)gate * c->limits.routes_per_gate;

    memset(out, 0, sizeof *out);
    out->gate = gate;
    out->commands_sync = c->commands_sync;
    out->log_closes = c->log_closes;
    out->handshake_s = c->limits.handshake;
    out->route = calloc(c->limits.routes_per_gate, sizeof *out->route);
    if (!out->route)
        return false;
    for (size_t i = first; i < c->route_count && config_gate_of(c, i) == gate; i++) {
        const struct config_route *from = &c->routes[i];
        uint32_t dial = from->t0 * (uint32_t)from->target_count;
        uint32_t identify = c->limits.handshake + config_ocsp_wait(c, from->tls);

        out->handshake_s = identify > out->handshake_s ? identify : out->handshake_s;
        out->t0_max_s = dial > out->t0_max_s ? dial : out->t0_max_s;
        if (!fill_gate_route(c, from, &out->route[out->route_count++])) {
            gate_config_free(out);
            return false;
        }
    }
    return true;
}

/* ---- audit ------------------------------------------------------------------------ */

bool config_audit_role(const struct config *c, struct audit_config *out)
{
    memset(out, 0, sizeof *out);
    (void)snprintf(out->dir, sizeof out->dir, "%s", c->audit_dir);
    out->files = c->files;
    (void)snprintf(out->seal.key, sizeof out->seal.key, "%s",
                   c->seal.key ? c->seal.key : "");
    out->seal.interval_s = c->seal.interval;
    out->ship = c->ship;
    out->recording = c->recording;
    out->route = calloc(c->route_count, sizeof *out->route);
    if (!out->route)
        return false;
    out->route_count = c->route_count;
    for (size_t i = 0; i < c->route_count; i++) {
        memcpy(out->route[i].name, c->routes[i].name, sizeof out->route[i].name);
        out->route[i].gate = config_gate_of(c, i);
        out->route[i].profile = c->routes[i].profile;
        out->route[i].recorded = c->routes[i].record.apdus;
    }
    if (config_points_role(c, out))
        return true;
    audit_config_free(out);
    return false;
}
