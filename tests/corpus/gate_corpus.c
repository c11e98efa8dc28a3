/* Plays the corpus to a real gate process, in every way, with another session open beside
 * it.  Prints TAP.
 *
 *   gate_corpus BUILD protect-rtu|wrap-master enforce|observe
 *   gate_corpus --list      the rows, and what other tests look at
 *
 * BUILD holds the programs. */
#include "tests/corpus/trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row of n octets is split in n - 1 ways.  Where another setting does so already, a
 * long one only at about so many places. */
#define SPLITS_FEW 30u
/* Rows that are longer are not sent octet by octet. */
#define OCTETS_MAX 300u
/* Ways that are told when a row fails, and rows until it is given up. */
#define TOLD_MAX   3u
#define FAILED_MAX 20u

static struct world world;
static struct session witness;
static struct session session;
static unsigned int tests;
static unsigned int failed;

static const char *from_word(enum link_leg from)
{
    return from == LEG_MASTER ? "master" : "station";
}

/* ---- the list ---- */

static const char *const verdict_words[] = {
    [ROW_PASS] = "pass", [ROW_WAIT] = "wait",     [ROW_CLOSE] = "close",
    [ROW_DROP] = "drop", [ROW_ANSWER] = "answer", [ROW_IGNORE] = "ignore",
};

/* True for what an APDU shows by itself, without what was before it. */
static bool is_of_one_apdu(const struct row *row)
{
    const struct profile *p = &routes[row->state->route].profile;

    return reason_info(row->reason)->class != REASON_CLASS_LINK && p->cot_size == 2 &&
           p->ca_size == 2 && p->ioa_size == 3 && p->quirks[DIR_MONITOR] == 0;
}

static void list_row(const struct row *row, enum link_leg from)
{
    static struct notation n;
    char class[32];
    size_t bad = trial_octets(row, &n);

    (void)printf("row\t%s\t%s\t%s\t%s\t%s\t%u\t%s\t", class_name(row->class, class),
                 from_word(from), row->name, verdict_words[row->verdict],
                 reason_name(row->reason), row->offset,
                 is_of_one_apdu(row) ? "apdu" : "link");
    for (size_t i = bad; i < n.size; i++)
        (void)printf("%02x", n.octets[i]);
    (void)printf("\n");
}

static int list(void)
{
    char class[32];

    for (size_t i = 0; i < rows_size; i++) {
        if (rows[i].from != STATION)
            list_row(&rows[i], LEG_MASTER);
        if (rows[i].from != MASTER)
            list_row(&rows[i], LEG_STATION);
    }
    for (size_t i = 0; i < elsewheres_size; i++)
        (void)printf("elsewhere\t%s\t%s\t%s\t%s\n",
                     class_name(elsewheres[i].class, class), elsewheres[i].what,
                     elsewheres[i].file ? elsewheres[i].file : "", elsewheres[i].test);
    return 0;
}

/* ---- the trials ---- */

static bool begin(const char *build, const struct setting *setting)
{
    if (!world_begin(&world, build, setting) || !witness_begin(&world, &witness)) {
        (void)printf("# no gate: %s\n", world.wrong);
        world_end(&world);
        return false;
    }
    return true;
}

/* After a failure, so that the next row does not suffer for it. */
static bool begin_again(const char *build)
{
    const struct setting setting = world.setting;

    for (unsigned int i = 0; i < SESSIONS; i++) {
        if (world.session[i])
            (void)session_end(&world, i);
    }
    (void)stage_is_alive(&world.stage);
    world_end(&world);
    return begin(build, &setting);
}

struct tally {
    unsigned int ways, bad;
};

static void try(const struct trial *t, const char *build, struct tally *tally)
{
    static const char *const words[] = {
        [WAY_WHOLE] = "whole",
        [WAY_SPLIT] = "split",
        [WAY_OCTETS] = "octet by octet",
        [WAY_BEHIND_TEST] = "behind a TESTFR act",
        [WAY_BEHIND_I] = "behind an I-frame",
        [WAY_AHEAD] = "with a TESTFR act behind it",
    };
    const char *fault;

    if (tally->bad == TOLD_MAX)
        return;
    tally->ways++;
    fault = trial_run(&world, t, &session);
    if (!fault)
        return;
    tally->bad++;
    (void)printf("# %s", words[t->way]);
    if (t->way == WAY_SPLIT)
        (void)printf(" behind %zu octets", t->split);
    (void)printf(": %s\n", fault);
    if (!begin_again(build)) {
        (void)printf("Bail out! no gate\n");
        exit(1);
    }
}

