/* ocsp = { url = "http://10.0.0.5:2560"; ... } of a tls group: which responder is asked,
 * and what follows from its answers. */
#include "proxy/config_build.h"

#include "proxy/config_address.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define FIELD(key, kind, low, high)                                                      \
    {                                                                                    \
#key, kind, false, offsetof(struct config_ocsp, key), low, high, NULL            \
    }

static const struct config_key ocsp_keys[] = {
    {"url", CONFIG_KIND_STRING, true, 0, 0, 0,
     "add url = \"http://10.0.0.5:2560\"; the OCSP responder"},
    {"address", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    {"mode", CONFIG_KIND_STRING, false, 0, 0, 0, NULL},
    FIELD(timeout, CONFIG_KIND_INT, 1, OCSP_TIMEOUT_MAX),
    FIELD(max_age, CONFIG_KIND_INT, 60, OCSP_AGE_MAX),
    FIELD(refresh, CONFIG_KIND_INT, 1, 86400),
    FIELD(required, CONFIG_KIND_BOOL, 0, 0),
    FIELD(staple, CONFIG_KIND_BOOL, 0, 0),
    {"from_certificate", CONFIG_KIND_REFUSED, false, 0, 0, 0,
     "remove it; gate104 asks the responder of the configuration, never one that a "
     "certificate names"},
};

/* Octets that may stand in the line of a request without being taken apart. */
static bool plain(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] <= ' ' || p[i] > '~' || strchr("\"<>\\^`{|}#@", p[i]))
            return false;
    }
    return true;
}

static bool refuse_url(struct config_build *b, const config_setting_t *group,
                       const char *url)
{
    config_report_key(
        &b->r, CONFIG_ERROR, group, "url",
        "write \"http://ADDRESS:PORT/PATH\"; answers are signed, so there is "
        "no https",
        "\"%s\" is no URL of an OCSP responder", url);
    return false;
}

/* Splits it into what stands in the Host field and the path. */
static bool split_url(struct config_build *b, const config_setting_t *group,
                      const char *url, struct fetcher_group *at)
{
    static const char scheme[] = "http://";
    const char *host = url + sizeof scheme - 1;
    size_t n, path;

    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return refuse_url(b, group, url);
    n = strcspn(host, "/?");
    path = strlen(host + n);
    if (n == 0 || n > OCSP_HOST_MAX || path > OCSP_PATH_MAX || host[n] == '?' ||
        !plain(host, n + path))
        return refuse_url(b, group, url);
    memcpy(at->host, host, n);
    at->host[n] = '\0';
    (void)snprintf(at->path, sizeof at->path, "%s", path > 0 ? host + n : "/");
    return true;
}

/* The address is that of the URL, or given beside it: there is no resolver in gate104. */
static bool find_address(struct config_build *b, const config_setting_t *group,
                         struct fetcher_group *at)
{
    const char *given = config_member_string(&b->r, group, "address");
    const char *colon = strrchr(at->host, ':');
    const char *bracket = strrchr(at->host, ']');
    char text[OCSP_HOST_MAX + 8];
    struct config_fault fault = {{0}, {0}};

    (void)snprintf(text, sizeof text, "%s%s", at->host,
                   colon && (!bracket || colon > bracket) ? "" : ":80");
    if (config_parse_endpoint(given ? given : text, &at->responder, &fault)) {
        if (!config_is_wildcard(&at->responder) && !config_is_multicast(&at->responder))
            return true;
        (void)snprintf(fault.what, sizeof fault.what, "nobody is at \"%.100s\"",
                       given ? given : text);
        (void)snprintf(fault.remedy, sizeof fault.remedy, "name one host");
    }
    if (given)
        config_report_key(&b->r, CONFIG_ERROR, group, "address", fault.remedy, "%s",
                          fault.what);
    else
        config_report_key(&b->r, CONFIG_ERROR, group, "url",
                          "write an IP address and its port, or add address = "
                          "\"10.0.0.5:80\" for a name: names are not looked up",
                          "the host of the URL is no address: %s", fault.what);
    return false;
}

static bool read_mode(struct config_build *b, const config_setting_t *group,
                      struct config_ocsp *o)
{
    const char *mode = config_member_string(&b->r, group, "mode");

    o->query = !mode || strcmp(mode, "query") == 0;
    if (o->query || strcmp(mode, "off") == 0)
        return true;
    config_report_key(&b->r, CONFIG_ERROR, group, "mode", "write \"query\" or \"off\"",
                      "\"%s\" is no mode", mode);
    return false;
}

bool config_ocsp_read(struct config_build *b, const config_setting_t *group,
                      struct config_ocsp *o)
{
    size_t before = b->r.errs->errors;
    const char *url;

    memset(o, 0, sizeof *o);
    if (!group)
        return true;
    o->timeout = 15; /* the example of IEC 62351-9 */
    o->max_age = 86400;
    o->refresh = 300;
    o->staple = true;
    config_group_read(&b->r, group, ocsp_keys, COUNT(ocsp_keys), o);
    url = config_member_string(&b->r, group, "url");
    if (!url || !read_mode(b, group, o) || !split_url(b, group, url, &o->at) ||
        !find_address(b, group, &o->at) || b->r.errs->errors != before)
        return false;
    if (o->required && !o->query)
        config_report_key(&b->r, CONFIG_ERROR, group, "required",
                          "write mode = \"query\", or remove required",
                          "an answer is required that is never asked for");
    o->at.timeout_s = o->timeout;
    o->at.keep_s = o->refresh;
    o->used = o->query || o->staple;
    return b->r.errs->errors == before;
}

bool config_ocsp_same(const struct config_ocsp *a, const struct config_ocsp *b)
{
    return a->used == b->used && a->query == b->query && a->required == b->required &&
           a->staple == b->staple && a->timeout == b->timeout &&
           a->max_age == b->max_age && a->refresh == b->refresh &&
           memcmp(&a->at.responder, &b->at.responder, sizeof a->at.responder) == 0 &&
           strcmp(a->at.host, b->at.host) == 0 && strcmp(a->at.path, b->at.path) == 0;
}

/* ---- what the roles are told ---- */

void config_ocsp_role(const struct config_ocsp *o, struct ocsp_config *out)
{
    *out = (struct ocsp_config){.query = o->query,
                                .required = o->required,
                                .staple = o->staple,
                                .timeout_s = o->timeout,
                                .max_age_s = o->max_age,
                                .refresh_s = o->refresh};
}

uint32_t config_ocsp_wait(const struct config *c, size_t tls)
{
    return tls < c->tls_count && c->tls[tls].ocsp.query ? c->tls[tls].ocsp.timeout : 0;
}

bool config_fetcher_role(const struct config *c, struct fetcher_config *out)
{
    memset(out, 0, sizeof *out);
    out->group = calloc(c->tls_count > 0 ? c->tls_count : 1, sizeof *out->group);
    if (!out->group)
        return false;
    for (size_t i = 0; i < c->tls_count; i++) {
        if (!c->tls[i].ocsp.used)
            continue;
        out->group[out->group_count] = c->tls[i].ocsp.at;
        out->group[out->group_count++].group = (uint32_t)i;
    }
    return true;
}
