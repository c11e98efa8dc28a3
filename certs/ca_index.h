/* What a CA did: a readable file, one line for each act, only ever added to.
 *
 *   2026-11-21T09:08:08Z issued SERIAL 2027-11-21T09:08:08Z SUBJECT
 *   2026-11-21T09:09:00Z revoked SERIAL REASON
 *   2026-11-21T09:09:00Z list NUMBER 2026-11-28T09:09:00Z
 *
 * A line is on disk before what it tells of leaves the CA.  An interruption can tear the
 * last line only; it is then dropped, as nothing came of it.  While it is open no other
 * process can open it. */
#ifndef GATE104_CERTS_CA_INDEX_H
#define GATE104_CERTS_CA_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CA_SERIAL_CAP  44u /* hex digits of 20 octets, and NUL */
#define CA_SUBJECT_CAP 256u
#define CA_ENTRIES_MAX 100000u

/* RFC 5280 clause 5.3.1, without those that mean nothing here. */
enum ca_reason {
    CA_REASON_UNSPECIFIED = 0,
    CA_REASON_KEY_COMPROMISE = 1,
    CA_REASON_CA_COMPROMISE = 2,
    CA_REASON_AFFILIATION_CHANGED = 3,
    CA_REASON_SUPERSEDED = 4,
    CA_REASON_CESSATION_OF_OPERATION = 5,
    CA_REASON_PRIVILEGE_WITHDRAWN = 9,
};

struct ca_entry {
    char serial[CA_SERIAL_CAP]; /* upper-case hex */
    char subject[CA_SUBJECT_CAP];
    time_t issued, until;
    bool revoked;
    time_t revoked_at;
    enum ca_reason reason;
};

struct ca_index;

/* "keyCompromise"; false if there is no such reason.  The texts of all, for a usage. */
bool ca_reason_parse(const char *word, enum ca_reason *reason);
const char *ca_reason_name(enum ca_reason reason);
#define CA_REASON_WORDS                                                                  \
    "unspecified, keyCompromise, CACompromise, affiliationChanged, superseded, "         \
    "cessationOfOperation, privilegeWithdrawn"

/* An empty index at `path`, which must not be there. */
bool ca_index_create(const char *path, char *err, size_t cap);
/* NULL with a sentence in `err`. */
struct ca_index *ca_index_open(const char *path, char *err, size_t cap);
void ca_index_close(struct ca_index *ix);
/* True if the last line was torn and has been dropped. */
bool ca_index_was_torn(const struct ca_index *ix);

size_t ca_index_count(const struct ca_index *ix);
/* Oldest first; i < count. */
const struct ca_entry *ca_index_entry(const struct ca_index *ix, size_t i);
const struct ca_entry *ca_index_find(const struct ca_index *ix, const char *serial);
/* The number of the last revocation list, 0: none yet. */
uint64_t ca_index_list_number(const struct ca_index *ix);

/* Add a line, on disk when they return true. */
bool ca_index_add_issued(struct ca_index *ix, const char *serial, time_t until,
                         const char *subject, time_t now, char *err, size_t cap);
bool ca_index_add_revoked(struct ca_index *ix, const char *serial, enum ca_reason reason,
                          time_t now, char *err, size_t cap);
bool ca_index_add_list(struct ca_index *ix, uint64_t number, time_t next, time_t now,
                       char *err, size_t cap);

/* "2026-11-21T09:08:08Z". */
#define CA_TIME_CAP 24u
void ca_time_text(time_t t, char text[CA_TIME_CAP]);

#endif
