/* One ASDU, judged in both directions: the validator and a second opinion agree, objects
 * lie inside the octets and make up all of them, the answer in the station's place is one
 * a station may give, and the policy decides as its rules read.
 *
 * Target functions: asdu_parse asdu_object asdu_value element_check reply_negative
 *   reply_reaction reply_kind_for policy_decide
 * Options: -max_len=260
 *
 * Input: the ASDU. */
#include "fuzz/lib/apdu_mutate.h"
#include "fuzz/lib/asdu_oracle.h"
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/policy_naive.h"

#include "policy/asdu.h"
#include "policy/policy.h"
#include "policy/reply.h"

#include <stdlib.h>
#include <string.h>

static struct policy_builder *builder;
static const uint8_t *blob;
static struct policy *policy;

/* ---- a fixed policy ---- */

static const struct policy_range STATION[] = {{1, 1}, {3, 70}};
static const struct policy_range ALL[] = {{65535, 65535}};
static const struct policy_range FEEDERS[] = {{0, 0}, {1, 20}, {256, 0xFFFF}};
static const struct policy_range HIGH[] = {{0xFFFF00, 0xFFFFFF}};

static const struct policy_rule RULES[] = {
    {.name = "shut",
     .direction = DIR_CONTROL,
     .action = POLICY_CLOSE,
     .ioa = HIGH,
     .ioa_count = 1},
    {.name = "limits",
     .direction = DIR_CONTROL,
     .action = POLICY_PASS,
     .ca = STATION,
     .ca_count = 2,
     .ioa = FEEDERS,
     .ioa_count = 3,
     .has_value = true,
     .value_min = -0.5,
     .value_max = 110},
    {.name = "feeders",
     .direction = DIR_CONTROL,
     .action = POLICY_LOG,
     .ca = STATION,
     .ca_count = 2,
     .ioa = FEEDERS,
     .ioa_count = 3},
    {.name = "all",
     .direction = DIR_CONTROL,
     .action = POLICY_LOG,
     .ca = ALL,
     .ca_count = 1},
    {.name = "high",
     .direction = DIR_MONITOR,
     .action = POLICY_DROP,
     .ioa = HIGH,
     .ioa_count = 1},
    {.name = "on",
     .direction = DIR_MONITOR,
     .action = POLICY_LOG,
     .has_value = true,
     .value_min = 1,
     .value_max = 2},
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char err[200];
    size_t size;

    (void)argc;
    (void)argv;
    asdu_oracle_init();
    builder = policy_builder_new();
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        struct policy_rule rule = RULES[i];
        policy_types_all(rule.types, rule.direction);
        FUZZ_CHECK(policy_builder_add(builder, &rule, err, sizeof err));
    }
    blob = policy_builder_blob(builder, &size);
    FUZZ_CHECK(policy_load(blob, size, &policy, err, sizeof err));
    return 0;
}

/* ---- what was taken apart ---- */

static void check_fields(const struct asdu *a, const uint8_t *p, size_t n)
{
    FUZZ_CHECK((a->has & ASDU_HAS_TYPE) != 0 || n == 0);
    FUZZ_CHECK(n < 1 || a->type_id == p[0]);
    FUZZ_CHECK(n < 2 || (a->sq == (p[1] >= 128) && a->count == p[1] % 128));
    FUZZ_CHECK(n < 3 || (a->cause == p[2] % 64 && a->test == (p[2] >= 128)));
    FUZZ_CHECK(n < 3 || a->negative == (p[2] / 64 % 2 == 1));
    FUZZ_CHECK(n < 4 || a->oa == p[3]);
    FUZZ_CHECK(a->ca == (n < 6 ? 0 : fuzz_get16(p + 4)));
    FUZZ_CHECK(a->ioa == (n < 9 ? 0 : fuzz_get24(p + 6)));
}

