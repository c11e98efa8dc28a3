/* Every way to break the catalogue on one channel, made from messages.def; and a good
 * message of the types whose fields must mean something. */
#ifndef GATE104_TESTS_HOSTILE_MUTANT_H
#define GATE104_TESTS_HOSTILE_MUTANT_H

#include "sandbox/imsg.h"

#include <stdbool.h>
#include <stddef.h>

#define MUTANTS_MAX 1024

struct mutant {
    unsigned int type;
    size_t header_len; /* what the header claims */
    size_t len;
    char kinds[24]; /* descriptors that go with it (raw_packet.h) */
    bool repeated;  /* the message itself is good, but has been sent before */
    bool spoilt;    /* a good message but for one octet: */
    size_t offset;
    uint8_t octet;
    enum imsg_fault fault;
    char what[48];
    const char *todo;
};

/* What `from` may not send to `to` on a channel in `phase`.  Gives their number. */
size_t mutants_make(enum role from, enum role to, unsigned int phase,
                    struct mutant out[MUTANTS_MAX]);
bool mutant_send(int fd, const struct mutant *m);

/* A good message of a type, if this file knows one that can be sent at any time in its
 * phase and ends nothing. */
bool sample_exists(unsigned int type);
/* Its payload; gives the length. */
size_t sample_make(unsigned int type, uint8_t payload[IMSG_PAYLOAD_MAX]);
/* Sends it. */
bool sample_send(struct imsg_channel *ch, unsigned int type);
/* sample_recorded.c: samples about recorded APDUs. */
size_t sample_recorded(uint8_t *out);
size_t sample_recorded_ack(uint8_t *out);
/* sample_permit.c: samples about permits. */
size_t sample_permit(uint8_t *out);
size_t sample_permit_revoke(uint8_t *out);
/* sample_policy.c: one about new policies. */
size_t sample_policy_forget(uint8_t *out);
/* An octet that makes a good message a bad one for these receivers. */
struct spoiler {
    unsigned int type;
    unsigned int to; /* set of 1 << role */
    size_t offset;
    uint8_t octet;
    const char *what;
    const char *todo; /* the receiver is known not to notice, and why; else NULL */
};
extern const struct spoiler spoilers[];
extern const size_t spoilers_size;

/* The type of a good message from one role to the other in this phase: `wish` if there is
 * one of it, else any; 0 if there is none. */
unsigned int sample_for(enum role from, enum role to, unsigned int phase,
                        unsigned int wish);

/* Which phases a role takes messages of another in (set of PHASE_*). */
unsigned int phases_between(enum role from, enum role to);
const char *phase_name(unsigned int phase);

#endif
