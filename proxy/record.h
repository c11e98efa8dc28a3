/* A log record on its way from gate, broker or monitor to audit: an event number and
 * tagged fields.  The sender says what happened; sequence number, time, chain and the
 * words of the JSON line are made by audit, so a sender can neither forge another
 * process's records nor break the log's form.
 *
 * No OpenSSL, no jansson here: this is linked into the gate. */
#ifndef GATE104_PROXY_RECORD_H
#define GATE104_PROXY_RECORD_H

#include "sandbox/messages.h"
#include "sandbox/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(symbol, id, group, name, severity): stable numbers and names, see event.def. */
enum event {
#define X(symbol, id, group, name, severity) symbol = (id),
#include "proxy/event.def"
#undef X
};

/* X(symbol, id, json_key, kind, max): see record_tag.def; kind is U64, TEXT or OCTETS,
 * max the largest length of TEXT or OCTETS. */
enum record_tag {
#define X(symbol, id, key, kind, max) symbol = (id),
#include "proxy/record_tag.def"
#undef X
};

enum record_kind { RECORD_KIND_U64, RECORD_KIND_TEXT, RECORD_KIND_OCTETS };
enum severity { SEVERITY_NOTICE, SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_ALARM };

struct event_info {
    enum event event;
    const char *group; /* "session", "op", ... */
    const char *name;  /* "open", "refused", ... */
    enum severity severity;
};

struct record_tag_info {
    enum record_tag tag;
    const char *key;
    enum record_kind kind;
    size_t max;
};

const struct event_info *event_info(unsigned int id);           /* NULL: no such event */
const struct record_tag_info *record_tag_info(unsigned int id); /* NULL: no such tag */

/* ---- writing (gate, broker, monitor) ---- */

struct record {
    struct wire_writer w;
    uint8_t buf[IMSG_PAYLOAD_MAX];
};

/* Begins a record.  `ticket` comes back in RECORD_ACK.  `sync`: the acknowledgement is
 * given only when the record is on disk; otherwise none is given at all. */
void record_begin(struct record *r, enum event event, uint64_t ticket, bool sync);
void record_u64(struct record *r, enum record_tag tag, uint64_t v);
/* Longer text or octets than the tag allows are cut; the cut is marked by the tag
 * RECORD_CUT once. */
void record_text(struct record *r, enum record_tag tag, const char *s);
void record_octets(struct record *r, enum record_tag tag, const void *p, size_t n);
/* The payload of MSG_RECORD; its size is 0 if the fields did not fit (a bug: the tags of
 * any one event are chosen to fit). */
size_t record_end(struct record *r, const uint8_t **payload);

/* ---- reading (audit) ---- */

struct record_head {
    const struct event_info *event;
    uint64_t ticket;
    bool sync;
};

struct record_field {
    const struct record_tag_info *tag;
    uint64_t u64;          /* RECORD_KIND_U64 */
    const uint8_t *octets; /* TEXT and OCTETS; points into the payload */
    size_t size;
};

/* Checks a whole payload (known event, known tags, each at most once, lengths, no
 * leftovers) and gives its head.  False: the sender broke the rules. */
bool record_check(const uint8_t *payload, size_t n, struct record_head *head);
/* Walks the fields of a checked payload; *pos starts at 0.  False at the end. */
bool record_next(const uint8_t *payload, size_t n, size_t *pos, struct record_field *f);

/* False unless every field of an acknowledgement is one audit may send. */
bool record_ack_valid(const struct msg_record_ack *ack);

#endif
