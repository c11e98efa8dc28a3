/* One ASDU, judged in both directions: the validator and a second opinion agree, objects
 * lie inside the octets and make up all of them, the answer in the station's place is one
 * a station may give, and the policy decides as its rules read.  By the profile of a
 * route: in shorter sizes the verdict is that of the long form, and a quirk lets through
 * what it is named for and nothing else.
 *
 * Target functions: asdu_parse asdu_object asdu_value element_check_list secauth_check
 *   profile_is_legal profile_allow quirk_set_of
 *   judgement_fault type_cause_quirk reply_negative reply_reaction reply_kind_for
 *   policy_decide
 * Options: -max_len=269
 *
 * Input: the sizes (0: those of 104), the quirks of control and of monitor direction
 * (four octets each), the ASDU. */
#include "fuzz/lib/apdu_mutate.h"
#include "fuzz/lib/asdu_oracle.h"
#include "fuzz/lib/asdu_widen.h"
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/policy_naive.h"
#include "fuzz/lib/profile_draw.h"

#include "policy/asdu.h"
#include "policy/policy.h"
#include "policy/reply.h"

#include <stdlib.h>
#include <string.h>

#define PROFILE_SIZE FUZZ_PROFILE_SIZE

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

static uint32_t number(const uint8_t *p, size_t size)
{
    uint32_t v = 0;

    for (size_t i = 0; i < size; i++)
        v |= (uint32_t)p[i] << 8 * i;
    return v;
}

static void check_fields(const struct asdu *a, const uint8_t *p, size_t n,
                         const struct profile *f)
{
    const size_t ca = 2u + f->cot_size, ioa = ca + f->ca_size;
    const bool objects = a->type == NULL || a->type->layout == TYPE_LAYOUT_OBJECTS;

    FUZZ_CHECK((a->has & ASDU_HAS_TYPE) != 0 || n == 0);
    FUZZ_CHECK(n < 1 || a->type_id == p[0]);
    FUZZ_CHECK(n < 2 || (a->sq == (p[1] >= 128) && a->count == p[1] % 128));
    FUZZ_CHECK(n < 3 || (a->cause == p[2] % 64 && a->test == (p[2] >= 128)));
    FUZZ_CHECK(n < 3 || a->negative == (p[2] / 64 % 2 == 1));
    FUZZ_CHECK(a->oa == (f->cot_size == 2 && n > 3 ? p[3] : 0));
    const unsigned int all = f->ca_size == 1 ? 255 : 65535;
    const uint32_t told = n < ioa ? 0 : number(p + ca, f->ca_size);
    FUZZ_CHECK(a->ca == (told == all ? 65535 : told));
    FUZZ_CHECK(a->ioa_size == f->ioa_size);
    FUZZ_CHECK(a->ioa ==
               (n < ioa + f->ioa_size || !objects ? 0 : number(p + ioa, f->ioa_size)));
}

/* The objects follow each other without a gap and end where the ASDU ends. */
static void check_objects(const struct asdu *a, const uint8_t *p, size_t n,
                          const struct profile *f)
{
    const size_t header = profile_header_size(f), ioa_size = f->ioa_size;
    size_t at = header + (a->sq ? ioa_size : 0);
    const uint8_t *element;
    uint32_t ioa;

    FUZZ_CHECK(a->objects == p + header && a->objects_size == n - header);
    FUZZ_CHECK(a->count > 0 && a->type != NULL);
    for (unsigned int i = 0; i < a->count; i++) {
        double value;
        const uint32_t wanted = a->sq ? a->ioa + i : number(p + at, ioa_size);
        at += a->sq ? 0 : ioa_size;
        FUZZ_CHECK(asdu_object(a, i, &ioa, &element));
        FUZZ_CHECK(ioa == wanted && element == p + at);
        if (asdu_value(a->type, element, &value) && i == 0)
            FUZZ_CHECK(a->has_value && memcmp(&value, &a->value, sizeof value) == 0);
        at += a->type->size;
    }
    FUZZ_CHECK(at == n || (a->type_id == 125 && at + p[at - 1] == n));
    FUZZ_CHECK(!asdu_object(a, a->count, &ioa, &element));
}

