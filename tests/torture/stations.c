/* An RTU and a master that talk through gate104 while somebody kills it, and a ledger
 * that knows both.
 *
 *   stations RTU-ADDRESS GATE-ADDRESS CERT KEY CA EVENTS/S COMMANDS/S [EVENTS COMMANDS]
 *
 * Runs until SIGTERM, or until it has made EVENTS and COMMANDS; then makes no more and
 * waits until all is acknowledged and answered.  Prints what ledger_print prints.  Exit
 * status 1: something happened that must never happen, or things did not come to rest. */
#include "tests/torture/station.h"

#include "tests/sim/signals.h"
#include "tests/sim/simclock.h"

#include <stdlib.h>
#include <string.h>

#define BACKLOG_MAX 2000u
#define REST_MS     40000u

static struct ledger ledger;
static struct rtu rtu;
static struct master master;

/* So many more since the start are due by now. */
struct pace {
    uint64_t per_second, begun_ms;
    uint32_t made, limit;
};

static unsigned int due(const struct pace *p, uint64_t now)
{
    const uint64_t by_now = (now - p->begun_ms) * p->per_second / 1000u;
    const uint64_t until = by_now < p->limit ? by_now : p->limit;

    return until > p->made ? (unsigned int)(until - p->made) : 0;
}

static void make_events(struct pace *p, uint64_t now)
{
    const unsigned int n = due(p, now);

    p->made += n;
    /* What an RTU cannot keep it never had. */
    for (unsigned int i = 0; i < n && ledger.events < LEDGER_MAX &&
                             ledger.events - ledger.oldest_unacked < BACKLOG_MAX;
         i++)
        ledger.events++;
}

static void round_of_all(struct pace *commands, uint64_t now)
{
    struct pollfd fds[3] = {{.fd = rtu.listener, .events = POLLIN}};
    unsigned int n = commands ? due(commands, now) : 0;

    fds[1] = end_poll(&rtu.end);
    fds[2] = end_poll(&master.end);
    sim_signals_poll(fds, 3, 5);
    rtu_step(&rtu, fds[0].revents, fds[1].revents);
    n = n < LEDGER_MAX - ledger.commands ? n : LEDGER_MAX - ledger.commands;
    n = master_step(&master, fds[2].revents, n);
    if (commands)
        commands->made += n;
}

static bool at_rest(void)
{
    return ledger.oldest_unacked == ledger.events && master.end.open &&
           master.unanswered == 0 && sim_link_in_flight(&master.end.link) == 0;
}

static bool come_to_rest(void)
{
    const uint64_t until = sim_clock_ms() + REST_MS;

    while (!at_rest() && sim_clock_ms() < until)
        round_of_all(NULL, 0);
    return at_rest();
}

static uint32_t number(const char *text, uint32_t otherwise)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    struct sim_tls_options tls = {.on = true, .peer_name = "127.0.0.1"};
    char why[200];

    if (argc != 8 && argc != 10)
        return 2;
    tls.cert = argv[3];
    tls.key = argv[4];
    tls.ca_file = argv[5];
    sim_signals_init();
    master.ledger = &ledger;
    master.where = argv[2];
    master.tls = sim_tls_context_new(&tls, false, why, sizeof why);
    if (!master.tls || !rtu_listen(&rtu, &ledger, argv[1])) {
        (void)fprintf(stderr, "stations: %s\n", master.tls ? "no listener" : why);
        return 2;
    }
    const uint64_t begun = sim_clock_ms();
    struct pace events = {number(argv[6], 0), begun, 0, 0};
    struct pace commands = {number(argv[7], 0), begun, 0, 0};
    events.limit = argc == 10 ? number(argv[8], 0) : LEDGER_MAX;
    commands.limit = argc == 10 ? number(argv[9], 0) : LEDGER_MAX;
    while (!sim_signals_stop() &&
           (events.made < events.limit || commands.made < commands.limit)) {
        const uint64_t now = sim_clock_ms();
        make_events(&events, now);
        round_of_all(&commands, now);
    }
    if (!come_to_rest())
        ledger_violation(&ledger, "no rest: events %u of %u acknowledged, %u unanswered",
                         ledger.oldest_unacked, ledger.events, master.unanswered);
    ledger_print(&ledger, stdout);
    return ledger.violations != 0;
}
