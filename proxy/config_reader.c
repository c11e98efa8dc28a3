#include "proxy/config_reader.h"

#include "proxy/config_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#ifdef GATE104_SAN
/* libconfig 1.5 loses the string at hand when a file does not parse. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig\n";
}
#endif

/* ---- findings --------------------------------------------------------------------- */

/* "routes[0].listen[1]": names and places from the root down. */
static void key_path(const config_setting_t *s, char *out, size_t cap)
{
    const config_setting_t *chain[CONFIG_NESTING_MAX + 2];
    size_t depth = 0;
    size_t used = 0;

    out[0] = '\0';
    while (s && s->parent && depth < sizeof chain / sizeof chain[0]) {
        chain[depth++] = s;
        s = s->parent;
    }
    while (depth > 0 && used < cap) {
        const config_setting_t *c = chain[--depth];

        if (c->name)
            used += (size_t)snprintf(out + used, cap - used, "%s%s", used > 0 ? "." : "",
                                     c->name);
        else
            used +=
                (size_t)snprintf(out + used, cap - used, "[%d]", config_setting_index(c));
    }
}

void config_report(const struct config_reader *r, enum config_severity severity,
                   const config_setting_t *s, const char *remedy, const char *what, ...)
{
    char key[192];
    struct config_place at = {r->file, s->line, key};
    va_list ap;

    key_path(s, key, sizeof key);
    va_start(ap, what);
    config_errors_vadd(r->errs, severity, &at, remedy, what, ap);
    va_end(ap);
}

void config_report_key(const struct config_reader *r, enum config_severity severity,
                       const config_setting_t *group, const char *name,
                       const char *remedy, const char *what, ...)
{
    const config_setting_t *s = config_setting_get_member(group, name);
    char parent[128];
    char key[192];
    struct config_place at = {r->file, s ? s->line : group->line, key};
    va_list ap;

    key_path(group, parent, sizeof parent);
    (void)snprintf(key, sizeof key, "%s%s%s", parent, parent[0] != '\0' ? "." : "", name);
    va_start(ap, what);
    config_errors_vadd(r->errs, severity, &at, remedy, what, ap);
    va_end(ap);
}

/* ---- files ------------------------------------------------------------------------ */

static const char *parse_remedy(const char *text)
{
    if (strstr(text, "duplicate"))
        return "remove one of the two";
    if (strstr(text, "mismatched"))
        return "write all elements the same way, or use ( ) instead of [ ]";
    return "look on this line and the one before for a missing ';', ',', '=' or quote";
}

static config_t *parse(const char *path, const char *text, struct config_errors *errs)
{
    config_t *tree = calloc(1, sizeof *tree);
    struct config_place at = {path, 0, NULL};

    if (!tree) {
        config_errors_add(errs, CONFIG_ERROR, &at, "free some memory", "out of memory");
        return NULL;
    }
    config_init(tree);
    if (config_read_string(tree, text) == CONFIG_TRUE)
        return tree;
    at.line = (unsigned int)config_error_line(tree);
    config_errors_add(errs, CONFIG_ERROR, &at, parse_remedy(config_error_text(tree)),
                      "%s", config_error_text(tree));
    config_tree_free(tree);
    return NULL;
}

config_t *config_tree_read(const char *path, const struct config_place *at,
                           struct config_errors *errs, char **octets, size_t *size)
{
    size_t n;
    char *text = config_file_read(path, CONFIG_FILE_MAX, &n, at, errs);
    config_t *tree = NULL;

    if (text && config_text_scan(path, text, n, errs))
        tree = parse(path, text, errs);
    if (tree && octets) {
        *octets = text;
        *size = n;
        return tree;
    }
    free(text);
    return tree;
}

void config_tree_free(config_t *tree)
{
    if (!tree)
        return;
    config_destroy(tree);
    free(tree);
}

/* ---- values ----------------------------------------------------------------------- */

static const char *const kind_words[] = {
    [CONFIG_KIND_INT] = "a whole number",
    [CONFIG_KIND_NUMBER] = "a number such as 5 or 2.5",
    [CONFIG_KIND_BOOL] = "true or false, without quotes",
    [CONFIG_KIND_STRING] = "a string in quotes",
    [CONFIG_KIND_SEQUENCE] = "a list: [ \"...\", \"...\" ]",
    [CONFIG_KIND_STRINGS] = "a string in quotes, or a list of two",
    [CONFIG_KIND_GROUP] = "a group: { ... }",
    [CONFIG_KIND_REFUSED] = "",
};

static bool is_kind(const config_setting_t *s, enum config_kind kind)
{
    switch (kind) {
    case CONFIG_KIND_INT: return s->type == CONFIG_TYPE_INT;
    case CONFIG_KIND_NUMBER:
        return s->type == CONFIG_TYPE_INT || s->type == CONFIG_TYPE_FLOAT;
    case CONFIG_KIND_BOOL: return s->type == CONFIG_TYPE_BOOL;
    case CONFIG_KIND_STRING: return s->type == CONFIG_TYPE_STRING;
    case CONFIG_KIND_SEQUENCE:
        return s->type == CONFIG_TYPE_ARRAY || s->type == CONFIG_TYPE_LIST;
    case CONFIG_KIND_STRINGS:
        return s->type == CONFIG_TYPE_STRING || s->type == CONFIG_TYPE_ARRAY ||
               s->type == CONFIG_TYPE_LIST;
    case CONFIG_KIND_GROUP: return s->type == CONFIG_TYPE_GROUP;
    case CONFIG_KIND_REFUSED: break;
    }
    return false;
}

