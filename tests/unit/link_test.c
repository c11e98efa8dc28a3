/* The relay's rules, one script each.
 *
 * A script is a list of steps separated by ';'.  Small m and s are what arrives from the
 * master's and the station's leg or what the driver decides about that leg's head; big M
 * and S are the next APDU that must stand, octet for octet, in that leg's output.
 *
 *   m I ns nr asdu   m S nr   m U function   m raw octets     ... each with "!reason"
 *   m forward   m hold   m drop   m refuse asdu
 *   m offered asdu   m idle   m held asdu   m room   m full
 *   M I ns nr asdu   M S nr   M U function   M .      (. nothing is there)
 *   start   the STARTDT handshake        run n   n frames each way, acknowledged
 *   close   the driver closes without a fault
 *
 * Octets are hexadecimal, "AA*249" repeats.  A script ends with both outputs empty. */
#include "proxy/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS 7
#define START "start;"

struct script {
    const char *name;
    uint16_t k;
    const char *text;
};

struct stage {
    struct link *link;
    const struct script *script;
    const char *step; /* for messages */
};

/* ---- octets, written apart from policy/apci.c -------------------------------------- */

static size_t octets_of(const char *hex, uint8_t out[APDU_SIZE_MAX])
{
    size_t n = 0;
    const char *star = strchr(hex, '*');
    size_t digits = star != NULL ? (size_t)(star - hex) : strlen(hex);
    size_t times = star != NULL ? strtoul(star + 1, NULL, 10) : 1;
    for (size_t t = 0; t < times; t++)
        for (size_t i = 0; i + 1 < digits; i += 2) {
            const char pair[3] = {hex[i], hex[i + 1], 0};
            assert_true(n < APDU_SIZE_MAX);
            out[n++] = (uint8_t)strtoul(pair, NULL, 16);
        }
    return n;
}

static void number_to(uint8_t out[2], unsigned int n)
{
    out[0] = (uint8_t)(n % 128 * 2);
    out[1] = (uint8_t)(n / 128);
}

/* Words from the format letter on. */
static size_t encode(char **word, uint8_t out[APDU_SIZE_MAX])
{
    memset(out, 0, 6);
    out[0] = 0x68;
    out[1] = 4;
    if (strcmp(word[0], "raw") == 0)
        return octets_of(word[1], out);
    if (strcmp(word[0], "U") == 0) {
        out[2] = (uint8_t)strtoul(word[1], NULL, 16);
        return 6;
    }
    if (strcmp(word[0], "S") == 0) {
        out[2] = 1;
        number_to(out + 4, (unsigned int)strtoul(word[1], NULL, 10));
        return 6;
    }
    number_to(out + 2, (unsigned int)strtoul(word[1], NULL, 10));
    number_to(out + 4, (unsigned int)strtoul(word[2], NULL, 10));
    uint8_t asdu[APDU_SIZE_MAX];
    size_t n = octets_of(word[3], asdu);
    assert_in_range(n, 1, 249);
    memcpy(out + 6, asdu, n);
    out[1] = (uint8_t)(4 + n);
    return 6 + n;
}

/* ---- steps ------------------------------------------------------------------------- */

static void wrong(const struct stage *stage, const char *what)
{
    fail_msg("%s: step \"%s\": %s", stage->script->name, stage->step, what);
}

static void receive(const struct stage *stage, enum link_leg leg, char **word)
{
    const char *expected = "ok";
    for (int i = 0; i < WORDS && word[i] != NULL; i++)
        if (word[i][0] == '!')
            expected = word[i] + 1;
    uint8_t apdu[APDU_SIZE_MAX];
    size_t n = encode(word, apdu);
    struct verdict v = link_receive(stage->link, leg, apdu, n);
    if (strcmp(reason_name(v.reason), expected) != 0)
        wrong(stage, reason_name(v.reason));
}

static void expect_output(const struct stage *stage, enum link_leg leg, char **word)
{
    const uint8_t *octets;
    size_t size;
    link_output(stage->link, leg, &octets, &size);
    if (strcmp(word[0], ".") == 0) {
        if (size != 0)
            wrong(stage, "there is output");
        return;
    }
    uint8_t apdu[APDU_SIZE_MAX];
    size_t n = encode(word, apdu);
    if (size < n)
        wrong(stage, "output is missing");
    if (memcmp(octets, apdu, n) != 0) {
        char got[64];
        snprintf(got, sizeof(got), "got %02X%02X%02X%02X%02X%02X", octets[0], octets[1],
                 octets[2], octets[3], octets[4], octets[5]);
        wrong(stage, got);
    }
    link_output_consumed(stage->link, leg, n);
}

static void expect_frame(const struct stage *stage, bool there,
                         const struct link_frame *frame, const char *hex)
{
    uint8_t asdu[APDU_SIZE_MAX];
    size_t n = octets_of(hex, asdu);
    if (!there || frame->asdu_size != n || memcmp(frame->asdu, asdu, n) != 0)
        wrong(stage, "not that frame");
}

