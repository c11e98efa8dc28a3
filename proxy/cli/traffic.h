/* What went over a route, APDU by APDU, from session logs and captures.
 *
 * Captures show all of it.  A log has the commands, their answers, what was faulty and,
 * where the route records them, values.  Every octet is hostile.  Memory: the
 * connections followed at a time, whatever the size of the input.
 *
 * Command line only. */
#ifndef GATE104_PROXY_CLI_TRAFFIC_H
#define GATE104_PROXY_CLI_TRAFFIC_H

#include "policy/apci.h"
#include "policy/direction.h"
#include "proxy/audit_envelope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sessions followed at a time; the one heard of least lately makes room. */
#define TRAFFIC_SESSIONS 256u
#define TRAFFIC_WHO_MAX  128u
#define TRAFFIC_WORD_MAX 48u
#define TRAFFIC_PORT     2404u

/* Who is at the master's end, as far as it is known. */
struct traffic_peer {
    bool has_address, has_certificate;
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t fingerprint[32];
    char subject[256], issuer[256], san[256]; /* as in the log */
};

struct traffic_apdu {
    uint64_t number;   /* of the packet, or of the record */
    uint64_t time_ms;  /* since 1970 */
    uint64_t clock_ms; /* since the first APDU, never running back: for machines */
    uint32_t slot;     /* of its session, below TRAFFIC_SESSIONS */
    uint64_t session;  /* another number in the same slot: another session */
    enum direction dir;
    struct verdict framing; /* what apci_scan said; not REASON_OK: no whole frame */
    const uint8_t *octets;
    size_t n;
    const char *who; /* "name (address)" of the master, or its address */
    const struct traffic_peer *peer;
    const char *event; /* of the record; "": from a capture */
    bool permitted;    /* an operator's permit let it pass */
};

struct traffic_counts {
    uint64_t apdus, sessions;
    uint64_t captures, logs; /* inputs */
    uint64_t records, bad_lines;
    uint64_t thinned;  /* APDUs of values that the log only counted */
    uint64_t segments; /* of the port, with octets */
    uint64_t others;   /* of other ports */
    uint64_t repeated; /* segments that held nothing new */
    uint64_t gaps;     /* places where octets are missing */
    bool cut;          /* a capture is damaged or cut off */
    bool missing;      /* a file of the log is gone */
    uint64_t first_ms, last_ms;
    uint64_t before_ms, clock_ms; /* of the last APDU */
};

struct traffic {
    const char *program; /* for messages: "gate104 policy learn" */
    const char *route;   /* of logs; NULL: the only one there is */
    uint16_t port;       /* the station's, in captures */
    bool per_packet;     /* each packet of a capture alone */
    void *ctx;
    /* False: stop, the caller knows why. */
    bool (*apdu)(void *ctx, const struct traffic_apdu *apdu);
    /* A session that told APDUs has ended; may be NULL. */
    void (*ended)(void *ctx, uint32_t slot, uint64_t session, uint64_t clock_ms);
    struct traffic_counts counts;
    char only[TRAFFIC_WHO_MAX]; /* the route found */
};

/* Reads them one after the other: directories and files of session logs, pcap, pcapng.
 * False: one is unusable, which it has said, or the caller stopped. */
bool traffic_read(struct traffic *t, char *const *paths, size_t count);

/* Words of a command line: a number within bounds, octets of an address. */
bool traffic_number(const char *word, uint32_t least, uint32_t most, uint32_t *out);
bool traffic_size(const char *word, uint32_t most, uint8_t *out);

/* 104 clause 5.3: only the controlling station asks for STARTDT and STOPDT.  True of a
 * U-frame that the other one has to send. */
static inline bool traffic_goes_otherwise(enum apci_function f, enum direction dir)
{
    const bool asks = f == APCI_STARTDT_ACT || f == APCI_STOPDT_ACT;
    const bool answers = f == APCI_STARTDT_CON || f == APCI_STOPDT_CON;

    return dir == DIR_CONTROL ? answers : asks;
}

/* ---- of the parts ---- */

bool traffic_capture(struct traffic *t, const char *path);
bool traffic_log(struct traffic *t, const char *path);
/* Says what is wrong with an input; gives false. */
bool traffic_complain(const struct traffic *t, const char *path, const char *what);
/* Counts an APDU, puts its time right and hands it on. */
bool traffic_tell(struct traffic *t, struct traffic_apdu *apdu);
void traffic_end(struct traffic *t, uint32_t slot, uint64_t session);

#endif
