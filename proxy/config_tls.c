#include "proxy/config_build.h"

#include "proxy/config_text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const struct config_key config_tls_keys[] = {
    {"cert", CONFIG_KIND_STRINGS, false, 0, 0, 0, NULL},
    {"key", CONFIG_KIND_STRINGS, false, 0, 0, 0, NULL},
    {"ca", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"crl", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"crl_missing", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"crl_stale", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"crl_grace", CONFIG_KIND_INT, false, 0, 0, CRL_GRACE_MAX_S, NULL},
    {"revalidate_interval", CONFIG_KIND_INT, false, 0, 1, REVALIDATE_MAX_S, NULL},
    {"profile", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"min_version", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"legacy_rsa_key_transport", CONFIG_KIND_BOOL, false,
     offsetof(struct config_tls, rules.legacy_rsa), 0, 0, NULL},
    {"pins", CONFIG_KIND_SEQUENCE, false, 0, 0, 0, NULL},
    {"rekey", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
    {"ciphers", CONFIG_KIND_REFUSED, false, 0, 0, 0,
     "remove it; the suites are those of profile = \"strict\" or \"62351-3-full\""},
    {"ocsp", CONFIG_KIND_GROUP, false, 0, 0, 0, NULL},
    {"allow", CONFIG_KIND_REFUSED, false, 0, 0, 0,
     "remove it and name certificates with pins"},
    {"resumption", CONFIG_KIND_BOOL, false, 0, 0, 0, NULL},
    {"resumption_lifetime", CONFIG_KIND_INT, false, 0, 1, RESUME_S_MAX, NULL},
    {"password", CONFIG_KIND_REFUSED, false, 0, 0, 0,
     "remove it and store the key without a password, readable for root only"},
};
const size_t config_tls_key_count = sizeof config_tls_keys / sizeof config_tls_keys[0];

void config_file_free(struct config_file *f)
{
    free(f->path);
    free(f->text);
}

void config_tls_free(struct config_tls *t)
{
    config_file_free(&t->cert);
    config_file_free(&t->key);
    config_file_free(&t->second_cert);
    config_file_free(&t->second_key);
    for (size_t i = 0; i < t->ca_count; i++)
        config_file_free(&t->ca[i]);
    for (size_t i = 0; i < t->crl_named_count; i++)
        config_file_free(&t->crl_named[i]);
    config_crl_free(t);
    memset(t, 0, sizeof *t);
}

config_setting_t *config_tls_effective(const struct config_build *b,
                                       const config_setting_t *own, const char *name,
                                       enum config_kind kind)
{
    if (own && config_setting_get_member(own, name))
        return config_member(own, name, kind);
    return b->tls ? config_member(b->tls, name, kind) : NULL;
}

/* True if the key is nowhere; where it is, config_group_read told what is wrong. */
static bool absent(const struct config_build *b, const config_setting_t *own,
                   const char *name)
{
    return !(own && config_setting_get_member(own, name)) &&
           !(b->tls && config_setting_get_member(b->tls, name));
}

static void read_file_names(struct config_build *b, const config_setting_t *own,
                            const char *name, size_t min, struct config_file *file,
                            size_t *count)
{
    const config_setting_t *s = config_tls_effective(b, own, name, CONFIG_KIND_SEQUENCE);

    *count = 0;
    if (!s || !config_count_check(&b->r, s, min, CONFIG_PEM_FILES_MAX))
        return;
    for (size_t i = 0; i < config_count(s); i++) {
        const config_setting_t *e = config_elem(s, i);

        file[*count].path = config_path(b, e);
        file[*count].line = e->line;
        if (file[*count].path)
            (*count)++;
    }
}

/* Private keys must not reach processes that speak with the network. */
static bool holds_key(const struct config_file *f, const struct config_place *at,
                      struct config_errors *errs)
{
    if (!strstr(f->text, "PRIVATE KEY-----"))
        return false;
    explicit_bzero(f->text, f->size); /* nobody here has any use for it */
    config_errors_add(errs, CONFIG_ERROR, at,
                      "keep the private key in a file of its own, named by \"key\"",
                      "\"%s\" holds a private key", f->path);
    return true;
}

