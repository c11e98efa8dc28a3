#include "tests/lib/link_script.h"

#include "proxy/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS    7
#define LINKS    2
#define STEP_MAX 128

struct end {
    unsigned long in, out; /* I-frames taken from it, found in its output */
};

struct party {
    struct link *link;
    void *memory;
    struct end end[LINK_LEGS];
};

struct stage {
    struct party party[LINKS];
    struct party *on;
    const struct link_script *script;
    const char *step; /* for messages */
};

struct action {
    const char *word;
    void (*perform)(struct stage *stage, enum link_leg leg, char **word);
};

static void wrong(const struct stage *stage, const char *what)
{
    fail_msg("%s: step \"%s\": %s", stage->script->name, stage->step, what);
}

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
static size_t encode(const struct stage *stage, char **word, uint8_t out[APDU_SIZE_MAX])
{
    memset(out, 0, 6);
    out[0] = 0x68;
    out[1] = 4;
    if (word[1] == NULL)
        wrong(stage, "a word is missing");
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
    if (strcmp(word[0], "I") != 0 || word[2] == NULL || word[3] == NULL)
        wrong(stage, "a word is missing");
    number_to(out + 2, (unsigned int)strtoul(word[1], NULL, 10));
    number_to(out + 4, (unsigned int)strtoul(word[2], NULL, 10));
    uint8_t asdu[APDU_SIZE_MAX];
    size_t n = octets_of(word[3], asdu);
    assert_in_range(n, 1, 249);
    memcpy(out + 6, asdu, n);
    out[1] = (uint8_t)(4 + n);
    return 6 + n;
}

/* ---- what arrives and what leaves ---------------------------------------------------
 */

static void expect_closed(const struct stage *stage, enum reason reason)
{
    struct link *l = stage->on->link;
    struct link_frame frame;
    enum reason why;
    if (!link_is_closed(l, &why) || why != reason)
        wrong(stage, "not closed for that reason");
    for (int leg = 0; leg < LINK_LEGS; leg++)
        if (link_can_receive(l, (enum link_leg)leg) ||
            link_next(l, (enum link_leg)leg, &frame) ||
            link_held(l, (enum link_leg)leg, &frame))
            wrong(stage, "a leg goes on");
}

static void receive(struct stage *stage, enum link_leg leg, char **word)
{
    const char *expected = "ok";
    for (int i = 0; i < WORDS && word[i] != NULL; i++)
        if (word[i][0] == '!')
            expected = word[i] + 1;
    uint8_t apdu[APDU_SIZE_MAX];
    size_t n = encode(stage, word, apdu);
    bool over = link_is_closed(stage->on->link, NULL);
    struct verdict v = link_receive(stage->on->link, leg, apdu, n);
    if (strcmp(reason_name(v.reason), expected) != 0)
        wrong(stage, reason_name(v.reason));
    if (v.reason != REASON_OK && !over)
        expect_closed(stage, v.reason);
    else if (word[0][0] == 'I')
        stage->on->end[leg].in++;
}

static void expect_output(struct stage *stage, enum link_leg leg, char **word)
{
    const uint8_t *octets;
    size_t size;
    link_output(stage->on->link, leg, &octets, &size);
    if (strcmp(word[0], ".") == 0) {
        if (size != 0)
            wrong(stage, "there is output");
        return;
    }
    uint8_t apdu[APDU_SIZE_MAX];
    size_t n = encode(stage, word, apdu);
    if (size < n)
        wrong(stage, "output is missing");
    if (memcmp(octets, apdu, n) != 0) {
        char got[64];
        snprintf(got, sizeof(got), "got %02X%02X%02X%02X%02X%02X", octets[0], octets[1],
                 octets[2], octets[3], octets[4], octets[5]);
        wrong(stage, got);
    }
    link_output_consumed(stage->on->link, leg, n);
    if (word[0][0] == 'I')
        stage->on->end[leg].out++;
}

/* ---- what is decided, and what the relay says ---------------------------------------
 */