static void check_verdict(const struct verdict v, enum oracle opinion, size_t n)
{
    const enum reason_class class = reason_info(v.reason)->class;

    FUZZ_CHECK((v.reason == REASON_OK) == (opinion == ORACLE_FINE));
    FUZZ_CHECK(v.reason != REASON_OK || v.offset == 0);
    FUZZ_CHECK(v.offset < n || (v.reason == REASON_SHORT && v.offset == n));
    if (opinion == ORACLE_UNSOUND)
        FUZZ_CHECK(class == REASON_CLASS_STRUCTURE || v.reason == REASON_BAD_TYPE ||
                   v.reason == REASON_SECAUTH);
    if (opinion == ORACLE_ILLEGAL)
        FUZZ_CHECK(class == REASON_CLASS_MEANING && v.reason != REASON_BAD_TYPE);
}

static void check_direction(const uint8_t *p, size_t n, enum direction dir)
{
    struct asdu a;
    const struct verdict v = asdu_parse(p, n, dir, &PROFILE_104, &a);
    const enum oracle opinion = asdu_oracle(p, n, dir == DIR_CONTROL);

    check_verdict(v, opinion, n);
    check_fields(&a, p, n, &PROFILE_104);
    FUZZ_CHECK((a.objects != NULL) == (opinion != ORACLE_UNSOUND));
    FUZZ_CHECK((size_t)reply_reaction(v.reason, dir) <= REACTION_CLOSE);
    FUZZ_CHECK((size_t)reply_kind_for(v.reason) <= REPLY_UNKNOWN_IOA);
    FUZZ_CHECK(a.tolerated == 0 && a.inner == NULL);
    if (opinion != ORACLE_UNSOUND) {
        FUZZ_CHECK(a.type->size == asdu_oracle_octets(a.type_id));
        check_objects(&a, p, n, &PROFILE_104);
        naive_compare(blob, policy, dir, &a);
        return;
    }
    struct policy_decision d;
    policy_decide(policy, dir, &a, &d);
    FUZZ_CHECK(d.action >= POLICY_REFUSE && d.rule == POLICY_DEFAULT);
}

/* ---- the profile ---- */

static bool same_verdict(struct verdict a, struct verdict b)
{
    return a.reason == b.reason && a.offset == b.offset && a.quirk == b.quirk;
}

/* Those of control direction hold for the answers, too. */
static uint32_t quirks_in_force(const uint8_t *p, size_t n, enum direction dir,
                                const struct profile *f)
{
    const unsigned int cause = n > 2 ? p[2] % 64 : 0;
    const bool answer = cause == 7 || cause == 9 || cause == 10 || cause / 4 == 11;

    return f->quirks[dir] | (dir == DIR_MONITOR && answer ? f->quirks[DIR_CONTROL] : 0);
}

static struct verdict parse_with(const uint8_t *p, size_t n, enum direction dir,
                                 const struct profile *f, uint32_t quirks)
{
    struct profile other = *f;
    struct asdu a;

    other.quirks[DIR_CONTROL] = 0;
    other.quirks[dir] = quirks;
    return asdu_parse(p, n, dir, &other, &a);
}

/* What was let through needed every quirk it names and no other. */
static void check_tolerated(const uint8_t *p, size_t n, enum direction dir,
                            const struct profile *f, const struct asdu *a)
{
    const uint32_t all = quirk_set_of(dir);

    FUZZ_CHECK(parse_with(p, n, dir, f, a->tolerated).reason == REASON_OK);
    FUZZ_CHECK(parse_with(p, n, dir, f, quirks_in_force(p, n, dir, f) | all).reason ==
               REASON_OK);
    for (unsigned int q = 1; q <= QUIRK_MAX; q++)
        if ((a->tolerated & QUIRK_BIT(q)) != 0)
            FUZZ_CHECK(
                parse_with(p, n, dir, f, quirks_in_force(p, n, dir, f) & ~QUIRK_BIT(q))
                    .reason != REASON_OK);
}

