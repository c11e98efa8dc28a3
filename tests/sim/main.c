/* gate104-sim: a small RTU and a small master for demonstrations, tests and
 * commissioning.  See gate104-sim(1). */
#include "tests/sim/attack.h"
#include "tests/sim/master.h"
#include "tests/sim/rtu.h"
#include "tests/sim/signals.h"

#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "usage: gate104-sim rtu [--listen HOST:PORT] [--ca N] [--rate N] [--count N] "
    "[--points N]\n"
    "                       [--replay CAPTURE [--replay-speed X]] [--once] [--port-file "
    "FILE]\n"
    "       gate104-sim rtu --replay-list CAPTURE\n"
    "       gate104-sim master --connect HOST:PORT [--script FILE] [--count N --rate R]\n"
    "                       [--dump-asdus FILE] [--timeout S] [COMMAND...]\n"
    "       gate104-sim master --connect HOST:PORT --attack NAME   (--attack list: "
    "names)\n"
    "  both: --tls --cert FILE --key FILE --ca-file FILE, --k --w --t1 --t2 --t3,\n"
    "        --json --quiet --verbose\n"
    "  commands: gi gi:3 ci clock read test reset single double step setpoint-float\n"
    "        setpoint-scaled setpoint-normalized bitstring parameter-float raw raw-apdu\n"
    "        wait idle receive expect start stop testfr disconnect abort\n"
    "  e.g.  gate104-sim master --connect 10.0.1.10:2404 gi single 1001 on select "
    "execute\n"
    "See gate104-sim(1).\n";

static struct sim_rtu_options rtu;
static struct sim_master_options master;

int main(int argc, char **argv)
{
    int result = 2;

    sim_signals_init();
    setvbuf(stdout, NULL, _IOLBF, 65536);
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(USAGE, stdout);
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        printf("gate104-sim %s\n", GATE104_VERSION);
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "rtu") == 0) {
        if (sim_options_rtu(&rtu, argc - 2, argv + 2))
            result = sim_rtu_run(&rtu);
    } else if (argc >= 2 && strcmp(argv[1], "master") == 0) {
        if (argc == 4 && strcmp(argv[2], "--attack") == 0 &&
            strcmp(argv[3], "list") == 0) {
            sim_attack_list();
            return 0;
        }
        if (sim_options_master(&master, argc - 2, argv + 2))
            result = sim_master_run(&master);
    } else {
        fputs(USAGE, stderr);
    }
    return result;
}