bool config_pem_load(struct config_file *f, const struct config_place *at,
                     struct config_errors *errs)
{
    f->text = config_file_read(f->path, CONFIG_PEM_MAX, &f->size, at, errs);
    if (!f->text)
        return false;
    if (strlen(f->text) != f->size || !strstr(f->text, "-----BEGIN ")) {
        config_errors_add(errs, CONFIG_ERROR, at,
                          "convert it: openssl x509 -inform DER -in FILE -out FILE.pem "
                          "(openssl crl for a CRL)",
                          "\"%s\" is not a PEM file", f->path);
        return false;
    }
    return !holds_key(f, at, errs);
}

static void load_pem(struct config_build *b, struct config_file *f, const char *key)
{
    struct config_place at = {b->r.file, f->line, key};

    (void)config_pem_load(f, &at, b->r.errs);
}

static void load_all(struct config_build *b, struct config_tls *t)
{
    load_pem(b, &t->cert, "tls.cert");
    if (t->second_cert.path)
        load_pem(b, &t->second_cert, "tls.cert");
    for (size_t i = 0; i < t->ca_count; i++)
        load_pem(b, &t->ca[i], "tls.ca");
    (void)config_crl_read(t, b->r.file, b->r.errs);
}

static bool same_files(const struct config_file *a, size_t an,
                       const struct config_file *b, size_t bn)
{
    if (an != bn)
        return false;
    for (size_t i = 0; i < an; i++) {
        if (strcmp(a[i].path, b[i].path) != 0)
            return false;
    }
    return true;
}

static bool same_set(const struct config_tls *a, const struct config_tls *b)
{
    return config_tls_own_same(a, b) &&
           same_files(a->ca, a->ca_count, b->ca, b->ca_count) &&
           same_files(a->crl_named, a->crl_named_count, b->crl_named,
                      b->crl_named_count) &&
           config_revocation_same(a, b) && pins_equal(&a->pins, &b->pins) &&
           config_tls_rekey_same(&a->rekey, &b->rekey) && a->resume.on == b->resume.on &&
           a->resume.lifetime == b->resume.lifetime &&
           config_ocsp_same(&a->ocsp, &b->ocsp);
}

/* Takes the set over. */
static bool place_set(struct config_build *b, struct config_tls *t, size_t *place)
{
    struct config *c = b->c;
    struct config_tls *more;

    for (size_t i = 0; i < c->tls_count; i++) {
        if (!same_set(&c->tls[i], t))
            continue;
        *place = i;
        config_tls_free(t);
        return true;
    }
    more = realloc(c->tls, (c->tls_count + 1) * sizeof *more);
    if (!more) {
        config_no_memory(&b->r);
        return false;
    }
    load_all(b, t);
    c->tls = more;
    c->tls[c->tls_count] = *t;
    *place = c->tls_count++;
    return true;
}

static void check_lists(struct config_build *b, const config_setting_t *route,
                        const config_setting_t *own, const struct config_tls *t)
{
    if (t->ca_count == 0 && absent(b, own, "ca"))
        config_report_key(
            &b->r, CONFIG_ERROR, route, "tls",
            "add ca = [ \"ca.crt\" ]: who may issue the peers' certificates",
            "no \"ca\" is configured for this route");
    if (t->crl_named_count == 0 && !t->ocsp.query && absent(b, own, "crl"))
        config_report_key(&b->r, CONFIG_WARNING, route, "tls", "add crl = [ \"ca.crl\" ]",
                          "without \"crl\" a revoked certificate is not noticed");
}

bool config_tls_read(struct config_build *b, const config_setting_t *route,
                     const config_setting_t *own, size_t *place)
{
    struct config_tls t = {.line = own ? own->line : route->line};
    size_t before = b->r.errs->errors;

    if (own)
        config_group_read(&b->r, own, config_tls_keys, config_tls_key_count, NULL);
    config_tls_own_read(b, route, own, &t);
    read_file_names(b, own, "ca", 1, t.ca, &t.ca_count);
    read_file_names(b, own, "crl", 0, t.crl_named, &t.crl_named_count);
    config_revocation_read(b, route, own, &t);
    config_pins_read(b, config_tls_effective(b, own, "pins", CONFIG_KIND_SEQUENCE),
                     &t.pins);
    config_tls_rekey_read(b, own, &t.rekey);
    config_resume_read(b, own, t.rekey.interval_s, &t.resume);
    (void)config_ocsp_read(b, config_tls_effective(b, own, "ocsp", CONFIG_KIND_GROUP),
                           &t.ocsp);
    if (b->r.errs->errors == before)
        check_lists(b, route, own, &t);
    if (t.cert.path && t.key.path && b->r.errs->errors == before)
        return place_set(b, &t, place);
    config_tls_free(&t);
    return false;
}
