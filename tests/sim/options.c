#include "tests/sim/options.h"

#include "tests/sim/attack.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, TEXT, NUMBER, REAL };

struct row {
    const char *name;
    enum kind kind;
    size_t offset;
    double low, high;
};

#define R(name, kind, member, low, high)                                                 \
    {                                                                                    \
        name, kind, offsetof(struct sim_rtu_options, member), low, high                  \
    }
#define M(name, kind, member, low, high)                                                 \
    {                                                                                    \
        name, kind, offsetof(struct sim_master_options, member), low, high               \
    }
/* What both stations have. */
#define COMMON(X)                                                                        \
    X("ca", NUMBER, ca, 1, 65534), X("k", NUMBER, link.k, 1, 32767),                     \
        X("w", NUMBER, link.w, 1, 32767), X("t1", NUMBER, link.t1, 1, 255),              \
        X("t2", NUMBER, link.t2, 1, 255), X("t3", NUMBER, link.t3, 1, 172800),           \
        X("rate", REAL, rate, 0, 1e6), X("count", NUMBER, count, 0, 4294967295.0),       \
        X("tls", FLAG, tls.on, 0, 0), X("cert", TEXT, tls.cert, 0, 0),                   \
        X("key", TEXT, tls.key, 0, 0), X("ca-file", TEXT, tls.ca_file, 0, 0),            \
        X("tls-min", TEXT, tls.tls_min, 0, 0), X("tls-max", TEXT, tls.tls_max, 0, 0),    \
        X("ciphers", TEXT, tls.ciphers, 0, 0), X("batch", FLAG, batch, 0, 0),            \
        X("json", FLAG, print.json, 0, 0), X("quiet", FLAG, print.quiet, 0, 0),          \
        X("verbose", FLAG, print.verbose, 0, 0)

static const struct row RTU[] = {
    COMMON(R),
    R("listen", TEXT, listen, 0, 0),
    R("points", NUMBER, points, 1, 6000),
    R("seed", NUMBER, seed, 0, 4294967295.0),
    R("select-timeout", NUMBER, select_timeout, 1, 3600),
    R("max-delay", NUMBER, max_delay, 0, 86400),
    R("event-types", TEXT, event_types, 0, 0),
    R("replay", TEXT, replay, 0, 0),
    R("replay-list", TEXT, replay_list, 0, 0),
    R("replay-speed", REAL, replay_speed, 0, 1e6),
    R("replay-port", NUMBER, replay_port, 1, 65535),
    R("per-packet", FLAG, per_packet, 0, 0),
    R("once", FLAG, once, 0, 0),
    R("one-started", FLAG, one_started, 0, 0),
    R("port-file", TEXT, port_file, 0, 0),
    {NULL, FLAG, 0, 0, 0},
};

static const struct row MASTER[] = {
    COMMON(M),
    M("connect", TEXT, connect, 0, 0),
    M("script", TEXT, script, 0, 0),
    M("oa", NUMBER, oa, 0, 255),
    M("timeout", NUMBER, timeout, 1, 86400),
    M("record-reader", FLAG, record_reader, 0, 0),
    M("no-start", FLAG, no_start, 0, 0),
    M("expect-refused", FLAG, expect_refused, 0, 0),
    M("expect-accepted", FLAG, expect_accepted, 0, 0),
    M("dump-asdus", TEXT, dump_asdus, 0, 0),
    M("attack", TEXT, attack, 0, 0),
    M("peer-name", TEXT, tls.peer_name, 0, 0),
    {NULL, FLAG, 0, 0, 0},
};

static const struct row *find(const struct row *rows, const char *name, size_t n)
{
    for (; rows->name != NULL; rows++)
        if (strlen(rows->name) == n && memcmp(rows->name, name, n) == 0)
            return rows;
    return NULL;
}

static bool store(const struct row *row, void *options, const char *value)
{
    unsigned char *at = (unsigned char *)options + row->offset;
    uint32_t whole;
    double n;
    char *end;

    if (row->kind == TEXT) {
        memcpy(at, &value, sizeof value);
        return true;
    }
    n = strtod(value, &end);
    if (end == value || *end != '\0' || !(n >= row->low && n <= row->high) ||
        (row->kind == NUMBER && n != floor(n))) {
        sim_print_error("--%s %s: a number from %.10g to %.10g is needed", row->name,
                        value, row->low, row->high);
        return false;
    }
    whole = (uint32_t)n;
    if (row->kind == NUMBER)
        memcpy(at, &whole, sizeof whole);
    else
        memcpy(at, &n, sizeof n);
    return true;
}

