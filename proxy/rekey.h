/* When the keys of a running TLS session are renewed, who begins, and what a peer may ask
 * for: IEC 62351-3 Ed. 2 clauses 7.4.5 (TLS 1.2: renegotiation) and 8.4 (TLS 1.3: key
 * update), RFC 8446 clause 5.5 (records under one key).
 *
 * Pure: no OpenSSL, no I/O, no clock of its own; times are milliseconds of any monotonic
 * clock.  tls_rekey.c drives it. */
#ifndef GATE104_PROXY_REKEY_H
#define GATE104_PROXY_REKEY_H

#include "sandbox/messages.h"

#include <stdbool.h>
#include <stdint.h>

/* IEC 62351-3 Ed. 2 clause 7.4.5: 10 minutes to 24 hours, 12 hours suggested. */
#define REKEY_INTERVAL_MIN_S 600u
#define REKEY_INTERVAL_MAX_S 86400u
#define REKEY_INTERVAL_S     43200u
#define REKEY_TIMEOUT_MAX_S  120u
#define REKEY_TIMEOUT_S      10u
/* AES-GCM bears about 2^24.5 full records (RFC 8446 clause 5.5). */
#define REKEY_RECORDS_MIN 65536u
#define REKEY_RECORDS_MAX 8388608u
/* What lab = true allows instead: to see in seconds what takes hours. */
#define REKEY_LAB_INTERVAL_MIN_S 1u
#define REKEY_LAB_RECORDS_MIN    100u

/* Renegotiations that a peer begins are at least so far apart: the least interval, less
 * what a packet may be late. */
#define REKEY_PEER_LEAST_MS 595000u
/* Key updates a TLS 1.3 peer may send in a minute. */
#define REKEY_UPDATES_MAX     10u
#define REKEY_UPDATES_SPAN_MS 60000u

struct rekey_settings {
    uint32_t interval_s;
    uint32_t timeout_s;
    uint32_t records;  /* under one key, either direction */
    bool close_silent; /* end a TLS 1.3 session whose peer does not renew its key */
};

enum rekey_side {
    REKEY_12_SERVER, /* asks by HelloRequest */
    REKEY_12_CLIENT, /* begins itself if no HelloRequest came */
    REKEY_13,
};

enum rekey_phase {
    REKEY_FRESH,   /* keys are good */
    REKEY_ASKED,   /* the peer has to answer */
    REKEY_SHAKING, /* TLS 1.2: a handshake is under way */
};

enum rekey_act {
    REKEY_WAIT,
    REKEY_ASK,     /* begin: the phase is REKEY_ASKED now */
    REKEY_GIVE_UP, /* the peer did not do its part in time */
};

struct rekey {
    struct rekey_settings set;
    enum rekey_side side;
    enum rekey_phase phase;
    uint32_t answer_s; /* TLS 1.3: the peer has so long for its key update */
    uint64_t fresh_ms; /* since when the keys are in use */
    uint64_t deadline_ms;
    bool heard;    /* data of the peer have come */
    bool peer_had; /* the peer began a renegotiation, */
    uint64_t peer_ms;
    uint64_t updates_ms; /* key updates of the peer since then */
    uint32_t updates;
    uint64_t sent, received; /* records under the keys */
};

/* After the first handshake. */
void rekey_begin(struct rekey *r, enum rekey_side side, const struct rekey_settings *set,
                 uint32_t answer_s, uint64_t now);
/* When rekey_tick() is to be called next. */
uint64_t rekey_due(const struct rekey *r, uint64_t now);
enum rekey_act rekey_tick(struct rekey *r, uint64_t now);
/* What was asked for has been written: the time for an answer runs from here. */
void rekey_asked(struct rekey *r, uint64_t now);
/* Not the peer's fault that nothing goes on: its time runs anew. */
void rekey_postpone(struct rekey *r, uint64_t now);

/* The peer begins a renegotiation, or answers.  0, or why the session must end. */
enum tls_close rekey_peer_begins(struct rekey *r, uint64_t now);
/* A handshake of TLS 1.2 is under way, and has come to its end. */
void rekey_shaking(struct rekey *r, uint64_t now);
void rekey_done(struct rekey *r, uint64_t now);
/* A TLS 1.3 peer sent a key update.  0, or why the session must end; *answered: it was
 * asked for it. */
enum tls_close rekey_peer_updates(struct rekey *r, uint64_t now, bool *answered);
/* A TLS 1.3 peer did not answer: true if the session must end, else all goes on and it
 * will be asked again. */
bool rekey_silent_ends(struct rekey *r, uint64_t now);

#endif