/* The objects follow each other without a gap and end where the ASDU ends. */
static void check_objects(const struct asdu *a, const uint8_t *p, size_t n)
{
    const size_t octets = asdu_oracle_octets(a->type_id);
    size_t at = a->sq ? 9 : 6;
    const uint8_t *element;
    uint32_t ioa;

    FUZZ_CHECK(a->objects == p + 6 && a->objects_size == n - 6);
    FUZZ_CHECK(a->count > 0 && a->type != NULL);
    for (unsigned int i = 0; i < a->count; i++) {
        double value;
        const uint32_t wanted = a->sq ? a->ioa + i : fuzz_get24(p + at);
        at += a->sq ? 0 : 3;
        FUZZ_CHECK(asdu_object(a, i, &ioa, &element));
        FUZZ_CHECK(ioa == wanted && element == p + at);
        if (asdu_value(a->type, element, &value) && i == 0)
            FUZZ_CHECK(a->has_value && memcmp(&value, &a->value, sizeof value) == 0);
        at += octets;
    }
    FUZZ_CHECK(at == n || (a->type_id == 125 && at + p[12] == n));
    FUZZ_CHECK(!asdu_object(a, a->count, &ioa, &element));
}

static void check_verdict(const struct verdict v, enum oracle opinion, size_t n)
{
    const enum reason_class class = reason_info(v.reason)->class;

    FUZZ_CHECK((v.reason == REASON_OK) == (opinion == ORACLE_FINE));
    FUZZ_CHECK(v.reason != REASON_OK || v.offset == 0);
    FUZZ_CHECK(v.offset < n || (v.reason == REASON_SHORT && v.offset == n));
    if (opinion == ORACLE_UNSOUND)
        FUZZ_CHECK(class == REASON_CLASS_STRUCTURE || v.reason == REASON_BAD_TYPE);
    if (opinion == ORACLE_ILLEGAL)
        FUZZ_CHECK(class == REASON_CLASS_MEANING && v.reason != REASON_BAD_TYPE);
}

static void check_direction(const uint8_t *p, size_t n, enum direction dir)
{
    struct asdu a;
    const struct verdict v = asdu_parse(p, n, dir, &PROFILE_104, &a);
    const enum oracle opinion = asdu_oracle(p, n, dir == DIR_CONTROL);

    check_verdict(v, opinion, n);
    check_fields(&a, p, n);
    FUZZ_CHECK((a.objects != NULL) == (opinion != ORACLE_UNSOUND));
    FUZZ_CHECK((size_t)reply_reaction(v.reason, dir) <= REACTION_CLOSE);
    FUZZ_CHECK((size_t)reply_kind_for(v.reason) <= REPLY_UNKNOWN_IOA);
    if (opinion != ORACLE_UNSOUND) {
        check_objects(&a, p, n);
        naive_compare(blob, policy, dir, &a);
        return;
    }
    struct policy_decision d;
    policy_decide(policy, dir, &a, &d);
    FUZZ_CHECK(d.action >= POLICY_REFUSE && d.rule == POLICY_DEFAULT);
}

/* ---- the answer ---- */

/* What a master may send and does not get through has an answer a station may give. */
static void check_reply(const uint8_t *p, size_t n, enum reply_kind kind, bool fine)
{
    uint8_t reply[ASDU_SIZE_MAX], in_place[ASDU_SIZE_MAX];
    const size_t size = reply_negative(p, n, &PROFILE_104, kind, reply);
    struct asdu a;

    FUZZ_CHECK(size == 0 || size == n);
    if (size == 0)
        return;
    const unsigned int cause = reply[2] % 64, asked = p[2] % 64;
    FUZZ_CHECK(memcmp(reply, p, 2) == 0 && memcmp(reply + 3, p + 3, n - 3) == 0);
    FUZZ_CHECK((reply[2] & 0xC0) == ((p[2] & 0x80) | 0x40));
    FUZZ_CHECK((cause >= 44 && cause <= 47) || (cause == 7 && asked == 6) ||
               (cause == 9 && asked == 8));
    FUZZ_CHECK(asdu_oracle_cause(p[0], cause, false));
    FUZZ_CHECK(asdu_parse(reply, n, DIR_MONITOR, &PROFILE_104, &a).reason == REASON_OK ||
               !fine);
    memcpy(in_place, p, n);
    FUZZ_CHECK(reply_negative(in_place, n, &PROFILE_104, kind, in_place) == n);
    FUZZ_CHECK(memcmp(in_place, reply, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_direction(data, size, DIR_CONTROL);
    check_direction(data, size, DIR_MONITOR);
    const bool fine = asdu_oracle(data, size, true) == ORACLE_FINE;
    for (unsigned int kind = REPLY_REFUSED; kind <= REPLY_UNKNOWN_IOA; kind++)
        check_reply(data, size, (enum reply_kind)kind, fine);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    return apdu_mutate_asdu(data, size, max, seed);
}