static void try_splits(struct trial *t, const char *build, size_t size,
                       struct tally *tally)
{
    const size_t step = world.setting.thorough ? 1 : 1 + (size - 1) / SPLITS_FEW;

    t->way = WAY_SPLIT;
    for (t->split = 1; t->split < size; t->split += step)
        try(t, build, tally);
}

/* Tens of thousands of I-frames, those of the master with a record each, are needed
 * before some rows.  What splits do has nothing to do with the numbers: such rows are
 * split in one setting, or not at all. */
enum effort { EFFORT_SMALL, EFFORT_LARGE, EFFORT_VERY_LARGE };

static enum effort effort_of(const struct row *row)
{
    if (strstr(row->state->script, "master around"))
        return EFFORT_VERY_LARGE;
    return strstr(row->state->script, "around") ? EFFORT_LARGE : EFFORT_SMALL;
}

static bool is_worth(const struct trial *t, size_t size)
{
    const bool cheap =
        effort_of(t->row) < (world.setting.thorough ? EFFORT_VERY_LARGE : EFFORT_LARGE);

    switch (t->way) {
    case WAY_SPLIT: return cheap;
    case WAY_OCTETS: return cheap && size <= OCTETS_MAX;
    case WAY_BEHIND_I: return trial_may_be_behind_i(t->row, t->from);
    case WAY_BEHIND_TEST: return effort_of(t->row) < EFFORT_VERY_LARGE;
    case WAY_AHEAD:
        return t->row->verdict != ROW_WAIT && effort_of(t->row) < EFFORT_VERY_LARGE;
    default: return true;
    }
}

static void run_row(const struct row *row, enum link_leg from, const char *build)
{
    static struct notation n;
    struct trial t = {.row = row, .from = from};
    struct tally tally = {0, 0};
    char class[32];

    (void)trial_octets(row, &n);
    for (unsigned int way = 0; way < WAYS; way++) {
        t.way = (enum way)way;
        if (!is_worth(&t, n.size))
            continue;
        if (t.way == WAY_SPLIT)
            try_splits(&t, build, n.size, &tally);
        else
            try(&t, build, &tally);
    }
    failed += tally.bad != 0;
    (void)printf("%s %u - %s, %s (%s), from the %s, in %u ways: %s\n",
                 tally.bad ? "not ok" : "ok", ++tests, class_name(row->class, class),
                 row->name, row->state->text, from_word(from), tally.ways,
                 verdict_words[row->verdict]);
    (void)fflush(stdout);
}

static void run_rows(const char *build)
{
    for (size_t i = 0; i < rows_size && failed < FAILED_MAX; i++) {
        if (!world.setting.thorough && effort_of(&rows[i]) == EFFORT_VERY_LARGE)
            continue;
        if (rows[i].from != STATION)
            run_row(&rows[i], LEG_MASTER, build);
        if (rows[i].from != MASTER)
            run_row(&rows[i], LEG_STATION, build);
    }
}

static int run(const char *build, const struct setting *setting)
{
    unsigned int before;
    bool same;

    if (!begin(build, setting)) {
        (void)printf("Bail out! no gate\n");
        return 1;
    }
    before = world_gate_descriptors(&world);
    run_rows(build);
    world_listen(&world, 0);
    same = world_gate_descriptors(&world) == before;
    (void)printf("%s %u - no descriptor is left in the gate (%u)\n",
                 same ? "ok" : "not ok", ++tests, before);
    (void)printf("1..%u\n", tests);
    world_end(&world);
    return failed || !same ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct setting setting = {.mode = ROUTE_PROTECT_RTU};

    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    if (argc != 4) {
        (void)fprintf(stderr, "usage: gate_corpus BUILD protect-rtu|wrap-master "
                              "enforce|observe\n       gate_corpus --list\n");
        return 2;
    }
    if (strcmp(argv[2], "wrap-master") == 0)
        setting.mode = ROUTE_WRAP_MASTER;
    setting.enforce = strcmp(argv[3], "enforce") == 0;
    setting.thorough = setting.enforce && setting.mode == ROUTE_PROTECT_RTU;
    /* Each of the four settings is another; two of them wait for the log. */
    setting.sync = setting.enforce == (setting.mode == ROUTE_WRAP_MASTER);
    return run(argv[1], &setting);
}
