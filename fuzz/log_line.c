/* The line that the audit process makes of a record: whatever a sender put into the
 * record, it is one JSON object of printable ASCII that no reader of the log mistakes,
 * and every field can be had back from it.
 *
 * Target functions: audit_line_build audit_apdu_describe audit_operation_put
 *   operation_decode audit_text_escape audit_envelope_parse record_check record_next
 * Options: -max_len=2048
 *
 * Input: a profile for the route, the payload of a record. */
#include "fuzz/lib/apdu_mutate.h"
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/profile_draw.h"

#include "policy/asdu.h"
#include "policy/quirk.h"
#include "policy/reason.h"
#include "proxy/audit_line.h"
#include "proxy/operation_wire.h"
#include "proxy/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SEQ       4711u
#define HEAD_SIZE 11u /* event, sync, ticket */

static struct audit_route routes[2] = {
    {.name = "rtu \"7\"\\", .profile = {2, 2, 3, {0, 0}}}, {.name = "old"}};
static const struct audit_place place = {
    .boot = "a1b2c3d4", .route_count = 2, .route = routes};

/* ---- fields ---- */

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    FUZZ_CHECK(text != NULL);
    return text;
}

static unsigned int digit(char c)
{
    return (unsigned int)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* The octets of a text, \xNN undone; false if they are not those of the record. */
static bool unescapes_to(const char *text, const struct record_field *f)
{
    size_t n = 0;

    for (const char *p = text; *p != '\0'; n++) {
        const bool escaped = *p == '\\';
        if (escaped)
            FUZZ_CHECK(p[1] == 'x' && p[2] != '\0' && p[3] != '\0');
        const unsigned int octet =
            escaped ? digit(p[2]) << 4 | digit(p[3]) : (unsigned char)*p;
        if (n >= f->size || octet != f->octets[n])
            return false;
        p += escaped ? 4 : 1;
    }
    return n == f->size;
}

static void check_octets(const json_t *o, const struct record_field *f)
{
    const char *text = text_of(o, f->tag->key);

    FUZZ_CHECK(strlen(text) == 2 * f->size);
    for (size_t i = 0; i < f->size; i++)
        FUZZ_CHECK((digit(text[2 * i]) << 4 | digit(text[2 * i + 1])) == f->octets[i]);
}

static void check_number(const json_t *o, const struct record_field *f)
{
    const json_t *v = json_object_get(o, f->tag->key);

    /* Below 2^53 every reader of JSON keeps it. */
    FUZZ_CHECK(json_is_integer(v) == (f->u64 < UINT64_C(1) << 53));
    if (json_is_integer(v))
        FUZZ_CHECK((uint64_t)json_integer_value(v) == f->u64);
    else
        FUZZ_CHECK(strtoull(text_of(o, f->tag->key), NULL, 10) == f->u64);
}

static bool number_is(const json_t *o, const char *key, bool there, uint32_t v)
{
    const json_t *found = json_object_get(o, key);

    return there ? json_integer_value(found) == v : found == NULL;
}

/* False if it stands there as it came. */
static bool check_operation(const json_t *o, const struct record_field *f)
{
    struct operation op;

    if (json_object_get(o, "apdu") || !operation_decode(f->octets, f->size, &op))
        return false;
    FUZZ_CHECK(number_is(o, "type_id", true, op.point.type));
    FUZZ_CHECK(number_is(o, "ca", true, op.point.ca));
    FUZZ_CHECK(number_is(o, "ioa", true, op.point.ioa));
    FUZZ_CHECK(number_is(o, "confirm_ms",
                         op.answer_ms[OPERATION_EXECUTE] != OPERATION_NO_TIME,
                         op.answer_ms[OPERATION_EXECUTE]));
    FUZZ_CHECK(number_is(o, "state_ioa", op.has_state, op.state.ioa));
    FUZZ_CHECK((json_object_get(o, "value") != NULL) == op.has_value);
    FUZZ_CHECK((json_object_get(o, "state") != NULL) == op.has_state);
    return true;
}

/* Those that are written in words. */
static bool check_worded(const json_t *o, const struct record_field *f)
{
    const struct reason_info *why;

    switch (f->tag->tag) {
    case RECORD_ROUTE:
        FUZZ_CHECK(text_of(o, "route")[0] == (f->u64 == 0   ? 'r'
                                              : f->u64 == 1 ? 'o'
                                                            : '#'));
        return true;
    case RECORD_DIRECTION:
        FUZZ_CHECK(f->u64 > 1 || strcmp(text_of(o, "direction"),
                                        direction_name((enum direction)f->u64)) == 0);
        return true;
    case RECORD_REASON:
        why = f->u64 < 65536 ? reason_info((unsigned int)f->u64) : NULL;
        FUZZ_CHECK(strcmp(text_of(o, "reason"), why ? why->name : "unknown") == 0);
        return true;
    case RECORD_QUIRK:
        FUZZ_CHECK(strcmp(text_of(o, "quirk"),
                          f->u64 <= QUIRK_MAX ? quirk_name((unsigned int)f->u64) : "") ==
                   0);
        return true;
    case RECORD_COMMAND_SEQ:
        FUZZ_CHECK(json_object_get(o, "command_seq") ||
                   json_object_get(o, "command_ticket"));
        return true;
    case RECORD_SELECT_SEQ:
        FUZZ_CHECK(json_object_get(o, "select_seq") ||
                   json_object_get(o, "select_ticket"));
        return true;
    case RECORD_OPERATION: return check_operation(o, f);
    case RECORD_CUT: FUZZ_CHECK(f->u64 == 0 || json_object_get(o, "cut")); return true;
    default: return false;
    }
}

/* ---- the APDU ---- */

/* The number of a field; `otherwise` if the record has none. */
static uint64_t field_of(const uint8_t *payload, size_t n, enum record_tag tag,
                         uint64_t otherwise)
{
    struct record_field f;
    size_t pos = 0;

    while (record_next(payload, n, &pos, &f)) /* pos grows */
        if (f.tag->tag == tag)
            return f.u64;
    return otherwise;
}

/* Read by what the route's stations speak. */
static void check_apdu(const json_t *o, const struct record_field *f, uint64_t route,
                       uint64_t dir)
{
    const struct profile *profile = route < 2 ? &routes[route].profile : &PROFILE_104;
    struct apci apci;
    struct asdu a = {.has = 0};

    if (apci_parse(f->octets, f->size, &apci).reason == REASON_OK &&
        apci.format == APCI_I)
        (void)asdu_parse(apci.asdu, apci.asdu_size, dir == 1 ? DIR_MONITOR : DIR_CONTROL,
                         profile, &a);
    FUZZ_CHECK(number_is(o, "type_id", (a.has & ASDU_HAS_TYPE) != 0, a.type_id));
    FUZZ_CHECK(number_is(o, "ca", (a.has & ASDU_HAS_CA) != 0, a.ca));
    FUZZ_CHECK(number_is(o, "oa", (a.has & ASDU_HAS_OA) != 0, a.oa));
    FUZZ_CHECK(number_is(o, "ioa", (a.has & ASDU_HAS_IOA) != 0, a.ioa));
    FUZZ_CHECK((json_object_get(o, "select") != NULL) == a.has_select);
    FUZZ_CHECK((json_object_get(o, "value") != NULL) == a.has_value);
    FUZZ_CHECK((json_object_get(o, "inner") != NULL) == (a.inner != NULL));
}

/* ---- all fields ---- */

static void check_fields(const json_t *o, const uint8_t *payload, size_t n)
{
    const bool cut = json_object_get(o, "cut") != NULL;
    struct record_field f;
    size_t pos = 0;

    while (record_next(payload, n, &pos, &f)) { /* pos grows */
        if (check_worded(o, &f))
            continue;
        if (f.tag->tag == RECORD_APDU)
            check_apdu(o, &f, field_of(payload, n, RECORD_ROUTE, 2),
                       field_of(payload, n, RECORD_DIRECTION, 0));
        switch (f.tag->kind) {
        case RECORD_KIND_U64: check_number(o, &f); break;
        case RECORD_KIND_OCTETS: check_octets(o, &f); break;
        case RECORD_KIND_TEXT:
            FUZZ_CHECK(unescapes_to(text_of(o, f.tag->key), &f) || cut);
            break;
        }
    }
}

/* ---- the line ---- */

static void check_line(const char *line, size_t n, const struct audit_stamp *stamp,
                       const struct record_head *head)
{
    char event[64];
    struct audit_envelope e;

    FUZZ_CHECK(n > 0 && n <= AUDIT_LINE_MAX && line[n - 1] == '\n');
    for (size_t i = 0; i + 1 < n; i++)
        FUZZ_CHECK(line[i] >= ' ' && line[i] <= '~');
    FUZZ_CHECK(audit_envelope_parse(line, n, &e) == NULL);
    (void)snprintf(event, sizeof event, "%s.%s", head->event->group, head->event->name);
    FUZZ_CHECK(e.seq == SEQ && e.mono_ms == stamp->mono_ms);
    FUZZ_CHECK(strcmp(e.event, event) == 0 && strcmp(e.from, "gate-0") == 0);
    FUZZ_CHECK(memcmp(e.prev, stamp->prev, sizeof e.prev) == 0);
}

/* The fields from the last to the first: a line looks the same whoever sends it. */
static void turn_round(const uint8_t *payload, size_t n, uint8_t *out)
{
    struct record_field f;
    size_t pos = 0, begin = HEAD_SIZE, end = n;

    memcpy(out, payload, n < HEAD_SIZE ? n : HEAD_SIZE);
    while (record_next(payload, n, &pos, &f)) { /* pos grows */
        end -= pos - begin;
        memcpy(out + end, payload + begin, pos - begin);
        begin = pos;
    }
    FUZZ_CHECK(end == HEAD_SIZE || n < HEAD_SIZE);
}

static size_t build(const struct audit_stamp *stamp, const uint8_t *payload, size_t n,
                    char line[AUDIT_LINE_MAX])
{
    static struct audit_sender sender;

    memset(&sender, 0, sizeof sender);
    (void)snprintf(sender.name, sizeof sender.name, "gate-0");
    return audit_line_build(&place, stamp, &sender, payload, n, line);
}

static void check_record(const uint8_t *payload, size_t n,
                         const struct audit_stamp *stamp)
{
    static char line[AUDIT_LINE_MAX], again[AUDIT_LINE_MAX];
    struct record_head head;
    const bool good = record_check(payload, n, &head);
    const size_t made = build(stamp, payload, n, line);

    FUZZ_CHECK((made > 0) == good);
    if (!good)
        return;
    check_line(line, made, stamp, &head);
    json_t *o = json_loadb(line, made, JSON_REJECT_DUPLICATES, NULL);
    FUZZ_CHECK(json_is_object(o));
    check_fields(o, payload, n);
    json_decref(o);
    uint8_t *turned = fuzz_copy(payload, n);
    turn_round(payload, n, turned);
    FUZZ_CHECK(build(stamp, turned, n, again) == made);
    FUZZ_CHECK(memcmp(line, again, made) == 0);
    free(turned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_stamp stamp = {.seq = SEQ, .utc = {1795228384, 999999999}, .mono_ms = 5};

    if (size < FUZZ_PROFILE_SIZE)
        return 0;
    fuzz_profile(data, &routes[1].profile);
    const size_t n = size - FUZZ_PROFILE_SIZE;
    uint8_t *payload = fuzz_copy(data + FUZZ_PROFILE_SIZE, n);
    memset(stamp.prev, data[0], sizeof stamp.prev);
    check_record(payload, n, &stamp);
    free(payload);
    return 0;
}

/* An APDU as its first field, so that there is something to describe. */
static size_t put_apdu(uint8_t *p, size_t max, const struct profile *profile,
                       unsigned int seed)
{
    uint8_t apdu[255];
    const size_t n = apdu_make(apdu, profile, seed), head = HEAD_SIZE;

    if (max < head + 3 + n)
        return 0;
    p[head] = RECORD_APDU;
    p[head + 1] = (uint8_t)n;
    p[head + 2] = 0;
    memcpy(p + head + 3, apdu, n);
    return head + 3 + n;
}

/* An operation as its first field. */
static size_t put_operation(uint8_t *p, size_t max, unsigned int seed)
{
    struct operation op = {
        .point = {.ioa = seed, .ca = (uint16_t)seed, .type = seed % 128},
        .has_value = seed & 1,
        .has_state = seed >> 1 & 1,
        .state = {.type = seed / 4 % 64, .cause = seed / 256 % 64}};

    if (max < HEAD_SIZE + 3 + OPERATION_WIRE_SIZE)
        return 0;
    p[HEAD_SIZE] = RECORD_OPERATION;
    p[HEAD_SIZE + 1] = OPERATION_WIRE_SIZE;
    p[HEAD_SIZE + 2] = 0;
    operation_encode(&op, p + HEAD_SIZE + 3);
    return HEAD_SIZE + 3 + OPERATION_WIRE_SIZE;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    struct profile profile;

    if (size < FUZZ_PROFILE_SIZE + HEAD_SIZE || seed % 8 != 0)
        return LLVMFuzzerMutate(data, size, max);
    fuzz_profile(data, &profile);
    const size_t n =
        seed / 8 % 4 == 0
            ? put_operation(data + FUZZ_PROFILE_SIZE, max - FUZZ_PROFILE_SIZE, seed / 32)
            : put_apdu(data + FUZZ_PROFILE_SIZE, max - FUZZ_PROFILE_SIZE, &profile,
                       seed / 8);
    return n == 0 ? size : FUZZ_PROFILE_SIZE + n;
}