/* Takes the option at argv[*i]; *i is left on its last word. */
static bool take(const struct row *rows, void *options, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2;
    const char *equals = strchr(name, '=');
    size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct row *row = find(rows, name, n);
    const bool yes = true;

    if (row == NULL) {
        sim_print_error("%s: no such option", argv[*i]);
        return false;
    }
    if (row->kind == FLAG) {
        memcpy((unsigned char *)options + row->offset, &yes, sizeof yes);
        return equals == NULL;
    }
    if (equals != NULL)
        return store(row, options, equals + 1);
    if (*i + 1 >= argc) {
        sim_print_error("--%s needs a value", row->name);
        return false;
    }
    return store(row, options, argv[++*i]);
}

static bool version_ok(const char *v)
{
    return v == NULL || strcmp(v, "1.2") == 0 || strcmp(v, "1.3") == 0;
}

static bool check_common(const struct sim_link_params *l, const struct sim_tls_options *t)
{
    if (l->w > l->k)
        sim_print_error("w must not be larger than k");
    else if (l->t2 >= l->t1)
        sim_print_error("t2 must be shorter than t1");
    else if (!version_ok(t->tls_min) || !version_ok(t->tls_max))
        sim_print_error("--tls-min and --tls-max are 1.2 or 1.3");
    else if (t->on && t->ca_file == NULL)
        sim_print_error("--tls needs --ca-file: the peer is always checked");
    else if ((t->cert == NULL) != (t->key == NULL))
        sim_print_error("--cert and --key belong together");
    else
        return true;
    return false;
}

bool sim_options_rtu(struct sim_rtu_options *o, int argc, char **argv)
{
    *o = (struct sim_rtu_options){
        .listen = "127.0.0.1:2404",
        .ca = 1,
        .link = SIM_LINK_DEFAULTS,
        .points = 100,
        .seed = 1,
        .select_timeout = 10,
        .replay_speed = 1.0,
        .replay_port = 2404,
    };
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            sim_print_error("%s: an option was expected", argv[i]);
            return false;
        }
        if (!take(RTU, o, argc, argv, &i))
            return false;
    }
    if (o->tls.on && o->tls.cert == NULL) {
        sim_print_error("--tls needs --cert and --key");
        return false;
    }
    return check_common(&o->link, &o->tls);
}

/* An attack is its own script, and runs once. */
static bool check_attack(struct sim_master_options *o)
{
    const struct sim_attack *a;

    if (o->attack == NULL)
        return true;
    a = sim_attack_find(o->attack);
    if (a == NULL)
        sim_print_error("--attack %s: there is none of that name; see --attack list",
                        o->attack);
    else if (o->script != NULL || o->tokens_n > 0 || o->count != 1)
        sim_print_error("--attack brings its own commands, and runs once");
    else
        o->no_start = o->no_start || a->no_start;
    return a != NULL && o->script == NULL && o->tokens_n == 0 && o->count == 1;
}

bool sim_options_master(struct sim_master_options *o, int argc, char **argv)
{
    memset(o, 0, sizeof *o);
    o->ca = 1;
    o->link = (struct sim_link_params)SIM_LINK_DEFAULTS;
    o->timeout = 15;
    o->count = 1;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            if (!take(MASTER, o, argc, argv, &i))
                return false;
        } else if (o->tokens_n < SIM_TOKENS_MAX) {
            o->tokens[o->tokens_n++] = argv[i];
        } else {
            sim_print_error("too many command words");
            return false;
        }
    }
    if (o->connect == NULL) {
        sim_print_error("--connect HOST:PORT is needed");
        return false;
    }
    if (!check_attack(o))
        return false;
    if (o->record_reader && !o->tls.on) {
        sim_print_error("--record-reader is about TLS records: it needs --tls");
        return false;
    }
    return check_common(&o->link, &o->tls);
}
