#include "tests/sim/attack.h"

#include "tests/sim/print.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Addresses of the simulated RTU, gate104-sim(1). */
#define SINGLE   1001u
#define DOUBLE   1101u
#define SETPOINT 1301u
#define NOTHING  4001u /* no point from here on */

static char text[65536];
static size_t used;

__attribute__((format(printf, 1, 2))) static bool add(const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text + used, sizeof text - used, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text - used)
        return false;
    used += (size_t)n;
    return true;
}

/* Selects and executes what is there, from `first` on. */
static bool walk(unsigned int first, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        if (!add("single %u on select execute\n", first + i))
            return false;
    }
    return true;
}

static bool to_and_fro(unsigned int first, unsigned int count, unsigned int times)
{
    for (unsigned int t = 0; t < times; t++) {
        for (unsigned int i = 0; i < count; i++) {
            if (!add("single %u %s select execute\n", first + i, t % 2 ? "on" : "off"))
                return false;
        }
    }
    return true;
}

static bool industroyer_range(void)
{
    return walk(SINGLE, 40) && to_and_fro(SINGLE, 40, 6);
}

static bool industroyer_shift(void)
{
    for (unsigned int i = 0; i < 4; i++) {
        if (!walk(SINGLE + 25 * i, 10) || !to_and_fro(SINGLE + 25 * i, 10, 2))
            return false;
    }
    return true;
}

/* What it knows already, without end; here twelve times. */
static bool industroyer_sequence(void)
{
    return add("gi\n") && to_and_fro(SINGLE + 3, 5, 12);
}

/* Addresses, types and states were in the program. */
static bool industroyer2(void)
{
    static const unsigned int doubles[] = {DOUBLE, DOUBLE + 4, DOUBLE + 5, DOUBLE + 12};
    static const unsigned int singles[] = {SINGLE + 29, SINGLE + 7, SINGLE + 91,
                                           SINGLE + 54};

    if (!add("testfr start gi\n"))
        return false;
    for (size_t i = 0; i < COUNT(doubles); i++) {
        if (!add("double %u off select execute\n", doubles[i]))
            return false;
    }
    for (size_t i = 0; i < COUNT(singles); i++) {
        if (!add("single %u %s\n", singles[i], i % 2 ? "on" : "off"))
            return false;
    }
    return true;
}

static bool cosmicenergy(void)
{
    return add("single %u off single %u off single %u on disconnect\n", SINGLE + 10,
               SINGLE + 11, SINGLE + 10);
}

static bool scan_ca(void)
{
    for (unsigned int ca = 1; ca <= 40; ca++) {
        if (!add("gi ca %u\n", ca))
            return false;
    }
    return true;
}

static bool scan_ioa(void)
{
    for (unsigned int i = 0; i < 40; i++) {
        if (!add("read %u\n", NOTHING + i))
            return false;
    }
    return true;
}

static bool gi_storm(void)
{
    for (unsigned int i = 0; i < 60; i++) {
        if (!add("gi nowait\n"))
            return false;
    }
    return add("idle 0.4\n");
}

static bool toggle(void)
{
    return add("gi\n") && to_and_fro(SINGLE + 1, 1, 20);
}

static bool flood(void)
{
    if (!add("gi\n"))
        return false;
    for (unsigned int i = 0; i < 500; i++) {
        if (!add("setpoint-float %u %u nowait\n", SETPOINT, i % 100))
            return false;
    }
    return add("idle 0.4\n");
}

static bool clock_attack(void)
{
    return add("gi clock age 3600 clock age -3600 clock age 86400\n");
}

static bool early_command(void)
{
    return add("single %u on gi single %u off\n", SINGLE, SINGLE);
}

static bool second_master(void)
{
    return add("gi wait 0.4\n");
}

static bool takeover(void)
{
    return add("gi single %u off single %u off\n", SINGLE, SINGLE + 1);
}

static const struct sim_attack attacks[] = {
    {"industroyer-range", "walks a range of object addresses, then switches all of it",
     false, industroyer_range},
    {"industroyer-shift", "the same in ranges that lie apart", false, industroyer_shift},
    {"industroyer-sequence", "switches the points it knows to and fro", false,
     industroyer_sequence},
    {"industroyer2", "TESTFR before STARTDT, then a fixed list of points, once each",
     true, industroyer2},
    {"cosmicenergy", "commands at once, asks for nothing, and is gone", false,
     cosmicenergy},
    {"scan-ca", "interrogates one common address after the other", false, scan_ca},
    {"scan-ioa", "reads one object address after the other", false, scan_ioa},
    {"gi-storm", "one interrogation after the other, without waiting", false, gi_storm},
    {"toggle", "one breaker, to and fro", false, toggle},
    {"flood", "500 set points without waiting", false, flood},
    {"clock", "clocks that are wrong by an hour and by a day", false, clock_attack},
    {"early-command", "a command before the interrogation", false, early_command},
    {"second-master", "starts data transfer beside whoever has it", false, second_master},
    {"takeover", "commands at once; to be run when another master was cut off", false,
     takeover},
};

const struct sim_attack *sim_attack_find(const char *name)
{
    for (size_t i = 0; i < COUNT(attacks); i++) {
        if (strcmp(attacks[i].name, name) == 0)
            return &attacks[i];
    }
    return NULL;
}

void sim_attack_list(void)
{
    for (size_t i = 0; i < COUNT(attacks); i++)
        printf("%-21s %s\n", attacks[i].name, attacks[i].summary);
}

const char *sim_attack_words(const struct sim_attack *a)
{
    used = 0;
    if (a->write())
        return text;
    sim_print_error("the attack is too long");
    return NULL;
}

/* ---- where it may go ---- */

static bool allows_ipv4(uint32_t address)
{
    static const struct {
        uint32_t net, mask;
    } nets[] = {
        {0x7F000000, 0xFF000000}, /* loopback */
        {0xC0000200, 0xFFFFFF00}, /* RFC 5737: 192.0.2.0/24, 198.51.100.0/24, */
        {0xC6336400, 0xFFFFFF00}, {0xCB007100, 0xFFFFFF00}, /* 203.0.113.0/24 */
        {0xC6120000, 0xFFFE0000},                           /* RFC 2544: 198.18.0.0/15 */
    };

    for (size_t i = 0; i < COUNT(nets); i++) {
        if ((address & nets[i].mask) == nets[i].net)
            return true;
    }
    return false;
}

bool sim_attack_allows(const struct sockaddr *to)
{
    static const uint8_t documents[4] = {0x20, 0x01, 0x0D, 0xB8}; /* RFC 3849 */
    struct sockaddr_in6 six;
    struct sockaddr_in four;

    if (to->sa_family == AF_INET) {
        memcpy(&four, to, sizeof four);
        return allows_ipv4(ntohl(four.sin_addr.s_addr));
    }
    if (to->sa_family != AF_INET6)
        return false;
    memcpy(&six, to, sizeof six);
    return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) ||
           memcmp(six.sin6_addr.s6_addr, documents, sizeof documents) == 0;
}