static void decide(struct stage *stage, enum link_leg leg, char **word)
{
    static const char *const verbs[] = {
        [LINK_FORWARD] = "forward",
        [LINK_HOLD] = "hold",
        [LINK_DROP] = "drop",
        [LINK_REFUSE] = "refuse",
    };
    struct link *l = stage->on->link;
    struct link_frame frame;
    if (!link_next(l, leg, &frame) && !link_held(l, leg, &frame))
        wrong(stage, "no frame to decide upon");
    struct link_decision d = {.ticket = frame.ticket};
    uint8_t reply[APDU_SIZE_MAX];
    for (int i = 0; i < 4; i++)
        if (strcmp(word[0], verbs[i]) == 0)
            d.verb = (enum link_verb)i;
    if (d.verb == LINK_REFUSE) {
        if (word[1] == NULL)
            wrong(stage, "a word is missing");
        d.reply = reply;
        d.reply_size = octets_of(word[1], reply);
    }
    if (!link_decide(l, leg, &d))
        wrong(stage, "decision not taken");
}

static void expect_frame(struct stage *stage, enum link_leg leg, char **word)
{
    struct link *l = stage->on->link;
    uint8_t asdu[APDU_SIZE_MAX];
    struct link_frame frame;
    if (word[1] == NULL)
        wrong(stage, "a word is missing");
    bool there =
        word[0][0] == 'o' ? link_next(l, leg, &frame) : link_held(l, leg, &frame);
    size_t n = octets_of(word[1], asdu);
    if (!there || frame.asdu_size != n || memcmp(frame.asdu, asdu, n) != 0)
        wrong(stage, "not that frame");
}

static void expect_idle(struct stage *stage, enum link_leg leg, char **word)
{
    struct link_frame frame;
    (void)word;
    if (link_next(stage->on->link, leg, &frame))
        wrong(stage, "a frame is offered");
}

static void expect_room(struct stage *stage, enum link_leg leg, char **word)
{
    if (link_can_receive(stage->on->link, leg) != (strcmp(word[0], "room") == 0))
        wrong(stage, "room is otherwise");
}

static void expect_figure(struct stage *stage, enum link_leg leg, char **word)
{
    struct link *l = stage->on->link;
    unsigned long is =
        strcmp(word[0], "open") == 0 ? link_unacknowledged(l, leg) : link_owed(l, leg);
    if (word[1] == NULL || is != strtoul(word[1], NULL, 10))
        wrong(stage, "another number");
}

static void expect_answer(struct stage *stage, enum link_leg leg, char **word)
{
    uint64_t last;
    bool open = link_reply_is_open(stage->on->link, leg, &last);
    if (open != (strcmp(word[0], "answering") == 0))
        wrong(stage, "it is otherwise");
}

static void perform(struct stage *stage, const char *text);

static void burst(struct stage *stage, enum link_leg leg, char **word)
{
    unsigned long n = word[1] != NULL ? strtoul(word[1], NULL, 10) : 0;
    const char *outer = stage->step;
    char text[STEP_MAX];
    for (unsigned long i = 0; i < n; i++) {
        snprintf(text, sizeof(text),
                 leg == LEG_MASTER ? "m I %lu 0 64; m forward; S I %lu 0 64"
                                   : "s I %lu 0 64; s forward; M I %lu 0 64",
                 i, i);
        perform(stage, text);
    }
    stage->step = outer;
}

static const struct action leg_actions[] = {
    {"I", receive},
    {"S", receive},
    {"U", receive},
    {"raw", receive},
    {"forward", decide},
    {"hold", decide},
    {"drop", decide},
    {"refuse", decide},
    {"offered", expect_frame},
    {"held", expect_frame},
    {"idle", expect_idle},
    {"room", expect_room},
    {"full", expect_room},
    {"open", expect_figure},
    {"owed", expect_figure},
    {"answering", expect_answer},
    {"answered", expect_answer},
    {"burst", burst},
};

