/* One connection of the simulator, plain TCP or TLS: non-blocking, bounded, APDU by APDU.
 */
#ifndef GATE104_SIM_CHANNEL_H
#define GATE104_SIM_CHANNEL_H

#include "tests/sim/apdu.h"
#include "tests/sim/tls_io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_IN_MAX  4096u
#define SIM_OUT_MAX 65536u

enum sim_channel_state { SIM_CONNECTING, SIM_HANDSHAKE, SIM_OPEN, SIM_CLOSED };

/* What the record reader saw. */
struct sim_records {
    uint64_t records; /* with application data */
    uint64_t most;    /* APDUs that began in one record */
    uint64_t cut;     /* records that ended inside an APDU */
    uint64_t
        waiting;  /* largest number of whole APDUs left while waiting for the socket */
    size_t carry; /* octets a record owes to the APDU before it */
};

struct sim_channel {
    int fd;
    struct sim_tls *tls; /* NULL: plain */
    enum sim_channel_state state;
    bool batch;         /* TLS: as many APDUs per record as are ready, not one */
    bool record_reader; /* TLS: one record per readiness, one APDU handed up */
    bool mute;          /* writing failed: what is queued goes nowhere */
    short events;       /* what poll shall wait for to go on with TLS */
    uint8_t in[SIM_IN_MAX];
    size_t in_n;
    uint8_t out[SIM_OUT_MAX]; /* APDUs, each behind an octet of length */
    size_t out_n;
    uint8_t chunk[SIM_RECORD_MAX]; /* what is being written, unchanged until it is gone */
    size_t chunk_n, chunk_at;
    struct sim_records seen;
    char why[200]; /* set when state becomes SIM_CLOSED */
};

/* Starts on a connected descriptor (connecting = false) or one that is just connecting;
 * `tls` may be NULL.  The channel owns fd.  False without memory. */
bool sim_channel_open(struct sim_channel *c, int fd, bool connecting,
                      struct sim_tls_context *tls);
/* Closes, saying goodbye in TLS.  `reset` ends the TCP connection with RST instead. */
void sim_channel_close(struct sim_channel *c, bool reset);

/* Says goodbye and throws away what still comes, for at most ms milliseconds: closing
 * with octets unread would end the connection with RST. */
void sim_channel_linger(struct sim_channel *c, int ms);

short sim_channel_events(const struct sim_channel *c);
/* True when octets are ready inside and poll must not wait. */
bool sim_channel_ready(const struct sim_channel *c);
/* Goes on: connects, shakes hands, reads, writes. */
void sim_channel_step(struct sim_channel *c, short revents);
/* Writes what can be written now. */
void sim_channel_flush(struct sim_channel *c);

/* Room for one more APDU? */
bool sim_channel_room(const struct sim_channel *c);
/* Queues n <= 255 octets; false when there is no room. */
bool sim_channel_put(struct sim_channel *c, const uint8_t *octets, size_t n);
bool sim_channel_idle(const struct sim_channel *c);

/* The next whole APDU received: its size, 0 for none yet, -1 when the stream is broken.
 * It stays at c->in until sim_channel_consume. */
int sim_channel_next(const struct sim_channel *c);
void sim_channel_consume(struct sim_channel *c, size_t n);

#endif
