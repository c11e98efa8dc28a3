/* What the master shall do, read from words into steps. */
#ifndef GATE104_SIM_SCRIPT_H
#define GATE104_SIM_SCRIPT_H

#include "tests/sim/element.h"
#include "tests/sim/options.h"

#define SIM_STEPS_MAX  2048u
#define SIM_PHASES_MAX 3u
#define SIM_STEP_TEXT  160u

enum sim_step_kind {
    STEP_COMMAND, /* an ASDU that is answered */
    STEP_RAW,     /* the same, given as octets */
    STEP_RAW_APDU,
    STEP_WAIT,
    STEP_IDLE,
    STEP_RECEIVE,
    STEP_EXPECT,
    STEP_START,
    STEP_STOP,
    STEP_TESTFR,
    STEP_DISCONNECT,
    STEP_ABORT,
};

enum sim_phase { PHASE_SELECT, PHASE_EXECUTE, PHASE_CANCEL };
enum sim_want { WANT_ANSWER, WANT_ACCEPTED, WANT_REFUSED };
enum sim_expect {
    EXPECT_CONFIRMATION,
    EXPECT_NEGATIVE,
    EXPECT_TERMINATION,
    EXPECT_CLOSED
};

struct sim_step {
    enum sim_step_kind kind;
    char text[SIM_STEP_TEXT]; /* the words it was made of */
    const struct sim_type *row;
    enum sim_phase phases[SIM_PHASES_MAX];
    unsigned int phases_n;
    uint32_t ioa;
    struct sim_value value;
    uint16_t ca;
    uint8_t oa;
    bool test;
    double age; /* seconds the time tag lies in the past */
    enum sim_want want;
    bool nowait;
    bool till_end; /* done with the termination, not with the confirmation */
    double seconds;
    uint32_t number;
    enum sim_expect expect;
    uint8_t raw[255];
    size_t raw_n;
};

struct sim_script {
    uint32_t n;
    struct sim_step steps[SIM_STEPS_MAX];
};

/* Reads o->script and then o->tokens.  False: the mistake was told on stderr. */
bool sim_script_read(struct sim_script *s, const struct sim_master_options *o);

#endif
