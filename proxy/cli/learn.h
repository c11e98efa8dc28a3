/* What `gate104 policy learn` makes of traffic: a policy that lets pass what reads, and
 * proposes what commands; the quirks that its route needs; what would never pass.
 *
 * Memory grows with distinct points only, up to LEARN_POINTS and LEARN_COMMANDS.
 * Command line and tests. */
#ifndef GATE104_PROXY_CLI_LEARN_H
#define GATE104_PROXY_CLI_LEARN_H

#include "policy/asdu.h"
#include "policy/policy.h"
#include "policy/select.h"
#include "proxy/cli/traffic.h"
#include "proxy/point_list.h"

#include <stdio.h>

#define LEARN_POINTS   1048576u /* distinct (direction, type, CA, IOA) */
#define LEARN_COMMANDS 16384u   /* of them in control direction */
#define LEARN_PEOPLE   63u      /* masters told apart */
#define LEARN_RING     32u      /* commands of a point in a minute that are told apart */
#define LEARN_FAULTS   64u      /* different reasons of what would never pass */

/* What a command's point was used for. */
struct learn_command {
    uint64_t causes; /* COT_BIT */
    uint8_t qualifiers[POLICY_OCTET_SET], originators[POLICY_OCTET_SET];
    uint64_t who; /* bit n: person n; bit LEARN_PEOPLE: others */
    uint64_t selects, executes;
    uint64_t unselected;          /* executes that select.h would have refused */
    uint64_t confirmed, rejected; /* answers of the station */
    uint64_t stopped;             /* by the gate's policy of then */
    uint32_t most;                /* in any minute; LEARN_RING + 1: more */
    uint64_t at[2][LEARN_RING];   /* when, of executes and of selects, plus 1 */
    uint8_t next[2];
};

struct learn_point {
    uint8_t direction, type;
    uint16_t ca;
    uint32_t ioa;
    uint32_t command; /* place in `commands`; UINT32_MAX: monitor direction */
    bool has_value;
    double min, max;
    uint64_t seen, first_ms, last_ms;
};

/* The first example of something, and how often it was. */
struct learn_example {
    uint64_t count, number, time_ms;
    uint8_t octets[APDU_SIZE_MAX];
    size_t n;
};

struct learn_fault {
    enum direction dir;
    struct verdict verdict;
    bool framing;
    uint8_t type; /* 0: none */
    struct learn_example example;
};

struct learn_session {
    uint64_t number;
    struct select_table selected;
};

struct learn {
    struct profile profile; /* sizes; all quirks */
    struct learn_point *point;
    size_t points, room;
    uint32_t *index; /* hash table of places, plus 1; 0: free */
    size_t index_room;
    struct learn_command *command;
    size_t commands, command_room;
    uint64_t untold; /* APDUs of points beyond the limits */
    bool no_memory;
    char person[LEARN_PEOPLE][TRAFFIC_WHO_MAX];
    size_t people;
    uint64_t types[DIRECTIONS][128]; /* APDUs */
    uint64_t frames[3];              /* of I, S and U format */
    /* In monitor direction those of answers are apart: what a quirk lets a master send
     * comes back in them. */
    struct learn_example quirk[DIRECTIONS + 1][QUIRK_MAX + 1];
    struct learn_fault fault[LEARN_FAULTS];
    size_t faults;
    uint64_t other_faults;
    struct learn_session session[TRAFFIC_SESSIONS];
};

/* Sizes of the profile are kept; nothing else of it.  False without memory. */
bool learn_init(struct learn *l, const struct profile *sizes);
void learn_free(struct learn *l);
/* For struct traffic; ctx is the struct learn.  False without memory. */
bool learn_apdu(void *ctx, const struct traffic_apdu *apdu);

/* ---- learn_points.c ---- */

/* The point, made if it is new; NULL: no room or no memory. */
struct learn_point *learn_point_of(struct learn *l, enum direction dir, uint8_t type,
                                   uint16_t ca, uint32_t ioa);
