#include "fuzz/lib/decode_check.h"

#include "fuzz/lib/fuzz.h"

#include <jansson.h>
#include <string.h>

/* ---- members ---- */

static bool text_is(const json_t *o, const char *key, const char *wanted)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL && strcmp(text, wanted) == 0;
}

static size_t number_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    FUZZ_CHECK(json_is_integer(v) && json_integer_value(v) >= 0);
    return (size_t)json_integer_value(v);
}

static void check_hex(const json_t *o, const char *key, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const json_t *v = json_object_get(o, key);
    const char *text = json_string_value(v);

    FUZZ_CHECK(text != NULL && json_string_length(v) == 2 * n);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(text[2 * i] == digits[p[i] >> 4] &&
                   text[2 * i + 1] == digits[p[i] & 15]);
}

/* ---- objects ---- */

/* Every field of the element is there, under a name of its own. */
static void check_element(const json_t *o, enum element element, const uint8_t *apdu,
                          size_t at)
{
    struct decode_field fields[DECODE_FIELDS_MAX];
    const size_t n = decode_element(element, apdu + at, fields);
    size_t members = 3;

    FUZZ_CHECK(text_is(o, "element", decode_element_name(element)));
    FUZZ_CHECK(number_of(o, "offset") == at);
    check_hex(o, "hex", apdu + at, element_size(element));
    for (size_t i = 0; i < n; i++) {
        const bool word =
            (fields[i].kind == DECODE_NUMBER || fields[i].kind == DECODE_HEX) &&
            fields[i].text[0] != '\0';
        FUZZ_CHECK(json_object_get(o, fields[i].name) != NULL);
        FUZZ_CHECK(strnlen(fields[i].text, DECODE_TEXT_MAX) < DECODE_TEXT_MAX - 1);
        members += word ? 2 : 1;
    }
    FUZZ_CHECK(json_object_size(o) == members);
}

static void check_object(const json_t *o, const struct asdu *a, unsigned int i,
                         const uint8_t *apdu)
{
    const json_t *elements = json_object_get(o, "elements");
    const uint8_t *p;
    size_t k = 0;
    uint32_t ioa;

    if (a->objects == NULL)
        return;
    FUZZ_CHECK(asdu_object(a, i, &ioa, &p));
    FUZZ_CHECK(number_of(o, "ioa") == ioa);
    for (; k < ELEMENT_LIST_MAX && a->type->elements[k] != ELEMENT_NONE; k++) {
        const enum element element = (enum element)a->type->elements[k];
        check_element(json_array_get(elements, k), element, apdu, (size_t)(p - apdu));
        p += element_size(element);
    }
    FUZZ_CHECK(json_array_size(elements) == k);
    const size_t segment = a->type_id == 125 ? p[-1] : 0;
    if (segment > 0)
        check_hex(o, "segment", p, segment);
}

/* ---- the verdict ---- */

static enum decode_outcome outcome_of(enum reason reason)
{
    switch (reason_info(reason)->class) {
    case REASON_CLASS_NONE: return DECODE_ACCEPTED;
    case REASON_CLASS_MEANING:
    case REASON_CLASS_LINK: return DECODE_ILLEGAL;
    default: return DECODE_MALFORMED;
    }
}

static void check_verdict(const json_t *o, struct verdict v, enum decode_outcome outcome,
                          size_t n)
{
    FUZZ_CHECK(text_is(o, "verdict", decode_outcome_name(outcome)));
    FUZZ_CHECK((json_object_get(o, "quirk") != NULL) == (v.quirk != QUIRK_NONE));
    if (v.reason == REASON_OK) {
        FUZZ_CHECK(json_object_get(o, "reason") == NULL);
        return;
    }
    FUZZ_CHECK(text_is(o, "reason", reason_name(v.reason)));
    FUZZ_CHECK(number_of(o, "reason_offset") == v.offset && v.offset <= n);
    FUZZ_CHECK(v.quirk == QUIRK_NONE || text_is(o, "quirk", quirk_name(v.quirk)));
}

static enum direction direction_of(const json_t *o, const struct decode_case *c)
{
    const enum direction dir =
        text_is(o, "direction", direction_name(DIR_CONTROL)) ? DIR_CONTROL : DIR_MONITOR;

    FUZZ_CHECK(text_is(o, "direction", direction_name(dir)));
    FUZZ_CHECK(c->direction == DECODE_AUTO || (int)c->direction == (int)dir);
    return dir;
}

static void check_policy(const json_t *o, const struct decode_case *c, enum direction dir,
                         const struct asdu *a, enum decode_outcome *outcome)
{
    struct policy_decision d;

    FUZZ_CHECK(json_object_get(o, "action") == NULL || c->rules.policy != NULL);
    if (c->rules.policy == NULL || a->type->layout == TYPE_LAYOUT_SECAUTH) {
        /* What an S_AR_NA_1 wraps is decided on in its place. */
        if (text_is(o, "verdict", "refused") && a->inner != NULL)
            *outcome = DECODE_REFUSED;
        return;
    }
    policy_decide(c->rules.policy, dir, a, &d);
    FUZZ_CHECK(text_is(o, "action", policy_action_name(d.action)));
    if (d.action >= POLICY_REFUSE)
        *outcome = DECODE_REFUSED;
}

