#include "proxy/cli/cli.h"
#include "proxy/cli/log.h"

#include "policy/types.h"

#include <stdio.h>
#include <string.h>

/* Fields that are told one after the other when they are there. */
struct part {
    const char *key;
    const char *before;
    const char *after;
};

static const struct part head[] = {
    {"frame", "", ""},   {"function", "", ""},        {"type", "", ""},
    {"cot", "", ""},     {"point", "\"", "\""},       {"ca", "CA ", ""},
    {"ioa", "IOA ", ""}, {"objects", "", " objects"},
};

static const struct part rest[] = {
    {"guard", "guard ", ""},
    {"verdict", "-> ", ""},
    {"outcome", "-> ", ""},
    {"rule", "by \"", "\""},
    {"why", "", ""},
    {"leg", "at ", ""},
    {"reason_text", "(", ")"},
    {"offset", "octet ", ""},
    {"command_seq", "of record ", ""},
    {"select_seq", "selected by ", ""},
    {"latency_ms", "after ", " ms"},
    {"select_confirm_ms", "select confirmed after ", " ms"},
    {"confirm_ms", "confirmed after ", " ms"},
    {"deselect_confirm_ms", "deselect confirmed after ", " ms"},
    {"termination_ms", "terminated after ", " ms"},
    {"source", "from ", ""},
    {"target", "to ", ""},
    {"subject", "as ", ""},
    {"tls_version", "", ""},
    {"tls_suite", "", ""},
    {"mode", "", ""},
    {"process", "", ""},
    {"version", "version ", ""},
    {"count", "count ", ""},
    {"limit", "limit ", ""},
    {"window_ms", "in ", " ms"},
    {"points", "with ", " values"},
    {"lost", "lost ", ""},
    {"duration_ms", "lasted ", " ms"},
    {"master_i", "master I ", ""},
    {"station_i", "station I ", ""},
    {"refused", "refused ", ""},
    {"dropped", "dropped ", ""},
    {"malformed", "malformed ", ""},
    {"size", "", " octets"},
    {"detail", "- ", ""},
};

/* Of records with a permit. */
static const struct part permit[] = {
    {"permit", "permit ", ""},
    {"operator", "by ", ""},
    {"permit_scope", "for ", ""},
    {"duration_ms", "during ", " ms"},
    {"permit_reason", "because \"", "\""},
};

static void put_part(FILE *out, const json_t *record, const struct part *p, bool *first)
{
    const json_t *v = json_object_get(record, p->key);

    if (!json_is_string(v) && !json_is_integer(v))
        return;
    (void)fprintf(out, "%s%s", *first ? "" : " ", p->before);
    if (json_is_string(v))
        cli_put_safe(out, json_string_value(v), 0, false);
    else
        (void)fprintf(out, "%lld", (long long)json_integer_value(v));
    (void)fputs(p->after, out);
    *first = false;
}

/* "on" for 1 of a single point, and so on; NULL: the number says it. */
static const char *value_word(const json_t *record, const char *key, long long v)
{
    static const char *const single[] = {"off", "on"};
    static const char *const dbl[] = {"intermediate", "off", "on", "indeterminate"};
    static const char *const step[] = {"not permitted", "lower", "higher",
                                       "not permitted"};
    const char *name = log_text(record, key);
    const struct type_info *type = name ? type_by_name(name) : NULL;

    if (!type || v < 0 || v > 3)
        return NULL;
    switch ((enum type_value)type->value) {
    case VALUE_SINGLE: return v < 2 ? single[v] : NULL;
    case VALUE_DOUBLE: return dbl[v];
    case VALUE_REGULATING: return step[v];
    default: return NULL;
    }
}

/* The value `key` of a point whose type is `type`, behind the text `before`. */
static void put_value(FILE *out, const json_t *record, const char *before,
                      const char *key, const char *type)
{
    const json_t *v = json_object_get(record, key);
    const char *word;

    if (!json_is_number(v) && !json_is_string(v))
        return;
    (void)fputs(before, out);
    if (json_is_integer(v)) {
        word = value_word(record, type, (long long)json_integer_value(v));
        if (word)
            (void)fputs(word, out);
        else
            (void)fprintf(out, "%lld", (long long)json_integer_value(v));
    } else if (json_is_real(v)) {
        (void)fprintf(out, "%.7g", json_real_value(v));
    } else {
        cli_put_safe(out, json_string_value(v), 0, false);
    }
}

void log_what_state(FILE *out, const json_t *record)
{
    static const struct part parts[] = {
        {"state_ioa", "at IOA ", ""},
        {"state_cot", "", ""},
        {"state_quality", "(", ")"},
        {"state_ms", "after ", " ms"},
    };
    bool first = false;

    put_value(out, record, " ", "state", "state_type");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        put_part(out, record, &parts[i], &first);
}

static void put_type(FILE *out, const json_t *record, bool *first)
{
    long long id;

    if (log_text(record, "type") || !log_number(record, "type_id", &id))
        return;
    (void)fprintf(out, "type %lld", id);
    *first = false;
}

static void put_flags(FILE *out, const json_t *record)
{
    static const struct {
        const char *key, *text;
    } flags[] = {{"select", " (select)"}, {"pn", " negative"}, {"test", " test"}};

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (json_is_true(json_object_get(record, flags[i].key)))
            (void)fputs(flags[i].text, out);
    }
}

/* Octets that make no frame. */
static void put_octets(FILE *out, const json_t *record, bool *first)
{
    const char *hex = log_text(record, "apdu");

    if (!hex || log_text(record, "frame"))
        return;
    (void)fputs("octets ", out);
    cli_put_safe(out, hex, 48, false);
    *first = false;
}

/* A name says where; several objects have but one name. */
static bool is_named(const json_t *record, const char *key)
{
    return (strcmp(key, "ca") == 0 || strcmp(key, "ioa") == 0) &&
           log_text(record, "point");
}

/* Who acts has a column of its own, so the whole name is told once, at the session's
 * begin; a command is its own record. */
static bool is_told(const json_t *record, const char *key, bool asdu)
{
    if (strcmp(key, "command_seq") == 0)
        return json_equal(json_object_get(record, key), json_object_get(record, "seq"));
    if (strcmp(key, "duration_ms") == 0)
        return json_object_get(record, "permit") != NULL;
    return asdu && strcmp(key, "subject") == 0;
}

void log_what(FILE *out, const json_t *record)
{
    bool asdu = json_object_get(record, "type_id") != NULL;
    bool first = true;

    put_type(out, record, &first);
    /* An ASDU needs no "I". */
    for (size_t i = asdu ? 1 : 0; i < sizeof head / sizeof head[0]; i++) {
        if (!is_named(record, head[i].key))
            put_part(out, record, &head[i], &first);
    }
    put_value(out, record, " = ", "value", "type");
    put_flags(out, record);
    put_octets(out, record, &first);
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        if (!is_told(record, rest[i].key, asdu))
            put_part(out, record, &rest[i], &first);
    }
    for (size_t i = 0; i < sizeof permit / sizeof permit[0]; i++) {
        if (json_object_get(record, "permit") || strcmp(permit[i].key, "operator") == 0)
            put_part(out, record, &permit[i], &first);
    }
    if (json_object_get(record, "state"))
        (void)fputs(" state", out);
    log_what_state(out, record);
}
