/* The printer of `gate104 decode`: whatever the octets and however they are cut, what is
 * printed is the same; JSON is one object a line that says what the octets say and the
 * verdict of policy/, and no control character comes out.
 *
 * Target functions: decode_stream_add decode_stream_settle decode_stream_end decode_judge
 *   decode_object decode_objects_end decode_element decode_print_text decode_print_json
 *   decode_hex_words decode_outcome_name
 * Options: -max_len=400
 *
 * Input: direction, policy and form, a profile, where the stream is cut, the stream. */
#include "fuzz/lib/apdu_mutate.h"
#include "fuzz/lib/decode_check.h"
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/profile_draw.h"
#include "fuzz/lib/sink.h"

#include "proxy/cli/decode.h"

#include <stdlib.h>
#include <string.h>

#define CUTS_AT   (1u + FUZZ_PROFILE_SIZE)
#define HEAD_SIZE (CUTS_AT + 4u)

enum form { FORM_TEXT, FORM_BRIEF, FORM_JSON };
#define FORMS 3u

static struct policy *policy;
static struct sink whole, pieces;

static const struct policy_range LOW[] = {{0, 1000}};
static const struct policy_rule RULES[] = {
    {.name = "low \"one\" \xc3\xbc",
     .direction = DIR_CONTROL,
     .action = POLICY_LOG,
     .ioa = LOW,
     .ioa_count = 1},
    {.name = "off", .direction = DIR_MONITOR, .action = POLICY_DROP, .has_value = true},
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct policy_builder *builder = policy_builder_new();
    char err[200];
    size_t size;

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        struct policy_rule rule = RULES[i];
        policy_types_all(rule.types, rule.direction);
        FUZZ_CHECK(policy_builder_add(builder, &rule, err, sizeof err));
    }
    const uint8_t *blob = policy_builder_blob(builder, &size);
    FUZZ_CHECK(policy_load(blob, size, &policy, err, sizeof err));
    policy_builder_free(builder);
    sink_init(&whole);
    sink_init(&pieces);
    sink_silence();
    return 0;
}

/* ---- runs ---- */

static struct decode_run start(const struct decode_rules *rules, enum form form,
                               struct sink *sink)
{
    sink_clear(sink);
    return (struct decode_run){.out = sink->file,
                               .json = form == FORM_JSON,
                               .brief = form == FORM_BRIEF,
                               .rules = *rules};
}

static void finish(struct decode_stream *s, struct sink *sink)
{
    decode_stream_end(s);
    sink_read(sink);
    FUZZ_CHECK(!s->run->failed && s->n == 0);
}

static void print_whole(const struct decode_case *c, enum form form,
                        struct decode_run *run)
{
    *run = start(&c->rules, form, &whole);
    struct decode_stream s = {.run = run, .direction = c->direction};

    decode_stream_add(&s, c->octets, c->n);
    finish(&s, &whole);
    FUZZ_CHECK(s.offset == c->n);
}

/* Sizes of segments: small ones most of the time, from a number the input gives. */
static size_t next_cut(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    const uint32_t drawn = *state >> 16;

    return drawn % 4 == 0 ? 1 + drawn / 4 % 300 : 1 + drawn / 4 % 4;
}

/* cuts 0: octet by octet. */
static void check_pieces(const struct decode_case *c, enum form form, uint32_t cuts)
{
    struct decode_run run = start(&c->rules, form, &pieces);
    struct decode_stream s = {.run = &run, .direction = c->direction};

    for (size_t at = 0; at < c->n;) { /* at least one octet more each time */
        const size_t drawn = cuts == 0 ? 1 : next_cut(&cuts);
        const size_t some = drawn < c->n - at ? drawn : c->n - at;
        uint8_t *exact = fuzz_copy(c->octets + at, some);
        decode_stream_add(&s, exact, some);
        free(exact);
        at += some;
    }
    finish(&s, &pieces);
    FUZZ_CHECK(whole.n == pieces.n && memcmp(whole.text, pieces.text, whole.n) == 0);
}

/* The octets as hex digits say the same. */
static void check_hex(const struct decode_case *c, enum form form)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    struct decode_run run = start(&c->rules, form, &pieces);
    struct decode_stream s = {.run = &run, .direction = c->direction};
    char *hex = malloc(3 * c->n + 1), *at = hex;

    FUZZ_CHECK(hex != NULL);
    for (size_t i = 0; i < c->n; i++) {
        *at++ = digits[c->octets[i] >> 4];
        *at++ = digits[c->octets[i] & 15];
        if (c->octets[i] % 3 == 0)
            *at++ = ' ';
    }
    *at = '\0';
    FUZZ_CHECK(decode_hex_words(&s, &hex, 1) == (c->n > 0));
    finish(&s, &pieces);
    FUZZ_CHECK(whole.n == pieces.n && memcmp(whole.text, pieces.text, whole.n) == 0);
    free(hex);
}

/* The octets as what somebody pasted. */
static void try_words(const struct decode_case *c)
{
    struct decode_run run = start(&c->rules, FORM_BRIEF, &pieces);
    struct decode_stream s = {.run = &run, .direction = c->direction};
    char *text = malloc(c->n + 1);

    FUZZ_CHECK(text != NULL);
    memcpy(text, c->octets, c->n);
    text[c->n] = '\0';
    (void)decode_hex_words(&s, &text, 1);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decode_case c = {.octets = data + HEAD_SIZE, .n = size - HEAD_SIZE};
    struct decode_run json, words;

    if (size < HEAD_SIZE)
        return 0;
    c.direction = (enum decode_direction)(data[0] % 3);
    c.rules.policy = data[0] / 3 % 2 == 1 ? policy : NULL;
    fuzz_profile(data + 1, &c.rules.profile);
    const enum form form = (enum form)(data[0] / 6 % FORMS);
    const uint32_t cuts = fuzz_get32(data + CUTS_AT);

    print_whole(&c, FORM_JSON, &json);
    decode_check_json(&c, &json, whole.text, whole.n);
    if (form != FORM_JSON) {
        print_whole(&c, form, &words);
        decode_check_text(&json, &words, whole.text, whole.n);
        check_hex(&c, form);
    }
    check_pieces(&c, form, cuts);
    try_words(&c);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    struct profile profile;

    if (size < HEAD_SIZE || seed % 8 == 0)
        return LLVMFuzzerMutate(data, size, max);
    fuzz_profile(data + 1, &profile);
    return HEAD_SIZE + apdu_mutate_stream(data + HEAD_SIZE, size - HEAD_SIZE,
                                          max - HEAD_SIZE, &profile, seed / 8);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
                                 size_t b_size, uint8_t *out, size_t max,
                                 unsigned int seed)
{
    if (a_size < HEAD_SIZE || b_size < HEAD_SIZE || max <= HEAD_SIZE)
        return 0;
    memcpy(out, seed % 2 == 0 ? a : b, HEAD_SIZE);
    return HEAD_SIZE + apdu_cross_streams(a + HEAD_SIZE, a_size - HEAD_SIZE,
                                          b + HEAD_SIZE, b_size - HEAD_SIZE,
                                          out + HEAD_SIZE, max - HEAD_SIZE, seed / 2);
}
