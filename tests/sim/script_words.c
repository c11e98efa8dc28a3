#include "tests/sim/script_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct sim_verb VERBS[] = {
    {"single", 45, ARGS_STATE, 0, 0, false},
    {"double", 46, ARGS_STATE, 0, 0, false},
    {"step", 47, ARGS_STATE, 0, 0, false},
    {"setpoint-normalized", 48, ARGS_NUMBER, 0, 0, false},
    {"setpoint-scaled", 49, ARGS_NUMBER, 0, 0, false},
    {"setpoint-float", 50, ARGS_NUMBER, 0, 0, false},
    {"bitstring", 51, ARGS_BITS, 0, 0, false},
    {"gi", 100, ARGS_NONE, 20, 16, true},
    {"ci", 101, ARGS_NONE, 5, 4, true},
    {"read", 102, ARGS_IOA, 0, 0, false},
    {"clock", 103, ARGS_NONE, 0, 0, false},
    {"reset", 105, ARGS_NONE, 1, 2, false},
    {"test", 107, ARGS_NONE, 0, 0, false},
    {"parameter-normalized", 110, ARGS_NUMBER, 1, 0, false},
    {"parameter-scaled", 111, ARGS_NUMBER, 1, 0, false},
    {"parameter-float", 112, ARGS_NUMBER, 1, 0, false},
    {"parameter-activate", 113, ARGS_IOA, 3, 0, false},
};

const struct sim_verb *sim_verb_find(const char *word)
{
    size_t n = strcspn(word, ":");

    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++)
        if (strlen(VERBS[i].word) == n && strncmp(VERBS[i].word, word, n) == 0)
            return &VERBS[i];
    return NULL;
}

bool sim_verb_group(struct sim_step *s, const struct sim_verb *verb)
{
    const char *colon = strchr(s->text, ':');
    char *end;
    unsigned long group;

    if (colon == NULL)
        return true;
    group = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || group < 1 || group > verb->groups)
        return false;
    s->value.qualifier = (uint8_t)(verb->type == 100 ? 20u + group : group);
    return true;
}

bool sim_state_parse(uint8_t type, const char *word, uint32_t *bits)
{
    static const struct {
        const char *word;
        uint8_t single, twofold, step; /* 0xFF: not for this command */
    } STATES[] = {
        {"off", 0, 1, 0xFF},      {"on", 1, 2, 0xFF},
        {"lower", 0xFF, 0xFF, 1}, {"higher", 0xFF, 0xFF, 2},
        {"down", 0xFF, 0xFF, 1},  {"up", 0xFF, 0xFF, 2},
        {"0", 0, 0, 0},           {"1", 1, 1, 1},
        {"2", 0xFF, 2, 2},        {"3", 0xFF, 3, 3},
    };

    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++) {
        if (strcmp(STATES[i].word, word) != 0)
            continue;
        *bits = type == 45   ? STATES[i].single
                : type == 46 ? STATES[i].twofold
                             : STATES[i].step;
        return *bits != 0xFF;
    }
    return false;
}

bool sim_step_kind_parse(const char *word, enum sim_step_kind *kind)
{
    static const struct {
        const char *word;
        enum sim_step_kind kind;
    } KINDS[] = {
        {"raw", STEP_RAW},         {"raw-apdu", STEP_RAW_APDU},
        {"wait", STEP_WAIT},       {"idle", STEP_IDLE},
        {"receive", STEP_RECEIVE}, {"expect", STEP_EXPECT},
        {"start", STEP_START},     {"stop", STEP_STOP},
        {"testfr", STEP_TESTFR},   {"disconnect", STEP_DISCONNECT},
        {"abort", STEP_ABORT},
    };

    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (strcmp(KINDS[i].word, word) != 0)
            continue;
        *kind = KINDS[i].kind;
        return true;
    }
    return false;
}

static bool add_phase(struct sim_step *s, enum sim_phase phase)
{
    if (s->phases_n == SIM_PHASES_MAX || s->kind != STEP_COMMAND)
        return false;
    s->phases[s->phases_n++] = phase;
    return true;
}

