/* The command line of gate104-sim as structs. */
#ifndef GATE104_SIM_OPTIONS_H
#define GATE104_SIM_OPTIONS_H

#include "tests/sim/link.h"
#include "tests/sim/print.h"
#include "tests/sim/tls_io.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_TOKENS_MAX 8192u

struct sim_rtu_options {
    const char *listen;
    uint32_t ca;
    struct sim_link_params link;
    double rate;
    uint32_t count, points, seed;
    uint32_t select_timeout, max_delay; /* seconds; max_delay 0 means any age */
    const char *event_types;
    const char *replay, *replay_list;
    double replay_speed;
    uint32_t replay_port;
    bool per_packet;
    bool once, one_started;
    const char *port_file;
    bool batch;
    struct sim_tls_options tls;
    struct sim_print print;
};

struct sim_master_options {
    const char *connect;
    const char *script;
    uint32_t ca, oa;
    struct sim_link_params link;
    uint32_t timeout;
    uint32_t count;
    double rate;
    bool record_reader, batch, no_start, expect_refused, expect_accepted;
    const char *dump_asdus;
    const char *attack; /* name; its words are the script */
    struct sim_tls_options tls;
    struct sim_print print;
    const char *tokens[SIM_TOKENS_MAX]; /* the command words, in order */
    uint32_t tokens_n;
};

/* Read argv[0..argc), which begins behind the word "rtu" or "master".  False: a usage
 * error was told on stderr.  Strings point into argv. */
bool sim_options_rtu(struct sim_rtu_options *o, int argc, char **argv);
bool sim_options_master(struct sim_master_options *o, int argc, char **argv);

#endif
