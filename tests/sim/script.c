#include "tests/sim/script.h"

#include "tests/sim/attack.h"
#include "tests/sim/script_words.h"
#include "tests/sim/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_SIZE (1024u * 1024u)

static char pool[POOL_SIZE];

struct words {
    const char *w[SIM_TOKENS_MAX];
    uint32_t n;
    size_t pool_n;
};

/* Cuts text at blanks; "#" begins a comment that ends with the line. */
static bool add_words(struct words *words, const char *text)
{
    bool comment = false, inside = false;

    for (; *text != '\0'; text++) {
        bool blank = strchr(" \t\r\n", *text) != NULL;

        if (*text == '\n')
            comment = false;
        else if (*text == '#' && !inside)
            comment = true;
        if (blank || comment) {
            inside = false;
            continue;
        }
        if (words->pool_n + 2 > sizeof pool || (!inside && words->n == SIM_TOKENS_MAX)) {
            sim_print_error("the script is too long");
            return false;
        }
        if (!inside)
            words->w[words->n++] = pool + ++words->pool_n;
        inside = true;
        pool[words->pool_n++] = *text;
        pool[words->pool_n] = '\0';
    }
    return true;
}

static bool add_file(struct words *words, const char *path)
{
    char line[4096];
    FILE *f = fopen(path, "r");
    bool ok = true;

    if (f == NULL) {
        sim_print_error("%s: %s", path, strerror(errno));
        return false;
    }
    while (ok && fgets(line, sizeof line, f) != NULL)
        ok = add_words(words, line);
    fclose(f);
    return ok;
}

static void add_text(struct sim_step *s, const char *word)
{
    size_t n = strlen(s->text);

    snprintf(s->text + n, sizeof s->text - n, "%s%s", n > 0 ? " " : "", word);
}

/* The next word, or NULL with a complaint when there is none. */
static const char *need(const struct words *words, uint32_t *at, struct sim_step *s,
                        const char *what)
{
    if (*at >= words->n) {
        sim_print_error("%s: %s is missing", s->text, what);
        return NULL;
    }
    add_text(s, words->w[*at]);
    return words->w[(*at)++];
}

static bool need_number(const struct words *words, uint32_t *at, struct sim_step *s,
                        const char *what, double low, double high, double *out)
{
    const char *word = need(words, at, s, what);
    char *end = NULL;

    if (word == NULL)
        return false;
    *out = strtod(word, &end);
    if (end != word && *end == '\0' && (isnan(*out) || (*out >= low && *out <= high)))
        return true;
    sim_print_error("%s: %s must be a number from %.10g to %.10g", s->text, what, low,
                    high);
    return false;
}

static bool need_whole(const struct words *words, uint32_t *at, struct sim_step *s,
                       const char *what, double high, uint32_t *out)
{
    double n;

    if (!need_number(words, at, s, what, 0, high, &n))
        return false;
    *out = isnan(n) ? 0 : (uint32_t)n;
    return true;
}

static bool need_value(const struct words *words, uint32_t *at, struct sim_step *s,
                       const struct sim_verb *verb)
{
    const char *word;

    if (verb->args == ARGS_NUMBER)
        return need_number(words, at, s, "value", -HUGE_VAL, HUGE_VAL, &s->value.number);
    if (verb->args == ARGS_BITS)
        return need_whole(words, at, s, "value", 4294967295.0, &s->value.bits);
    if (verb->args == ARGS_NONE || verb->args == ARGS_IOA)
        return true;
    word = need(words, at, s, "state");
    if (word == NULL)
        return false;
    if (sim_state_parse(verb->type, word, &s->value.bits))
        return true;
    sim_print_error("%s: %s is no state of this command", s->text, word);
    return false;
}

static bool is_setting(const struct words *words, uint32_t at)
{
    return at < words->n && sim_setting_find(words->w[at]) != NULL;
}

static bool apply_setting(const struct words *words, uint32_t *at, struct sim_step *s)
{
    const struct sim_setting *setting = sim_setting_find(words->w[*at]);
    double n = 0;

    add_text(s, words->w[(*at)++]);
    if (setting->high > 0 &&
        !need_number(words, at, s, setting->word, -setting->high, setting->high, &n))
        return false;
    if (sim_setting_apply(s, setting, n))
        return true;
    sim_print_error("%s: %s does not fit here", s->text, setting->word);
    return false;
}

