/* Which TLS a route speaks, and with which certificates. */
#include "proxy/config_build.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const profiles[] = {
    [TLS_PROFILE_STRICT] = "strict",
    [TLS_PROFILE_FULL] = "62351-3-full",
};

/* The route's own setting, else the one for all routes; NULL after a finding, too. */
static const config_setting_t *find(const struct config_build *b,
                                    const config_setting_t *own, const char *name,
                                    enum config_kind kind)
{
    if (own && config_setting_get_member(own, name))
        return config_member(own, name, kind);
    return b->tls ? config_member(b->tls, name, kind) : NULL;
}

/* ---- rules ---- */

/* The place of the word in the list; 0 where the key is missing or wrong. */
static size_t read_word(const struct config_build *b, const config_setting_t *s,
                        const char *const *words, size_t count, const char *remedy)
{
    const char *text = s ? config_string(&b->r, s) : NULL;

    for (size_t i = 0; text && i < count; i++) {
        if (strcmp(text, words[i]) == 0)
            return i;
    }
    if (text)
        config_report(&b->r, CONFIG_ERROR, s, remedy, "\"%s\" is no choice here", text);
    return 0;
}

static void check_rules(const struct config_build *b, const struct tls_rules *rules,
                        const config_setting_t *version, const config_setting_t *legacy)
{
    if (rules->tls13_only && rules->legacy_rsa)
        config_report(&b->r, CONFIG_ERROR, legacy, "remove it, or min_version = \"1.3\"",
                      "RSA key transport belongs to TLS 1.2, which is off");
    else if (rules->legacy_rsa)
        config_report(&b->r, CONFIG_WARNING, legacy,
                      "give these routes an RSA key that serves nothing else, and remove "
                      "this when their stations are updated",
                      "sessions with RSA key transport have no forward secrecy: who gets "
                      "the key can read what was recorded before");
    if (rules->tls13_only && rules->profile == TLS_PROFILE_FULL)
        config_report(&b->r, CONFIG_WARNING, version,
                      "remove it to conform, or write profile = \"strict\"",
                      "IEC 62351-3 requires TLS 1.2, which is off");
}

static void read_rules(const struct config_build *b, const config_setting_t *own,
                       struct tls_rules *rules)
{
    static const char *const versions[] = {"1.2", "1.3"};
    const config_setting_t *profile = find(b, own, "profile", CONFIG_KIND_STRING);
    const config_setting_t *version = find(b, own, "min_version", CONFIG_KIND_STRING);
    const config_setting_t *legacy =
        find(b, own, "legacy_rsa_key_transport", CONFIG_KIND_BOOL);

    rules->profile = (enum tls_profile)read_word(b, profile, profiles, COUNT(profiles),
                                                 "write \"strict\" or \"62351-3-full\"");
    rules->tls13_only = read_word(b, version, versions, COUNT(versions),
                                  "write \"1.2\" or \"1.3\"; others are never spoken");
    rules->legacy_rsa = legacy && config_setting_get_bool(legacy);
    check_rules(b, rules, version, legacy);
}

/* ---- certificates and keys ---- */

static size_t names_in(const config_setting_t *s)
{
    return s->type == CONFIG_TYPE_STRING ? 1 : config_count(s);
}

static void read_name(struct config_build *b, const config_setting_t *s, size_t i,
                      struct config_file *file)
{
    const config_setting_t *e = s->type == CONFIG_TYPE_STRING ? s : config_elem(s, i);

    file->path = config_key_is_token(b, e) ? config_key_token(b, e) : config_path(b, e);
    file->line = e->line;
}

/* One name, or a list of two: for an RSA and an EC certificate. */
static const config_setting_t *read_names(struct config_build *b,
                                          const config_setting_t *route,
                                          const config_setting_t *own, const char *name,
                                          struct config_file *first,
                                          struct config_file *second)
{
    const config_setting_t *s = find(b, own, name, CONFIG_KIND_STRINGS);

    if (!s) {
        if (!(own && config_setting_get_member(own, name)) &&
            !(b->tls && config_setting_get_member(b->tls, name)))
            config_report_key(&b->r, CONFIG_ERROR, route, "tls",
                              "add it to tls = { ... } of the file or of this route",
                              "no \"%s\" is configured for this route", name);
        return NULL;
    }
    if (s->type != CONFIG_TYPE_STRING && !config_count_check(&b->r, s, 1, 2))
        return NULL;
    read_name(b, s, 0, first);
    if (names_in(s) == 2)
        read_name(b, s, 1, second);
    return s;
}

void config_tls_own_read(struct config_build *b, const config_setting_t *route,
                         const config_setting_t *own, struct config_tls *t)
{
    const config_setting_t *cert =
        read_names(b, route, own, "cert", &t->cert, &t->second_cert);
    const config_setting_t *key =
        read_names(b, route, own, "key", &t->key, &t->second_key);

    if (cert && key && names_in(cert) != names_in(key))
        config_report(&b->r, CONFIG_ERROR, key,
                      "name a key for each certificate, in the same order",
                      "%zu certificates, but %zu keys", names_in(cert), names_in(key));
    read_rules(b, own, &t->rules);
}

bool config_tls_own_same(const struct config_tls *a, const struct config_tls *b)
{
    const struct config_file *x[] = {&a->cert, &a->key, &a->second_cert, &a->second_key};
    const struct config_file *y[] = {&b->cert, &b->key, &b->second_cert, &b->second_key};

    for (size_t i = 0; i < COUNT(x); i++) {
        if (!x[i]->path != !y[i]->path ||
            (x[i]->path && strcmp(x[i]->path, y[i]->path) != 0))
            return false;
    }
    return a->rules.profile == b->rules.profile &&
           a->rules.tls13_only == b->rules.tls13_only &&
           a->rules.legacy_rsa == b->rules.legacy_rsa;
}

void config_tls_words(const struct config_tls *t, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s%s%s%s%s", profiles[t->rules.profile],
                   t->rules.tls13_only ? ", TLS 1.3 only" : "",
                   t->rules.legacy_rsa ? ", RSA key transport for old stations" : "",
                   t->resume.on ? ", resumption" : "", t->ocsp.query ? ", OCSP" : "");
}
