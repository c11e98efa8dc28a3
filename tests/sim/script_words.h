/* The vocabulary of the master's commands, as tables. */
#ifndef GATE104_SIM_SCRIPT_WORDS_H
#define GATE104_SIM_SCRIPT_WORDS_H

#include "tests/sim/script.h"

enum sim_args { ARGS_NONE, ARGS_IOA, ARGS_STATE, ARGS_NUMBER, ARGS_BITS };

struct sim_verb {
    const char *word;
    uint8_t type;
    enum sim_args args;
    uint8_t qualifier;
    uint32_t groups; /* "word:1".."word:groups" */
    bool till_end;
};

struct sim_setting {
    const char *word;
    double high; /* > 0: a number follows, at most this */
    bool (*apply)(struct sim_step *s, double n);
};

/* "gi", "gi:3", "single"; NULL when it is no command with an ASDU. */
const struct sim_verb *sim_verb_find(const char *word);
/* Puts the group in s->text ("gi:3") into the qualifier. */
bool sim_verb_group(struct sim_step *s, const struct sim_verb *verb);
/* "on", "higher", "2" as bits of SCO, DCO or RCO. */
bool sim_state_parse(uint8_t type, const char *word, uint32_t *bits);
/* "wait", "stop"... */
bool sim_step_kind_parse(const char *word, enum sim_step_kind *kind);
/* "select", "ca", "refused"... or NULL. */
const struct sim_setting *sim_setting_find(const char *word);
bool sim_setting_apply(struct sim_step *s, const struct sim_setting *setting, double n);

#endif