static bool read_command(const struct words *words, uint32_t *at, struct sim_step *s,
                         const struct sim_verb *verb)
{
    s->kind = STEP_COMMAND;
    s->row = sim_type_find(verb->type);
    s->value.qualifier = verb->qualifier;
    s->till_end = verb->till_end;
    if (!sim_verb_group(s, verb)) {
        sim_print_error("%s: no such group", s->text);
        return false;
    }
    if (verb->args != ARGS_NONE &&
        !need_whole(words, at, s, "address", 16777215, &s->ioa))
        return false;
    return need_value(words, at, s, verb);
}

static bool read_hex(const struct words *words, uint32_t *at, struct sim_step *s,
                     size_t max)
{
    const char *word = need(words, at, s, "hex octets");
    int n = word != NULL ? sim_hex_parse(word, s->raw, max) : -1;

    if (word != NULL && n <= 0)
        sim_print_error("%s: 1 to %zu octets in hex are needed", s->text, max);
    s->raw_n = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static bool read_expect(const struct words *words, uint32_t *at, struct sim_step *s)
{
    static const char *const NAMES[] = {"confirmation", "negative", "termination",
                                        "closed"};
    const char *word = need(words, at, s, "what to expect");

    for (unsigned int i = 0; word != NULL && i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(word, NAMES[i]) != 0)
            continue;
        s->expect = (enum sim_expect)i;
        return true;
    }
    if (word != NULL)
        sim_print_error("%s: confirmation, negative, termination or closed", s->text);
    return false;
}

static bool read_other(const struct words *words, uint32_t *at, struct sim_step *s)
{
    if (!sim_step_kind_parse(s->text, &s->kind)) {
        sim_print_error("%s: no such command", s->text);
        return false;
    }
    switch ((int)s->kind) {
    case STEP_WAIT:
    case STEP_IDLE: return need_number(words, at, s, "seconds", 0, 86400, &s->seconds);
    case STEP_RECEIVE:
        return need_whole(words, at, s, "number", 4294967295.0, &s->number);
    case STEP_RAW: return read_hex(words, at, s, SIM_ASDU_MAX);
    case STEP_RAW_APDU: return read_hex(words, at, s, sizeof s->raw);
    case STEP_EXPECT: return read_expect(words, at, s);
    }
    return true;
}

static bool read_step(const struct words *words, uint32_t *at, struct sim_step *s,
                      const struct sim_master_options *o)
{
    const struct sim_verb *verb = sim_verb_find(words->w[*at]);
    bool ok;

    memset(s, 0, sizeof *s);
    s->ca = (uint16_t)o->ca;
    s->oa = (uint8_t)o->oa;
    s->want = o->expect_refused    ? WANT_REFUSED
              : o->expect_accepted ? WANT_ACCEPTED
                                   : WANT_ANSWER;
    add_text(s, words->w[(*at)++]);
    ok = verb != NULL ? read_command(words, at, s, verb) : read_other(words, at, s);
    for (uint32_t i = 0; ok && i < 16 && is_setting(words, *at); i++)
        ok = apply_setting(words, at, s);
    if (s->phases_n == 0)
        s->phases[s->phases_n++] = PHASE_EXECUTE;
    return ok;
}

bool sim_script_read(struct sim_script *s, const struct sim_master_options *o)
{
    static struct words words;
    const struct sim_attack *attack =
        o->attack != NULL ? sim_attack_find(o->attack) : NULL;
    uint32_t at = 0;
    bool ok = o->script == NULL || add_file(&words, o->script);

    if (ok && attack != NULL) {
        const char *text = sim_attack_words(attack);
        ok = text != NULL && add_words(&words, text);
    }
    for (uint32_t i = 0; ok && i < o->tokens_n; i++)
        ok = add_words(&words, o->tokens[i]);
    s->n = 0;
    while (ok && at < words.n) {
        if (s->n == SIM_STEPS_MAX) {
            sim_print_error("more than %u steps", SIM_STEPS_MAX);
            return false;
        }
        ok = read_step(&words, &at, &s->steps[s->n++], o);
    }
    return ok;
}