/* The quirk that a refusal names is there to be had, and takes this fault away. */
static void check_refused(const uint8_t *p, size_t n, enum direction dir,
                          const struct profile *f, struct verdict v)
{
    const uint32_t bit = QUIRK_BIT(v.quirk);

    FUZZ_CHECK(v.offset < n || (v.reason == REASON_SHORT && v.offset == n));
    FUZZ_CHECK(parse_with(p, n, dir, f, 0).reason != REASON_OK);
    if (v.quirk == QUIRK_NONE)
        return;
    FUZZ_CHECK(reason_info(v.reason)->class == REASON_CLASS_MEANING);
    FUZZ_CHECK((quirk_set_of(dir) & bit) != 0 &&
               (quirks_in_force(p, n, dir, f) & bit) == 0);
    FUZZ_CHECK(
        !same_verdict(parse_with(p, n, dir, f, quirks_in_force(p, n, dir, f) | bit), v));
}

/* The same in the sizes of 104. */
static void check_wide(const uint8_t *p, size_t n, enum direction dir,
                       const struct profile *f, const struct asdu *a, struct verdict v)
{
    struct profile long_form = PROFILE_104;
    struct wide wide;
    struct asdu b;

    if (!asdu_widen(p, n, f, &wide))
        return;
    memcpy(long_form.quirks, f->quirks, sizeof long_form.quirks);
    const struct verdict w = asdu_parse(wide.octets, wide.n, dir, &long_form, &b);
    FUZZ_CHECK(v.reason == w.reason && v.quirk == w.quirk);
    FUZZ_CHECK(v.reason == REASON_OK || w.offset == wide.at[v.offset]);
    FUZZ_CHECK(a->tolerated == b.tolerated && a->ca == b.ca && a->ioa == b.ioa);
    FUZZ_CHECK(a->count == b.count && (a->objects == NULL) == (b.objects == NULL));
    FUZZ_CHECK(a->has_value == b.has_value && a->has_select == b.has_select &&
               a->select == b.select);
    FUZZ_CHECK(!a->has_value || memcmp(&a->value, &b.value, sizeof a->value) == 0);
}

static void check_inner(const struct asdu *a, const uint8_t *p, size_t n,
                        enum direction dir, const struct profile *f, struct verdict v)
{
    struct asdu b;

    if (a->inner == NULL)
        return;
    FUZZ_CHECK(a->inner > p && a->inner_size > 0 &&
               a->inner_size < n - (size_t)(a->inner - p));
    struct profile bare = *f;
    bare.quirks[dir] &= ~QUIRK_BIT(QUIRK_SECAUTH);
    const struct verdict w = asdu_parse(a->inner, a->inner_size, dir, &bare, &b);
    FUZZ_CHECK(v.reason != REASON_OK || w.reason == REASON_OK);
    FUZZ_CHECK(v.reason != REASON_OK || (b.tolerated & ~a->tolerated) == 0);
}

static void check_profile(const uint8_t *p, size_t n, enum direction dir,
                          const struct profile *f)
{
    struct asdu a;
    const struct verdict v = asdu_parse(p, n, dir, f, &a);

    check_fields(&a, p, n, f);
    FUZZ_CHECK((a.tolerated & ~quirks_in_force(p, n, dir, f)) == 0);
    FUZZ_CHECK(v.reason != REASON_OK || v.quirk == QUIRK_NONE);
    if (a.objects != NULL)
        check_objects(&a, p, n, f);
    if (v.reason == REASON_OK)
        check_tolerated(p, n, dir, f, &a);
    else
        check_refused(p, n, dir, f, v);
    check_inner(&a, p, n, dir, f, v);
    check_wide(p, n, dir, f, &a, v);
}

/* ---- the answer ---- */