static bool set_select(struct sim_step *s, double n)
{
    (void)n;
    return s->row != NULL && s->row->id >= 45 && s->row->id <= 63 && s->row->id != 51 &&
           add_phase(s, PHASE_SELECT);
}

static bool set_execute(struct sim_step *s, double n)
{
    (void)n;
    return add_phase(s, PHASE_EXECUTE);
}

static bool set_cancel(struct sim_step *s, double n)
{
    (void)n;
    s->till_end = false;
    return add_phase(s, PHASE_CANCEL);
}

static bool set_refused(struct sim_step *s, double n)
{
    (void)n;
    s->want = WANT_REFUSED;
    return s->kind == STEP_COMMAND || s->kind == STEP_RAW;
}

static bool set_accepted(struct sim_step *s, double n)
{
    (void)n;
    s->want = WANT_ACCEPTED;
    return s->kind == STEP_COMMAND || s->kind == STEP_RAW;
}

static bool set_timed(struct sim_step *s, double n)
{
    (void)n;
    if (s->row == NULL || s->row->id < 45 || s->row->id > 51)
        return false;
    s->row = sim_type_find(s->row->id + 13u);
    return true;
}

static bool set_age(struct sim_step *s, double n)
{
    s->age = n;
    return s->row != NULL && sim_type_has(s->row, PART_CP56);
}

static bool set_qualifier(struct sim_step *s, double n)
{
    s->value.qualifier = (uint8_t)fabs(n);
    return s->kind == STEP_COMMAND && n >= 0;
}

static bool set_ca(struct sim_step *s, double n)
{
    s->ca = (uint16_t)fabs(n);
    return s->kind == STEP_COMMAND && n >= 0;
}

static bool set_oa(struct sim_step *s, double n)
{
    s->oa = (uint8_t)fabs(n);
    return s->kind == STEP_COMMAND && n >= 0;
}

static bool set_test_bit(struct sim_step *s, double n)
{
    (void)n;
    s->test = true;
    return s->kind == STEP_COMMAND;
}

static bool set_nowait(struct sim_step *s, double n)
{
    (void)n;
    s->nowait = true;
    return s->kind == STEP_COMMAND || s->kind == STEP_RAW;
}

static bool freeze(struct sim_step *s, unsigned int action)
{
    s->value.qualifier = (uint8_t)((s->value.qualifier & 0x3Fu) | action << 6);
    return s->row != NULL && s->row->id == 101;
}

static bool set_freeze(struct sim_step *s, double n)
{
    (void)n;
    return freeze(s, 1);
}

static bool set_freeze_reset(struct sim_step *s, double n)
{
    (void)n;
    return freeze(s, 2);
}

static bool set_reset_counters(struct sim_step *s, double n)
{
    (void)n;
    return freeze(s, 3);
}

static const struct sim_setting SETTINGS[] = {
    {"select", 0, set_select},
    {"execute", 0, set_execute},
    {"cancel", 0, set_cancel},
    {"refused", 0, set_refused},
    {"accepted", 0, set_accepted},
    {"timed", 0, set_timed},
    {"age", 1e9, set_age},
    {"qu", 31, set_qualifier},
    {"ql", 127, set_qualifier},
    {"qualifier", 255, set_qualifier},
    {"ca", 65535, set_ca},
    {"oa", 255, set_oa},
    {"test-bit", 0, set_test_bit},
    {"nowait", 0, set_nowait},
    {"freeze", 0, set_freeze},
    {"freeze-reset", 0, set_freeze_reset},
    {"reset-counters", 0, set_reset_counters},
};

const struct sim_setting *sim_setting_find(const char *word)
{
    for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0]; i++)
        if (strcmp(SETTINGS[i].word, word) == 0)
            return &SETTINGS[i];
    return NULL;
}

bool sim_setting_apply(struct sim_step *s, const struct sim_setting *setting, double n)
{
    return setting->apply(s, n);
}