static void check_tolerated(const json_t *o, uint32_t tolerated)
{
    const json_t *list = json_object_get(o, "tolerated");
    size_t n = 0;

    for (unsigned int q = 1; q <= QUIRK_MAX; q++) {
        if ((tolerated & QUIRK_BIT(q)) == 0)
            continue;
        const char *name = json_string_value(json_array_get(list, n++));
        FUZZ_CHECK(name != NULL && strcmp(name, quirk_name(q)) == 0);
    }
    FUZZ_CHECK(json_array_size(list) == n);
}

static void check_asdu(const json_t *o, const struct decode_case *c, const uint8_t *apdu,
                       const struct apci *apci)
{
    const enum direction dir = direction_of(o, c);
    const size_t n = apci->asdu_size + APDU_SIZE_MIN;
    struct asdu a;
    struct verdict v =
        asdu_parse(apci->asdu, apci->asdu_size, dir, &c->rules.profile, &a);
    enum decode_outcome outcome = outcome_of(v.reason);

    if (v.reason == REASON_OK)
        check_policy(o, c, dir, &a, &outcome);
    else
        v.offset = (uint16_t)(v.offset + APDU_SIZE_MIN);
    check_verdict(o, v, outcome, n);
    check_tolerated(o, a.tolerated);
    FUZZ_CHECK(number_of(o, "type_id") == a.type_id);
    const json_t *objects = json_object_get(o, "objects");
    FUZZ_CHECK(a.objects == NULL || json_array_size(objects) == a.count);
    for (unsigned int i = 0; i < json_array_size(objects); i++)
        check_object(json_array_get(objects, i), &a, i, apdu);
}

static void check_function(const json_t *o, const struct decode_case *c,
                           enum apci_function f)
{
    const bool request = f == APCI_STARTDT_ACT || f == APCI_STOPDT_ACT;
    const bool answer = f == APCI_STARTDT_CON || f == APCI_STOPDT_CON;
    const bool wrong = (c->direction == DECODE_MONITOR && request) ||
                       (c->direction == DECODE_CONTROL && answer);
    const struct verdict v = {.reason = wrong ? REASON_DIRECTION : REASON_OK,
                              .offset = wrong ? 2 : 0};

    FUZZ_CHECK(text_is(o, "function", apci_function_name(f)));
    check_verdict(o, v, outcome_of(v.reason), APDU_SIZE_MIN);
}

/* ---- the stream ---- */

/* One APDU at *at.  False if nothing may follow. */
static bool check_apdu(const json_t *o, const struct decode_case *c, size_t *at)
{
    const uint8_t *apdu = c->octets + *at;
    const size_t left = c->n - *at, shown = number_of(o, "size");
    struct apci apci;
    size_t size;
    const struct verdict v = apci_scan(apdu, left, &size);

    FUZZ_CHECK(number_of(o, "offset") == *at && shown > 0 && shown <= left);
    check_hex(o, "hex", apdu, shown);
    *at += shown;
    if (v.reason != REASON_OK) {
        check_verdict(o, v, DECODE_MALFORMED, left);
        return false;
    }
    if (size == 0) {
        FUZZ_CHECK(shown == left);
        check_verdict(o, v, DECODE_INCOMPLETE, left);
        return false;
    }
    FUZZ_CHECK(shown == size && apci_parse(apdu, size, &apci).reason == REASON_OK);
    if (apci.format == APCI_I)
        check_asdu(o, c, apdu, &apci);
    else if (apci.format == APCI_U)
        check_function(o, c, apci.function);
    else
        check_verdict(o, v, DECODE_ACCEPTED, size);
    return true;
}

static size_t count_of(const struct decode_run *run)
{
    size_t n = 0;

    for (size_t i = 0; i < DECODE_OUTCOMES; i++)
        n += run->outcomes[i];
    return n;
}

void decode_check_json(const struct decode_case *c, const struct decode_run *run,
                       const char *text, size_t n)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK;
    const char *end = text + n;
    size_t at = 0, lines = 0;
    bool more = true;

    FUZZ_CHECK(n == 0 || end[-1] == '\n');
    for (const char *line = text; line < end; lines++) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        json_error_t err;
        FUZZ_CHECK(nl != NULL && *line == '{' && nl[-1] == '}');
        json_t *o = json_loadb(line, (size_t)(nl - line), flags, &err);
        FUZZ_CHECK(json_is_object(o) && err.position == nl - line);
        FUZZ_CHECK(more && at < c->n);
        more = check_apdu(o, c, &at);
        json_decref(o);
        line = nl + 1;
    }
    FUZZ_CHECK(!more || at == c->n);
    FUZZ_CHECK(run->apdus == lines && count_of(run) == lines);
}

void decode_check_text(const struct decode_run *json, const struct decode_run *run,
                       const char *text, size_t n)
{
    size_t lines = 0;

    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
        lines += text[i] == '\n';
    }
    FUZZ_CHECK(n == 0 || text[n - 1] == '\n');
    FUZZ_CHECK(!run->brief || lines == run->apdus);
    FUZZ_CHECK(run->apdus == json->apdus);
    FUZZ_CHECK(memcmp(run->outcomes, json->outcomes, sizeof run->outcomes) == 0);
}
