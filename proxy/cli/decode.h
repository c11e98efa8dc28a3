/* What the files of `gate104 decode` share: octets -> APDUs with a verdict -> words.
 *
 * Every octet is hostile.  Nothing here changes the judgement: it is the one of policy/.
 */
#ifndef GATE104_PROXY_CLI_DECODE_H
#define GATE104_PROXY_CLI_DECODE_H

#include "policy/apci.h"
#include "policy/asdu.h"
#include "policy/policy.h"
#include "proxy/cli/capture.h"
#include "proxy/point_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- decode_field.c: information elements in words (101 clause 7.2.6) ---- */

#define DECODE_FIELDS_MAX 12u
#define DECODE_TEXT_MAX   48u

enum decode_kind {
    DECODE_NUMBER, /* `number`, and `text` if it has a word for it */
    DECODE_HEX,    /* `number`, 0 to 2^32 - 1, better read by its bits */
    DECODE_REAL,   /* `real`, may be NaN or infinite; `text` is the number */
    DECODE_FLAG,   /* `number` 0 or 1; `text` is the word for 1 */
    DECODE_TIME,   /* `text` */
};

struct decode_field {
    const char
        *name; /* "SPI", "QU" as 101 calls it; "reserved" for bits that must be 0 */
    const char *unit; /* "ms", or "" */
    enum decode_kind kind;
    bool quiet; /* says nothing: a flag that is 0, a day of the week not used */
    int64_t number;
    double real;
    char text[DECODE_TEXT_MAX];
};

/* "SIQ"; "?" for an element this file has no name for. */
const char *decode_element_name(enum element element);
/* Takes apart the element_size(element) octets at p; gives the number of fields. */
size_t decode_element(enum element element, const uint8_t *p,
                      struct decode_field out[DECODE_FIELDS_MAX]);
/* "single command" of C_SC_NA_1; "" for a type that has none. */
const char *decode_type_text(uint8_t type_id);

/* ---- decode_judge.c: one APDU ---- */

enum decode_direction { DECODE_CONTROL, DECODE_MONITOR, DECODE_AUTO };

enum decode_outcome {
    DECODE_ACCEPTED,
    DECODE_REFUSED,    /* legal, and the policy does not let it pass */
    DECODE_ILLEGAL,    /* verdict of LINK or MEANING class */
    DECODE_MALFORMED,  /* verdict of FRAMING or STRUCTURE class */
    DECODE_INCOMPLETE, /* ends before its length octet says */
};
#define DECODE_OUTCOMES 5

/* By what is judged, besides the standard. */
struct decode_rules {
    struct profile profile;          /* what the route's stations speak */
    const struct policy *policy;     /* may be NULL */
    bool has_role;                   /* roles are the master's; else it has none */
    struct policy_asker asker;       /* for policy_decide_for */
    const struct point_names *names; /* of objects; may be NULL */
};

struct decode_apdu {
    const struct decode_rules *rules;
    const uint8_t *octets;
    size_t n;      /* 1..255 */
    bool has_apci; /* apci is what the octets say, complete or not */
    struct apci apci;
    bool has_asdu; /* an I-frame with an ASDU of at least one octet */
    struct asdu asdu;
    bool either; /* may go in both directions: dir says nothing */
    enum direction dir;
    enum decode_outcome outcome;
    struct verdict verdict; /* offset counts from the start octet */
    bool has_policy;        /* decision is one */
    struct policy_decision decision;
};

/* "accepted", "refused", "illegal", "malformed", "incomplete". */
const char *decode_outcome_name(enum decode_outcome outcome);

/* Judges the n (1..255) octets of one APDU, or of what should have been one: `framing` is
 * the verdict of apci_scan on it, and `whole` whether that found an end.  *out points to
 * the rules. */
void decode_judge(const uint8_t *octets, size_t n, bool whole, struct verdict framing,
                  enum decode_direction direction, const struct decode_rules *rules,
                  struct decode_apdu *out);

struct decode_object {
    const struct type_info *type; /* never NULL */
    uint32_t ioa;
    bool has_ioa;            /* octets of its own: not with SQ = 1 behind the first */
    size_t offset;           /* of its elements, from the start octet */
    const uint8_t *elements; /* type->size octets, then the segment */
    size_t segment;          /* octets of a file segment behind the elements */
};

/* Gives object i of a known type, also when the ASDU is not sound, as long as its octets
 * are there; false behind the last. */
bool decode_object(const struct decode_apdu *a, unsigned int i,
                   struct decode_object *out);
/* Where the objects that are there end, from the start octet. */
size_t decode_objects_end(const struct decode_apdu *a);

/* ---- decode_stream.c: octets of one direction of one connection ---- */

/* Where an APDU of a capture was found. */
struct decode_flow {
    struct capture_endpoint source, destination;
    uint64_t number, time_us; /* of the packet that completed the APDU */
    bool whole;               /* it stands alone, see capture.h */
    uint32_t interface;       /* then */
};

/* The command as a whole. */
struct decode_run {
    FILE *out;
    bool json;
    bool brief; /* a line for each APDU; text only */
    struct decode_rules rules;
    uint64_t apdus;
    uint64_t outcomes[DECODE_OUTCOMES];
    bool cut;    /* a capture ended within a packet */
    bool failed; /* no memory, or `out` takes no more */
};

struct decode_stream {
    struct decode_run *run;
    enum decode_direction direction;
    struct decode_flow *flow; /* NULL: no capture */
    uint64_t offset;          /* of held[0] in the stream */
    bool lost;                /* framing is lost: what follows is not looked at */
    size_t n;
    uint8_t held[APDU_SIZE_MAX];
};

/* Prints every APDU that n more octets complete.  However the octets are cut into calls,
 * what is printed is the same; what is no frame therefore waits for octets to show. */
void decode_stream_add(struct decode_stream *s, const uint8_t *octets, size_t n);
/* Prints what is no frame with the octets that are there. */
void decode_stream_settle(struct decode_stream *s);
/* Prints what was begun and not completed; the stream may go on after it. */
void decode_stream_end(struct decode_stream *s);

/* ---- decode_text.c, decode_json.c ---- */

void decode_print_text(struct decode_run *run, const struct decode_apdu *a,
                       uint64_t offset, const struct decode_flow *flow);
/* One JSON object in a line.  False without memory. */
bool decode_print_json(struct decode_run *run, const struct decode_apdu *a,
                       uint64_t offset, const struct decode_flow *flow);
/* "2024-05-01T12:00:00.123456Z" in 28 octets. */
void decode_time_text(uint64_t time_us, char out[32]);

/* ---- decode_input.c, decode_capture.c: where octets come from ---- */

/* These give false after saying what is wrong and what to do about it. */
bool decode_hex_words(struct decode_stream *s, char *const *words, size_t n);
bool decode_hex_stdin(struct decode_stream *s);
bool decode_raw(struct decode_stream *s, const char *path);
bool decode_capture(struct decode_run *run, const char *path, uint16_t port,
                    enum decode_direction direction, bool per_packet);

#endif
