/* Plays the monitor and every neighbour of one role, and breaks the message catalogue in
 * every way that messages.def lets one think of, against the real program.  Prints TAP.
 *
 *   ipc_hostile BUILD DIR ROLE
 *
 * BUILD holds the programs, DIR a lab PKI (and later logs). */
#include "tests/hostile/trial.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* For what is known not to come. */
#define IMPATIENT_MS 1000

static struct mutant mutants[MUTANTS_MAX];
static unsigned int tests;
static unsigned int failed;

/* `todo`: why a failure is no surprise; else NULL. */
__attribute__((format(printf, 3, 4))) static void verdict(bool good, const char *todo,
                                                          const char *fmt, ...)
{
    va_list ap;

    (void)printf("%s %u - ", good ? "ok" : "not ok", ++tests);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)printf("%s%s\n", todo ? " # TODO " : "", todo ? todo : "");
    (void)fflush(stdout);
    failed += !good && !todo;
}

static void report(bool good, const struct stage *s, enum role from, unsigned int phase,
                   const struct mutant *m)
{
    verdict(good, m->todo, "%s <- %s, %s: %s (%u) %s: %s", role_name(s->role),
            role_name(from), phase_name(phase), imsg_name(m->type), m->type, m->what,
            imsg_fault_name(m->fault));
}

/* ---- by kind of channel ---- */

static void control(struct stage *s, unsigned int phase, size_t count)
{
    for (size_t i = 0; i < count; i++)
        report(trial_control(s, phase, &mutants[i]), s, ROLE_MONITOR, phase, &mutants[i]);
}

/* The role starts, takes STOP and ends: what the others are measured against. */
static void control_good(struct stage *s)
{
    bool good = stage_begin(s, PHASE_RUN) &&
                imsg_send(&s->control, MSG_STOP, NULL, 0, NULL, 0) == IMSG_OK &&
                stage_ended(s) && s->note[0] == '\0';

    stage_end(s);
    verdict(good, NULL, "%s starts and stops without a word", role_name(s->role));
}

/* A gate asks for an acknowledgement of its own accord only after its log failed: lets it
 * fail, by an offence, and gives it another. */
static bool prime(struct stage *s, enum role from)
{
    struct imsg_channel ours;
    struct imsg got;
    bool good;

    if (s->role != ROLE_GATE || from != ROLE_AUDIT)
        return true;
    if (!stage_channel(s, from, 0, &ours))
        return false;
    good = mutant_send(ours.fd, &mutants[0]) && stage_await_end(s, &ours) &&
           stage_await(s, &s->control, MSG_VIOLATION, &got);
    imsg_channel_close(&ours);
    if (!good || !stage_channel(s, from, 0, &ours))
        return false;
    good = stage_await(s, &ours, MSG_RECORD, &got);
    imsg_channel_close(&ours);
    return good;
}

/* Where it matters which process it is, all are the one that the role was told of. */
static uint32_t number_of(const struct stage *s, enum role from, size_t i)
{
    const bool matters =
        from == ROLE_SIGNER || (s->role == ROLE_AUDIT && from == ROLE_GATE);

    return matters ? 0 : (uint32_t)i;
}

static void channels(struct stage *s, enum role from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool good = stage_is_alive(s);

        if (!good) {
            stage_end(s);
            good = stage_begin(s, PHASE_RUN) && prime(s, from);
        }
        s->wait_ms = mutants[i].todo ? IMPATIENT_MS : 0;
        good = good && trial_channel(s, from, number_of(s, from, i), &mutants[i]);
        report(good, s, from, PHASE_RUN, &mutants[i]);
    }
    stage_end(s);
}

static void sessions(struct stage *s, enum role from, unsigned int phase, size_t count)
{
    bool ready = stage_begin(s, PHASE_RUN) && sessions_open(s);

    verdict(ready, NULL, "%s has a session", role_name(s->role));
    for (size_t i = 0; ready && i < count; i++)
        report(trial_session(s, phase, &mutants[i]), s, from, phase, &mutants[i]);
    verdict(ready && sessions_close(s), NULL, "%s: another session still works (%s)",
            role_name(s->role), phase_name(phase));
    stage_end(s);
}

static void attack(struct stage *s, enum role from)
{
    unsigned int phases = phases_between(from, s->role);

    for (unsigned int phase = 1; phase <= phases; phase <<= 1) {
        size_t count;

        if (!(phases & phase))
            continue;
        count = mutants_make(from, s->role, phase, mutants);
        if (from == ROLE_MONITOR)
            control(s, phase, count);
        else if (phase == PHASE_RUN)
            channels(s, from, count);
        else
            sessions(s, from, phase, count);
    }
}

int main(int argc, char **argv)
{
    struct stage s = {.role = ROLE_COUNT, .control = {.fd = -1}};

    (void)signal(SIGPIPE, SIG_IGN);
    for (unsigned int r = ROLE_BROKER; argc == 4 && r < ROLE_COUNT; r++) {
        if (strcmp(argv[3], role_name(r)) == 0)
            s.role = (enum role)r;
    }
    if (s.role == ROLE_COUNT) {
        (void)fprintf(stderr, "usage: ipc_hostile BUILD DIR ROLE\n");
        return 2;
    }
    s.build = argv[1];
    s.dir = argv[2];
    control_good(&s);
    for (unsigned int from = 0; from < ROLE_COUNT; from++)
        attack(&s, (enum role)from);
    (void)printf("1..%u\n", tests);
    return failed ? 1 : 0;
}