static void leg_step(struct stage *stage, char **word)
{
    enum link_leg leg = strchr("mM", word[0][0]) != NULL ? LEG_MASTER : LEG_STATION;
    if (word[1] == NULL)
        wrong(stage, "a word is missing");
    if (strchr("MS", word[0][0]) != NULL) {
        expect_output(stage, leg, word + 1);
        return;
    }
    for (size_t i = 0; i < sizeof(leg_actions) / sizeof(leg_actions[0]); i++)
        if (strcmp(word[1], leg_actions[i].word) == 0) {
            leg_actions[i].perform(stage, leg, word + 1);
            return;
        }
    wrong(stage, "unknown step");
}

/* ---- the link as a whole ------------------------------------------------------------
 */

static void open_party(struct stage *stage, struct party *p)
{
    const struct link_config config = {.k = stage->script->k,
                                       .output_size = LINK_OUTPUT_MIN};
    size_t size = link_memory_size(&config);
    p->memory = malloc(size);
    p->link = link_init(&config, p->memory, size);
    assert_non_null(p->link);
}

static void start_step(struct stage *stage, char **word)
{
    (void)word;
    perform(stage, "m U 07; S U 07; s U 0B; M U 0B");
}

static void run_step(struct stage *stage, char **word)
{
    const struct end *m = &stage->on->end[LEG_MASTER];
    const struct end *s = &stage->on->end[LEG_STATION];
    unsigned long n = word[1] != NULL ? strtoul(word[1], NULL, 10) : 0;
    const char *outer = stage->step;
    char text[256];
    for (unsigned long i = 0; i < n; i++) {
        unsigned long a = m->in % 32768, b = m->out % 32768;
        unsigned long c = s->in % 32768, d = s->out % 32768;
        snprintf(text, sizeof(text),
                 "m I %lu %lu 64; m forward; S I %lu %lu 64;"
                 "s I %lu %lu 0102; s forward; M I %lu %lu 0102",
                 a, b, d, c, c, (d + 1) % 32768, b, (a + 1) % 32768);
        perform(stage, text);
    }
    snprintf(text, sizeof(text), "m S %lu; S S %lu", m->out % 32768, s->in % 32768);
    perform(stage, text);
    stage->step = outer;
}

static void close_step(struct stage *stage, char **word)
{
    (void)word;
    link_close(stage->on->link, REASON_OK);
}

static void state_step(struct stage *stage, char **word)
{
    if (link_is_started(stage->on->link) != (strcmp(word[0], "started") == 0))
        wrong(stage, "it is otherwise");
}

static void turn_step(struct stage *stage, char **word)
{
    stage->on = &stage->party[word[0][0] - 'a'];
}

static const struct {
    const char *word;
    void (*perform)(struct stage *stage, char **word);
} link_actions[] = {
    {"m", leg_step},       {"s", leg_step},         {"M", leg_step},
    {"S", leg_step},       {"start", start_step},   {"run", run_step},
    {"close", close_step}, {"started", state_step}, {"stopped", state_step},
    {"a", turn_step},      {"b", turn_step},
};

static void step(struct stage *stage, char *line)
{
    char copy[STEP_MAX];
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
    for (size_t i = 0; i < sizeof(link_actions) / sizeof(link_actions[0]); i++)
        if (strcmp(word[0], link_actions[i].word) == 0) {
            link_actions[i].perform(stage, word);
            return;
        }
    wrong(stage, "unknown step");
}

/* "start", "run" and "burst" come back here once; none is inside what they expand to. */
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

void link_script_run(const struct link_script *script)
{
    struct stage stage = {.script = script};
    for (int i = 0; i < LINKS; i++)
        open_party(&stage, &stage.party[i]);
    stage.on = &stage.party[0];
    perform(&stage, script->text);
    perform(&stage, "a; M .; S .; b; M .; S .");
    for (int i = 0; i < LINKS; i++)
        free(stage.party[i].memory);
}
