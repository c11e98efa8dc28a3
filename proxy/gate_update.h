/* New policies for a gate that works.  Part of gate.h. */
#ifndef GATE104_PROXY_GATE_UPDATE_H
#define GATE104_PROXY_GATE_UPDATE_H

#include "policy/policy.h"
#include "proxy/role_config.h"
#include "sandbox/collect.h"
#include "sandbox/loop.h"

enum gate_update_state {
    UPDATE_NONE,
    UPDATE_COMES,      /* octets are being collected, or are all there */
    UPDATE_COMPILES,   /* one policy after the other, in pieces */
    UPDATE_IS_WRITTEN, /* one record after the other */
    UPDATE_READY,      /* all is on disk: waits for the others' word */
};

struct gate_update {
    enum gate_update_state state;
    bool complete;   /* UPDATE_COMES: all octets are there */
    uint32_t number; /* as the monitor counts */
    struct collect collect;
    struct gate_config next;
    struct policy **policy; /* by place in config.route; NULL: the old one stays */
    struct policy_loading *loading;
    size_t at;        /* place that is compiled, or recorded, next */
    uint64_t *ticket; /* of the record of each place; 0: it has none */
    size_t acked;     /* those before it are on disk */
    struct loop_timer timer;
    /* The answer, while the channel has no room for it. */
    struct msg_policy_told answer;
    bool unsaid;
    struct loop_timer answer_timer;
};

#endif
