/* Ships the log to the local syslog socket, behind the writer and from its files, so that
 * nothing waits for the receiver and nothing is lost while it is away.
 *
 * The monitor connects the socket and hands it over; when it stops working, another one
 * is asked for.  What was sent counts as delivered only when the receiver has read it: a
 * receiver that ends takes what is still in its socket with it, and that is sent again.
 * Thus each record arrives at least once, in order; AUDIT_SHIP_WINDOW of them at most
 * twice.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_SHIP_H
#define GATE104_PROXY_AUDIT_SHIP_H

#include "proxy/audit_follow.h"
#include "proxy/audit_ship_state.h"
#include "proxy/record.h"

/* Records sent and perhaps not yet read. */
#define AUDIT_SHIP_WINDOW 32u

struct audit_ship {
    struct ship_config config;
    char host[AUDIT_SYSLOG_HOST];
    char boot[AUDIT_BOOT_SIZE + 1];
    uint64_t began_ms;
    struct audit_follow from;
    struct audit_ship_state state;
    int socket;  /* -1: none */
    bool asked;  /* for another one */
    size_t most; /* octets of a message that the socket takes */
    struct audit_place_in_log delivered;
    struct audit_place_in_log sent;
    unsigned int in_flight;
    uint64_t flight_ms; /* age of the oldest in flight: its time on the monotonic clock */
    bool have_line;
    struct audit_syslog_line line; /* to be sent next */
    bool lagging;                  /* the alarm was given */
    bool stuck;                    /* the receiver has no room, or there is none */
    uint32_t full_ms;
    /* Asks the monitor for a socket, false: not now; adds a record of the log's own. */
    bool (*ask)(void *ctx);
    void (*tell)(void *ctx, struct record *r);
    void *ctx;
};

/* Opens the state in the log's folder.  Not called at all when nothing is shipped. */
void audit_ship_begin(struct audit_ship *s, int dir_fd, const struct ship_config *c,
                      const char *host, const char *boot, uint64_t now_ms);
/* A connected datagram socket; taken over. */
void audit_ship_socket(struct audit_ship *s, int fd);
/* Does a bounded piece of work with the records up to number `limit`, which are on disk.
 * Gives the milliseconds after which it wants to be called again, at the latest. */
uint64_t audit_ship_turn(struct audit_ship *s, uint64_t limit, uint64_t now_ms);
/* Keeps the place; what is in flight and unread is sent again after the next start. */
void audit_ship_end(struct audit_ship *s);

/* For retention: true if no record up to this number waits to be shipped. */
bool audit_ship_done(const struct audit_ship *s, uint64_t last_seq);

#endif