/* Accepted as a command, and so that what comes back may be as wrong. */
static bool has_answer(const uint8_t *p, size_t n, const struct profile *f)
{
    struct asdu a;

    return asdu_parse(p, n, DIR_CONTROL, f, &a).reason == REASON_OK &&
           (a.tolerated & QUIRK_BIT(QUIRK_ANY_IOA)) == 0;
}

/* What a master may send and does not get through has an answer a station may give. */
static void check_reply(const uint8_t *p, size_t n, const struct profile *f,
                        enum reply_kind kind, bool fine)
{
    uint8_t reply[ASDU_SIZE_MAX], in_place[ASDU_SIZE_MAX];
    const size_t size = reply_negative(p, n, f, kind, reply);
    struct asdu a;

    FUZZ_CHECK(size == 0 || size == n);
    if (size == 0)
        return;
    const unsigned int cause = reply[2] % 64, asked = p[2] % 64;
    FUZZ_CHECK(memcmp(reply, p, 2) == 0 && memcmp(reply + 3, p + 3, n - 3) == 0);
    FUZZ_CHECK((reply[2] & 0xC0) == ((p[2] & 0x80) | 0x40));
    FUZZ_CHECK((cause >= 44 && cause <= 47) || (cause == 7 && asked == 6) ||
               (cause == 9 && asked == 8));
    FUZZ_CHECK(type_info(p[0]) == NULL || type_info(p[0])->needs != QUIRK_NONE ||
               asdu_oracle_cause(p[0], cause, false) ||
               (f->quirks[DIR_MONITOR] &
                QUIRK_BIT(type_cause_quirk(p[0], DIR_MONITOR, (uint8_t)cause))) != 0);
    FUZZ_CHECK(asdu_parse(reply, n, DIR_MONITOR, f, &a).reason == REASON_OK || !fine);
    memcpy(in_place, p, n);
    FUZZ_CHECK(reply_negative(in_place, n, f, kind, in_place) == n);
    FUZZ_CHECK(memcmp(in_place, reply, n) == 0);
}

static void check_replies(const uint8_t *p, size_t n, const struct profile *f)
{
    const bool fine = has_answer(p, n, f);

    for (unsigned int kind = REPLY_REFUSED; kind <= REPLY_UNKNOWN_IOA; kind++)
        check_reply(p, n, f, (enum reply_kind)kind, fine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile profile;

    if (size < PROFILE_SIZE)
        return 0;
    fuzz_profile(data, &profile);
    const size_t n = size - PROFILE_SIZE;
    uint8_t *p = fuzz_copy(data + PROFILE_SIZE, n);
    check_direction(p, n, DIR_CONTROL);
    check_direction(p, n, DIR_MONITOR);
    check_profile(p, n, DIR_CONTROL, &profile);
    check_profile(p, n, DIR_MONITOR, &profile);
    check_replies(p, n, &PROFILE_104);
    check_replies(p, n, &profile);
    free(p);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    struct profile profile;

    if (size < PROFILE_SIZE || seed % 8 == 0)
        return LLVMFuzzerMutate(data, size, max);
    fuzz_profile(data, &profile);
    return PROFILE_SIZE + apdu_mutate_asdu(data + PROFILE_SIZE, size - PROFILE_SIZE,
                                           max - PROFILE_SIZE, &profile, seed / 8);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
                                 size_t b_size, uint8_t *out, size_t max,
                                 unsigned int seed)
{
    struct profile profile;

    if (a_size < PROFILE_SIZE || b_size < PROFILE_SIZE || max <= PROFILE_SIZE)
        return 0;
    memcpy(out, seed % 2 == 0 ? a : b, PROFILE_SIZE);
    fuzz_profile(out, &profile);
    return PROFILE_SIZE + apdu_cross_asdus(a + PROFILE_SIZE, a_size - PROFILE_SIZE,
                                           b + PROFILE_SIZE, b_size - PROFILE_SIZE,
                                           out + PROFILE_SIZE, max - PROFILE_SIZE,
                                           &profile, seed / 2);
}
