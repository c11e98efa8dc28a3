/* Typed messages over AF_UNIX SOCK_SEQPACKET, checked against the catalogue in
 * messages.def: one message, one packet.  Every channel belongs to one sender, so the
 * kernel, not a field, says who wrote. */
#ifndef GATE104_SANDBOX_IMSG_H
#define GATE104_SANDBOX_IMSG_H

#include "sandbox/messages.h"
#include "sandbox/role.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum imsg_status {
    IMSG_OK,
    IMSG_AGAIN,  /* nothing to receive, or no room to send */
    IMSG_CLOSED, /* the other end is gone */
    IMSG_BAD,    /* the message breaks the catalogue */
};

enum imsg_fault {
    IMSG_FAULT_NONE = 0,
    IMSG_FAULT_TYPE = 1,        /* no such message */
    IMSG_FAULT_DIRECTION = 2,   /* not from that role to this one */
    IMSG_FAULT_LENGTH = 3,      /* not the length of its row */
    IMSG_FAULT_PHASE = 4,       /* not now */
    IMSG_FAULT_TWICE = 5,       /* once only, and it was there already */
    IMSG_FAULT_DESCRIPTORS = 6, /* too few, too many, or of the wrong kind */
    IMSG_FAULT_FIELD = 7,       /* a field holds what it must not */
};

/* One row of the catalogue. */
struct imsg_row {
    uint16_t type;
    uint8_t from; /* set of 1 << role */
    uint8_t to;
    uint16_t min;
    uint16_t max;
    uint8_t phases;
    bool once;
    const char *fds;
    const char *name;
};

struct imsg_channel {
    int fd;
    enum role self;
    enum role peer;
    uint32_t peer_id;      /* which process of that role */
    unsigned int phase;    /* exactly one PHASE_* bit; the owner advances it */
    uint64_t seen[2];      /* message numbers received so far */
    enum imsg_fault fault; /* of the last IMSG_BAD */
    uint16_t fault_type;   /* type number it carried */
};

struct imsg {
    uint16_t type;
    size_t len; /* of payload */
    unsigned int fd_count;
    int fds[IMSG_FDS_MAX]; /* owned by the receiver, close-on-exec */
    uint8_t payload[IMSG_PAYLOAD_MAX];
};

extern const struct imsg_row imsg_catalogue[];
extern const size_t imsg_catalogue_size;

/* The row of a number, or NULL. */
const struct imsg_row *imsg_row(unsigned int type);
const char *imsg_name(unsigned int type);
const char *imsg_fault_name(unsigned int fault);

/* Takes the descriptor (non-blocking from now on). */
void imsg_channel_init(struct imsg_channel *ch, int fd, enum role self, enum role peer,
                       uint32_t peer_id, unsigned int phase);
/* Closes the descriptor; harmless when closed already. */
void imsg_channel_close(struct imsg_channel *ch);

/* Both ends of a new channel; false with errno on failure. */
bool imsg_pair(int fds[2]);

/* Sends one message.  The descriptors stay open here.  IMSG_AGAIN: the socket is full,
 * nothing was sent.  A message that breaks the catalogue is a bug here: assert. */
enum imsg_status imsg_send(struct imsg_channel *ch, enum imsg_type type,
                           const void *payload, size_t len, const int *fds,
                           unsigned int fd_count);
/* A message of head and tail (variable part), without a copy by the caller. */
enum imsg_status imsg_send2(struct imsg_channel *ch, enum imsg_type type,
                            const void *head, size_t head_len, const void *tail,
                            size_t tail_len);

/* Receives one message and checks it against its row.  On IMSG_BAD every descriptor that
 * came with it is closed, ch->fault and ch->fault_type say why. */
enum imsg_status imsg_recv(struct imsg_channel *ch, struct imsg *m);

/* Copies a fixed payload out: the catalogue has checked the length already. */
void imsg_get(const struct imsg *m, void *out, size_t size);

/* A handler found a bad field: marks the channel like imsg_recv and closes the message's
 * descriptors. Gives IMSG_BAD. */
enum imsg_status imsg_reject(struct imsg_channel *ch, struct imsg *m);

/* Closes descriptors of a message that nobody wants. */
void imsg_drop_fds(struct imsg *m);

#endif