size_t config_count(const config_setting_t *s)
{
    int n = config_setting_length(s);

    return n > 0 ? (size_t)n : 0;
}

const config_setting_t *config_elem(const config_setting_t *s, size_t i)
{
    return config_setting_get_elem(s, (unsigned int)i);
}

bool config_count_check(const struct config_reader *r, const config_setting_t *s,
                        size_t min, size_t max)
{
    size_t n = config_count(s);

    if (n >= min && n <= max)
        return true;
    if (n < min)
        config_report(r, CONFIG_ERROR, s, "name at least one", "the list is empty");
    else
        config_report(r, CONFIG_ERROR, s, "name fewer",
                      "the list has %zu elements; %zu are possible", n, max);
    return false;
}

config_setting_t *config_member(const config_setting_t *group, const char *name,
                                enum config_kind kind)
{
    config_setting_t *s = config_setting_get_member(group, name);

    return s && is_kind(s, kind) ? s : NULL;
}

const char *config_string(const struct config_reader *r, const config_setting_t *s)
{
    const char *text = config_setting_get_string(s);
    char clean[8];
    size_t n;

    if (!text) {
        config_report(r, CONFIG_ERROR, s, "put it in quotes", "this is not a string");
        return NULL;
    }
    for (const char *p = text; *p != '\0'; p += n) {
        n = config_utf8_size((const unsigned char *)p, strlen(p) < 4 ? strlen(p) : 4);
        if (n > 0 && (unsigned char)*p >= 0x20 && *p != 0x7F)
            continue;
        (void)snprintf(clean, sizeof clean, "\\x%02X", (unsigned char)*p);
        config_report(r, CONFIG_ERROR, s, "remove it", "the string holds the octet %s",
                      clean);
        return NULL;
    }
    return text;
}

const char *config_member_string(const struct config_reader *r,
                                 const config_setting_t *group, const char *name)
{
    const config_setting_t *s = config_member(group, name, CONFIG_KIND_STRING);

    return s ? config_string(r, s) : NULL;
}

/* ---- groups by table -------------------------------------------------------------- */

struct key_table {
    const struct config_key *keys;
    size_t count;
};

static const char *key_name(const void *ctx, size_t i)
{
    const struct key_table *t = ctx;

    return t->keys[i].name;
}

static const struct config_key *key_find(const struct key_table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->keys[i].name, name) == 0)
            return &t->keys[i];
    }
    return NULL;
}

static void unknown_key(const struct config_reader *r, const config_setting_t *s,
                        const struct key_table *t)
{
    const char *near = config_nearest(s->name, key_name, t, t->count);
    char remedy[160];

    if (near)
        (void)snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", near);
    else
        (void)snprintf(remedy, sizeof remedy, "remove it");
    config_report(r, CONFIG_ERROR, s, remedy, "there is no such key here");
}

static void store_int(const struct config_reader *r, const config_setting_t *s,
                      const struct config_key *k, void *out)
{
    int v = config_setting_get_int(s);
    uint32_t value = (uint32_t)v;
    char remedy[96];

    if (v < 0 || value < k->min || value > k->max) {
        (void)snprintf(remedy, sizeof remedy, "give a number from %u to %u", k->min,
                       k->max);
        config_report(r, CONFIG_ERROR, s, remedy, "%d is out of range", v);
        return;
    }
    if (out)
        memcpy((char *)out + k->offset, &value, sizeof value);
}

static void store(const struct config_reader *r, const config_setting_t *s,
                  const struct config_key *k, void *out)
{
    char remedy[96];
    bool b;

    if (k->kind == CONFIG_KIND_REFUSED) {
        config_report(r, CONFIG_ERROR, s, k->remedy, "not supported by this version");
        return;
    }
    if (!is_kind(s, k->kind)) {
        (void)snprintf(remedy, sizeof remedy, "write %s", kind_words[k->kind]);
        config_report(r, CONFIG_ERROR, s, remedy, "wrong type of value");
        return;
    }
    if (k->kind == CONFIG_KIND_INT)
        store_int(r, s, k, out);
    if (k->kind == CONFIG_KIND_BOOL && out) {
        b = config_setting_get_bool(s) != 0;
        memcpy((char *)out + k->offset, &b, sizeof b);
    }
}

void config_group_read(const struct config_reader *r, const config_setting_t *group,
                       const struct config_key *keys, size_t key_count, void *out)
{
    const struct key_table t = {keys, key_count};

    for (size_t i = 0; i < config_count(group); i++) {
        const config_setting_t *s = config_elem(group, i);
        const struct config_key *k = key_find(&t, s->name);

        if (k)
            store(r, s, k, out);
        else
            unknown_key(r, s, &t);
    }
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i].required && !config_setting_get_member(group, keys[i].name))
            config_report_key(r, CONFIG_ERROR, group, keys[i].name,
                              keys[i].remedy ? keys[i].remedy : "add it",
                              "the key is missing");
    }
}
