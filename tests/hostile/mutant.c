#include "tests/hostile/mutant.h"

#include "tests/lib/raw_packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const uint8_t zeros[IMSG_PAYLOAD_MAX + 8];

struct list {
    struct mutant *m;
    size_t count;
};

static bool allows(const struct imsg_row *row, enum role from, enum role to)
{
    return (row->from >> from & 1u) && (row->to >> to & 1u);
}

__attribute__((format(printf, 6, 7))) static struct mutant *
add(struct list *l, unsigned int type, size_t len, const char *kinds,
    enum imsg_fault fault, const char *fmt, ...)
{
    struct mutant *m = &l->m[l->count];
    va_list ap;

    if (l->count == MUTANTS_MAX)
        return m - 1;
    l->count++;
    memset(m, 0, sizeof *m);
    m->type = type;
    m->header_len = m->len = len;
    m->fault = fault;
    (void)snprintf(m->kinds, sizeof m->kinds, "%s", kinds);
    va_start(ap, fmt);
    (void)vsnprintf(m->what, sizeof m->what, fmt, ap);
    va_end(ap);
    return m;
}

static void wrong_lengths(struct list *l, const struct imsg_row *row)
{
    const size_t min = row->min;
    const size_t max = row->max;

    if (min > 0)
        add(l, row->type, 0, row->fds, IMSG_FAULT_LENGTH, "no payload");
    if (min > 1)
        add(l, row->type, min - 1, row->fds, IMSG_FAULT_LENGTH, "one octet short");
    add(l, row->type, max + 1, row->fds, IMSG_FAULT_LENGTH, "one octet too many");
    add(l, row->type, min, row->fds, IMSG_FAULT_LENGTH, "header says one more")
        ->header_len++;
    add(l, row->type, max, row->fds, IMSG_FAULT_LENGTH, "header says one less")
        ->header_len--;
}

static void wrong_descriptors(struct list *l, const struct imsg_row *row)
{
    static const char *const sets[] = {"",       "U",          "T",  "S",  "D",  "G",
                                       "P",      "UT",         "TU", "TS", "DU", "TUU",
                                       "UUUUUU", "TUUUUUUUUU", "L",  "V",  "LU", "TV"};

    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (strcmp(sets[i], row->fds) != 0)
            add(l, row->type, row->min, sets[i], IMSG_FAULT_DESCRIPTORS,
                "descriptors \"%s\"", sets[i]);
    }
}

static void wrong_fields(struct list *l, const struct imsg_row *row, enum role to)
{
    uint8_t payload[IMSG_PAYLOAD_MAX];

    for (size_t i = 0; i < spoilers_size; i++) {
        const struct spoiler *p = &spoilers[i];
        struct mutant *m;

        if (p->type != row->type || !(p->to >> to & 1u))
            continue;
        m = add(l, row->type, sample_make(row->type, payload), row->fds, IMSG_FAULT_FIELD,
                "%s", p->what);
        m->spoilt = true;
        m->offset = p->offset;
        m->octet = p->octet;
        m->todo = p->todo;
    }
}

static void row_mutants(struct list *l, const struct imsg_row *row, enum role to,
                        unsigned int phase)
{
    if (!(row->phases & phase)) {
        add(l, row->type, row->min, row->fds, IMSG_FAULT_PHASE, "in the wrong phase");
        return;
    }
    wrong_lengths(l, row);
    wrong_descriptors(l, row);
    wrong_fields(l, row, to);
    if (row->once && sample_exists(row->type))
        add(l, row->type, row->min, row->fds, IMSG_FAULT_TWICE, "twice")->repeated = true;
}

size_t mutants_make(enum role from, enum role to, unsigned int phase,
                    struct mutant out[MUTANTS_MAX])
{
    static const unsigned int far[] = {0, 127, 128, 255, 256, 32768, 65535};
    struct list l = {.m = out};

    for (size_t i = 0; i < imsg_catalogue_size; i++) {
        const struct imsg_row *row = &imsg_catalogue[i];

        if (allows(row, from, to))
            row_mutants(&l, row, to, phase);
        else
            add(&l, row->type, row->min, row->fds, IMSG_FAULT_DIRECTION,
                "not from %s to %s", role_name(from), role_name(to));
        /* The number behind each row, as a later version may use it. */
        if (!imsg_row(row->type + 1u))
            add(&l, row->type + 1u, row->min, "", IMSG_FAULT_TYPE, "no such message");
    }
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        if (!imsg_row(far[i]))
            add(&l, far[i], 8, "", IMSG_FAULT_TYPE, "no such message");
    }
    return l.count;
}

bool mutant_send(int fd, const struct mutant *m)
{
    uint8_t payload[IMSG_PAYLOAD_MAX];
    const struct raw_packet p = {.type = m->type,
                                 .header_len = m->header_len,
                                 .payload = m->spoilt ? payload : zeros,
                                 .len = m->len,
                                 .kinds = m->kinds};

    if (m->spoilt) {
        (void)sample_make(m->type, payload);
        payload[m->offset] = m->octet;
    }
    return raw_packet_send(fd, &p);
}

unsigned int phases_between(enum role from, enum role to)
{
    unsigned int phases = 0;

    for (size_t i = 0; i < imsg_catalogue_size; i++) {
        if (allows(&imsg_catalogue[i], from, to))
            phases |= imsg_catalogue[i].phases;
    }
    return phases;
}

unsigned int sample_for(enum role from, enum role to, unsigned int phase,
                        unsigned int wish)
{
    unsigned int any = 0;

    for (size_t i = 0; i < imsg_catalogue_size; i++) {
        const struct imsg_row *row = &imsg_catalogue[i];

        if (!allows(row, from, to) || !(row->phases & phase) || !sample_exists(row->type))
            continue;
        if (row->type == wish)
            return wish;
        any = row->type;
    }
    return any;
}

const char *phase_name(unsigned int phase)
{
    switch (phase) {
    case PHASE_INIT: return "init";
    case PHASE_READY: return "ready";
    case PHASE_RUN: return "run";
    case PHASE_HELLO: return "hello";
    case PHASE_OPEN: return "open";
    default: return "?";
    }
}