/* The same without making it. */
struct learn_point *learn_point_find(const struct learn *l, enum direction dir,
                                     uint8_t type, uint16_t ca, uint32_t ioa);

/* ---- learn_group.c: points to rules ---- */

enum learn_class {
    LEARN_READS,    /* may pass */
    LEARN_PROPOSED, /* changes something: a person decides */
    LEARN_REJECTED, /* the station never accepted it */
};

enum learn_select { LEARN_NO_SELECT, LEARN_EVERY_SELECT, LEARN_SOME_SELECT };

struct learn_rule {
    enum learn_class class;
    enum learn_select select;
    bool stopped; /* all of it was refused by the policy of then */
    uint8_t type;
    bool over_ca; /* ranges are of common addresses; else of objects at `ca` */
    uint16_t ca;
    struct policy_range *range;
    size_t ranges;
    uint64_t points;
    bool has_value;
    double min, max;
    uint64_t seen, first_ms, last_ms;
    struct learn_command sum; /* of its points; of rates the most */
};

struct learn_rules {
    struct learn_rule *rule;
    size_t count;
    struct policy_range *ranges; /* of all rules */
};

/* `gap` addresses that were not seen may lie in a range.  False without memory. */
bool learn_group(const struct learn *l, uint32_t gap, struct learn_rules *out);
void learn_rules_free(struct learn_rules *r);
/* True if a type may be asked for without changing anything. */
bool learn_reads(uint8_t type, uint8_t qualifier);

/* ---- learn_write.c, learn_report.c ---- */

struct learn_about {
    const struct traffic *traffic;
    char *const *inputs;
    size_t input_count;
    bool accept;                   /* proposals are written as rules */
    const char *points;            /* file of a list of points; NULL: none */
    const struct point_list *list; /* ... */
    const struct point_names *names;
};

void learn_write(FILE *out, const struct learn *l, const struct learn_rules *rules,
                 const struct learn_about *about);
void learn_report(FILE *out, const struct learn *l, const struct learn_rules *rules,
                  const struct learn_about *about);
/* ---- learn_cover.c: what was seen against a list of points ---- */

/* Names of the rule's points, as far as they are listed: "a", "b" and 7 more. */
void learn_put_names(FILE *out, const struct learn_rule *r,
                     const struct learn_about *about, const char *prefix);
/* "never seen: 14 of 212 points", and which; those seen that are not listed. */
void learn_put_cover(FILE *out, const struct learn *l, const struct learn_about *about);

/* The quirks a route needs, by direction. */
void learn_quirks(const struct learn *l, uint32_t needed[DIRECTIONS]);
/* How often it was needed, and the first time. */
struct learn_example learn_quirk_example(const struct learn *l, enum direction dir,
                                         unsigned int quirk);

/* ---- learn_text.c ---- */

#define LEARN_NUMBER_TEXT 40u
/* The shortest form that reads as the same number, and in a policy as no integer. */
void learn_number_text(double v, char out[LEARN_NUMBER_TEXT]);
/* Numbers and ranges as a policy lists them: [ 1, 7 ] or [ "1-5", "7" ].  Lines after the
 * first begin with `indent`. */
void learn_put_ranges(FILE *out, const struct policy_range *range, size_t count,
                      bool of_ca, const char *indent);
/* The same of a set of octets. */
void learn_put_octets(FILE *out, const uint8_t set[POLICY_OCTET_SET]);
/* "\"a\", \"b\"" of a set of people. */
void learn_put_people(FILE *out, const struct learn *l, uint64_t who);
/* Each fault behind `prefix`, in one line and one for its first example. */
void learn_put_faults(FILE *out, const struct learn *l, const char *prefix);
/* The lines that a route needs for its quirks; false if it needs none. */
bool learn_put_quirks(FILE *out, const struct learn *l, const char *prefix);

#endif
