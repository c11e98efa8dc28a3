/* gate104 pki check. */
#include "proxy/pki/pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/ca_check.h"
#include "certs/ca_file.h"
#include "certs/errtext.h"
#include "certs/security_event.h"
#include "proxy/cli/cli.h"
#include "proxy/config.h"

struct trust {
    char *ca, *crl; /* crl may be NULL */
    size_t ca_size, crl_size;
    struct revocation_rule revocation;
    struct pins pins;
    char server_name[PEER_NAME_MAX + 1]; /* "": the peer is a client */
};

static void trust_free(struct trust *t)
{
    free(t->ca);
    free(t->crl);
}

static bool trust_of_options(struct trust *t, const struct pki_options *o, char *err,
                             size_t cap)
{
    t->ca = pki_join(&o->ca, &t->ca_size, err, cap);
    if (o->crl.count > 0)
        t->crl = pki_join(&o->crl, &t->crl_size, err, cap);
    t->revocation.check = t->crl != NULL;
    return t->ca && (o->crl.count == 0 || t->crl);
}

/* ---- out of a configuration ---- */

/* What config_load() read; NULL when memory is out. */
static char *join_config(const struct config_file *files, size_t count, size_t *n)
{
    size_t room = 1;
    char *all, *end;

    for (size_t i = 0; i < count; i++)
        room += files[i].size + 1;
    all = malloc(room);
    end = all;
    for (size_t i = 0; all && i < count; i++) {
        end = mempcpy(end, files[i].text, files[i].size);
        *end++ = '\n';
    }
    *n = all ? (size_t)(end - all) : 0;
    return all;
}

static const struct config_route *find_route(const struct config *c, const char *name,
                                             char *err, size_t cap)
{
    for (size_t i = 0; i < c->route_count; i++) {
        if (!name || strcmp(c->routes[i].name, name) == 0) {
            if (name || c->route_count == 1)
                return &c->routes[i];
            break;
        }
    }
    if (name)
        errtext_set(err, cap, "the configuration has no route \"%.64s\"", name);
    else
        errtext_set(err, cap, "the configuration has %zu routes; name one with --route",
                    c->route_count);
    return NULL;
}

static bool trust_of_route(struct trust *t, const struct config *c,
                           const struct config_route *r, char *err, size_t cap)
{
    const struct config_tls *tls = &c->tls[r->tls];

    t->ca = join_config(tls->ca, tls->ca_count, &t->ca_size);
    if (tls->crl_count > 0)
        t->crl = join_config(tls->crl, tls->crl_count, &t->crl_size);
    t->revocation = tls->revocation;
    t->pins = tls->pins;
    if (r->mode == ROUTE_WRAP_MASTER)
        (void)snprintf(t->server_name, sizeof t->server_name, "%s", r->peer_name);
    errtext_set(err, cap, "out of memory");
    return t->ca && (tls->crl_count == 0 || t->crl);
}

static bool trust_of_config(struct trust *t, const struct pki_options *o, char *err,
                            size_t cap)
{
    struct config_errors errs;
    const struct config_route *route;
    struct config *c;
    bool good = false;

    config_errors_init(&errs);
    c = config_load(o->config, &errs);
    if (!c) {
        config_errors_print(&errs, stderr);
        errtext_set(err, cap, "%s: cannot be used", o->config);
    } else {
        route = find_route(c, o->route, err, cap);
        good = route && trust_of_route(t, c, route, err, cap);
    }
    config_errors_free(&errs);
    config_free(c);
    return good;
}

/* ---- the answer ---- */

static void print_verdict(const char *path, const struct ca_verdict *v)
{
    const struct tls_failure_info *info = tls_failure_info(v->failure);
    const struct security_event_info *event =
        security_event_info(security_event_named(info->mnemonic));

    if (v->failure == TLS_FAIL_NONE) {
        (void)printf("%s: would be accepted\n", path);
    } else {
        (void)printf("%s: would be REFUSED (%s): %s\n", path, info->name, info->text);
        if (event)
            (void)printf("  event %s %s\n", event->id, event->mnemonic);
        if (v->detail[0])
            (void)printf("  %s\n", v->detail);
    }
    if (v->monitor_only)
        (void)printf("  but its commands would be refused (crl_stale)\n");
    if (v->no_crl)
        (void)printf("  not checked whether it is revoked: no revocation lists given\n");
    if (v->crl_stale)
        (void)printf("  the revocation list is out of date, or from the future\n");
}

static int check(const struct pki_options *o, const struct trust *t)
{
    char err[PKI_ERR_CAP] = "";
    size_t n = 0;
    char *text = ca_file_read(o->word[0], &n, err, sizeof err);
    const char *server = o->server_name      ? o->server_name
                         : t->server_name[0] ? t->server_name
                                             : NULL;
    const struct ca_check c = {
        .peer = {o->word[0], text, n},
        .ca = {"the CAs", t->ca, t->ca_size},
        .crl = {"the revocation lists", t->crl, t->crl_size},
        .revocation = t->revocation,
        .pins = &t->pins,
        .server_name = server,
    };
    struct ca_verdict v;
    bool good = text && ca_check_peer(&c, &v, err, sizeof err);

    ca_file_free(text);
    if (!good)
        return pki_failed(o, err);
    print_verdict(o->word[0], &v);
    return v.failure == TLS_FAIL_NONE ? PKI_EXIT_DONE : PKI_EXIT_FAILED;
}

static bool usable(const struct pki_options *o)
{
    if (!pki_words(o, 1, "name one certificate to check"))
        return false;
    if (o->config && (o->ca.count > 0 || o->crl.count > 0))
        return pki_misuse(o, "--config, or --ca and --crl, not both", NULL);
    if (o->route && !o->config)
        return pki_misuse(o, "--route needs --config", NULL);
    return o->config || pki_needs(o, o->ca.item[0], "--ca or --config");
}

int pki_check(int argc, char **argv)
{
    struct pki_options o;
    struct trust t = {.ca = NULL};
    char err[PKI_ERR_CAP] = "";
    int status;

    if (!pki_options_read(&o, PKI_CHECK, argc, argv) || !usable(&o))
        return PKI_EXIT_MISUSE;
    if (o.config ? trust_of_config(&t, &o, err, sizeof err)
                 : trust_of_options(&t, &o, err, sizeof err))
        status = check(&o, &t);
    else
        status = pki_failed(&o, err);
    trust_free(&t);
    return status;
}
