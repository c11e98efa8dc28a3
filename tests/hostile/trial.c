#include "tests/hostile/trial.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool complain(const char *what)
{
    (void)printf("# %s\n", what);
    return false;
}

/* The line for the operator names the fault; before the loop there is no such line. */
static bool note_fits(const struct stage *s, unsigned int phase, const struct mutant *m)
{
    char want[128];

    if (phase == PHASE_INIT)
        return s->note[0] != '\0' || complain("it ended without a word");
    (void)snprintf(want, sizeof want,
                   "the monitor broke the message catalogue: %s "
                   "(message %u)",
                   imsg_fault_name(m->fault), m->type);
    if (strcmp(s->note, want) == 0)
        return true;
    (void)printf("# expected: %s\n# said:     %s\n", want, s->note);
    return false;
}

bool trial_control(struct stage *s, unsigned int phase, const struct mutant *m)
{
    struct msg_cfg_begin begin = {.size = 100000};
    bool good = stage_begin(s, phase);

    /* What may come first in its phase does, so that it is not the order that is wrong.
     */
    if (good && phase == PHASE_INIT && (m->type != MSG_CFG_BEGIN || m->repeated))
        good = imsg_send(&s->control, MSG_CFG_BEGIN, &begin, sizeof begin, NULL, 0) ==
               IMSG_OK;
    good =
        good && mutant_send(s->control.fd, m) && stage_ended(s) && note_fits(s, phase, m);
    stage_end(s);
    return good;
}

bool trial_violation(struct stage *s, enum role from, uint32_t id, const struct mutant *m)
{
    struct msg_violation v;
    struct imsg got;

    if (!stage_await(s, &s->control, MSG_VIOLATION, &got))
        return false;
    imsg_get(&got, &v, sizeof v);
    if (v.role == from && v.id == id && v.type == m->type && v.fault == m->fault)
        return true;
    (void)printf("# expected: %s-%u, message %u, %s\n# told:     %s-%u, message %u, %s\n",
                 role_name(from), id, m->type, imsg_fault_name(m->fault),
                 role_name(v.role), v.id, v.type, imsg_fault_name(v.fault));
    return false;
}

bool trial_channel(struct stage *s, enum role from, uint32_t id, const struct mutant *m)
{
    unsigned int first = sample_for(from, s->role, PHASE_RUN, m->type);
    struct imsg_channel ours = {.fd = -1};
    bool good = stage_channel(s, from, id, &ours);

    if (good && first != 0 && !sample_send(&ours, first))
        good = complain("a good message cannot be sent");
    good = good && mutant_send(ours.fd, m);
    /* A worker listens to its signer while it waits for a signature. */
    if (good && s->role == ROLE_TLS && from == ROLE_SIGNER)
        good = session_ask_signer(s);
    good = good && trial_violation(s, from, id, m);
    good = good && stage_await_end(s, &ours);
    if (!stage_is_alive(s))
        good = complain("the role is gone");
    imsg_channel_close(&ours);
    return good;
}