static void decide(const struct stage *stage, enum link_leg leg, char **word)
{
    static const char *const verbs[] = {
        [LINK_FORWARD] = "forward",
        [LINK_HOLD] = "hold",
        [LINK_DROP] = "drop",
        [LINK_REFUSE] = "refuse",
    };
    struct link_frame frame;
    if (!link_next(stage->link, leg, &frame) && !link_held(stage->link, leg, &frame))
        wrong(stage, "no frame to decide upon");
    struct link_decision d = {.ticket = frame.ticket};
    uint8_t reply[APDU_SIZE_MAX];
    for (int i = 0; i < 4; i++)
        if (strcmp(word[0], verbs[i]) == 0) {
            d.verb = (enum link_verb)i;
            if (d.verb == LINK_REFUSE) {
                d.reply = reply;
                d.reply_size = octets_of(word[1], reply);
            }
            if (!link_decide(stage->link, leg, &d))
                wrong(stage, "decision not taken");
            return;
        }
    wrong(stage, "unknown step");
}

static void leg_step(const struct stage *stage, enum link_leg leg, char **word)
{
    struct link_frame frame;
    if (strchr("ISUr", word[0][0]) != NULL && strcmp(word[0], "refuse") != 0 &&
        strcmp(word[0], "room") != 0) {
        receive(stage, leg, word);
    } else if (strcmp(word[0], "idle") == 0) {
        if (link_next(stage->link, leg, &frame))
            wrong(stage, "a frame is offered");
    } else if (strcmp(word[0], "offered") == 0) {
        bool there = link_next(stage->link, leg, &frame);
        expect_frame(stage, there, &frame, word[1]);
    } else if (strcmp(word[0], "held") == 0) {
        bool there = link_held(stage->link, leg, &frame);
        expect_frame(stage, there, &frame, word[1]);
    } else if (strcmp(word[0], "room") == 0 || strcmp(word[0], "full") == 0) {
        if (link_can_receive(stage->link, leg) != (word[0][0] == 'r'))
            wrong(stage, "room is otherwise");
    } else {
        decide(stage, leg, word);
    }
}

static void perform(struct stage *stage, const char *text);

static void run_step(struct stage *stage, unsigned long n)
{
    const char *outer = stage->step;
    for (unsigned long i = 0; i < n; i++) {
        char text[256];
        unsigned int at = (unsigned int)(i % 32768);
        unsigned int next = (at + 1) % 32768;
        snprintf(text, sizeof(text),
                 "m I %u %u 64; m forward; S I %u %u 64;"
                 "s I %u %u 0102; s forward; M I %u %u 0102",
                 at, at, at, at, at, next, at, next);
        perform(stage, text);
    }
    char text[64];
    snprintf(text, sizeof(text), "m S %lu; S S %lu", n % 32768, n % 32768);
    perform(stage, text);
    stage->step = outer;
}

static void step(struct stage *stage, char *line)
{
    char copy[128];
    snprintf(copy, sizeof(copy), "%s", line);
    stage->step = copy;
    char *word[WORDS + 1] = {NULL};
    char *rest = NULL;
    int words = 0;
    for (char *w = strtok_r(line, " ", &rest); w != NULL && words < WORDS;
         w = strtok_r(NULL, " ", &rest))
        word[words++] = w;
    if (words == 0)
        return;
    if (strcmp(word[0], "start") == 0)
        perform(stage, "m U 07; S U 07; s U 0B; M U 0B");
    else if (strcmp(word[0], "run") == 0)
        run_step(stage, strtoul(word[1], NULL, 10));
    else if (strcmp(word[0], "close") == 0)
        link_close(stage->link, REASON_OK);
    else if (words < 2)
        wrong(stage, "unknown step");
    else if (word[0][0] == 'M' || word[0][0] == 'S')
        expect_output(stage, word[0][0] == 'M' ? LEG_MASTER : LEG_STATION, word + 1);
    else
        leg_step(stage, word[0][0] == 'm' ? LEG_MASTER : LEG_STATION, word + 1);
}

/* "start" and "run" come back here once; neither is inside what they expand to. */
static void perform(struct stage *stage, const char *text)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    char *rest = NULL;
    for (char *line = strtok_r(copy, ";", &rest); line != NULL;
         line = strtok_r(NULL, ";", &rest))
        step(stage, line);
    free(copy);
}

static void test_script(void **state)
{
    const struct script *script = *state;
    const struct link_config config = {.k = script->k, .output_size = LINK_OUTPUT_MIN};
    size_t size = link_memory_size(&config);
    void *memory = malloc(size);
    struct stage stage = {.link = link_init(&config, memory, size), .script = script};
    assert_non_null(stage.link);
    perform(&stage, script->text);
    perform(&stage, "M .; S .");
    free(memory);
}

static const struct script scripts[] = {
#include "tests/unit/link_scripts.def"
};
#define SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

int main(void)
{
    static struct CMUnitTest tests[SCRIPTS];
    for (size_t i = 0; i < SCRIPTS; i++) {
        tests[i].name = scripts[i].name;
        tests[i].test_func = test_script;
        tests[i].initial_state = (void *)(uintptr_t)&scripts[i];
    }
    return _cmocka_run_group_tests("link", tests, SCRIPTS, NULL, NULL);
}
