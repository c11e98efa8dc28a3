/* The broker: accepts and dials, passes descriptors, never touches a payload octet.
 * Private to the broker process. */
#ifndef GATE104_PROXY_BROKER_H
#define GATE104_PROXY_BROKER_H

#include "proxy/record.h"
#include "proxy/role_config.h"
#include "sandbox/child.h"

struct broker;

struct listener {
    struct broker *broker;
    const struct broker_route *route;
    struct loop_watch watch;
};

/* A channel to a gate (capacity 0) or to a tls worker. */
struct peer {
    struct broker *broker;
    struct imsg_channel ch;
    struct loop_watch watch;
    uint32_t capacity; /* tls: sessions it may still be given at once */
    uint32_t load;     /* tls: sessions it has */
    bool retired;      /* tls: gets no further session */
    uint32_t gate;     /* tls: of its last session */
    bool untold;       /* tls: the monitor has yet to hear that it is taken */
    struct peer *next;
};

enum session_state {
    SESSION_SETUP,   /* handed over; the gate has not yet asked to dial */
    SESSION_DIALING, /* connect() under way */
    SESSION_WAITING, /* connected, waiting for a free tls worker */
    SESSION_UP,      /* both legs handed over, or the dial failed */
};

struct session {
    struct broker *broker;
    uint64_t id;
    const struct broker_route *route;
    enum session_state state;
    struct msg_endpoint source;
    struct peer *gate;   /* NULL: it said SESSION_END or died */
    struct peer *worker; /* NULL: not yet given, it said TLS_DONE, or died */
    size_t target;       /* index of the address being dialled */
    int dial_fd;
    int dial_error;
    struct loop_watch dial_watch;
    struct loop_timer timer;
    struct session *next;
};

struct broker {
    struct child child;
    struct broker_config config;
    struct listener *listener;
    size_t listener_count;
    struct peer *gates;
    struct peer *workers;
    struct imsg_channel audit;
    struct loop_watch audit_watch;
    struct session *sessions;
    uint32_t session_last;   /* how many numbers were given */
    bool out_of_descriptors; /* accepts nothing until the next tick */
    /* Records of refused connections: at most a burst, then counted. */
    uint32_t refusal_tokens;
    uint32_t refusals_untold;
    struct loop_timer tick;
};

/* broker_listen.c */
bool broker_listen_open(struct broker *b);
void broker_listen_start(struct broker *b);
void broker_listen_stop(struct broker *b);
/* Accept again on routes of this group, or stop accepting, as workers come and go. */
void broker_listen_update(struct broker *b);
/* Each second: allows records of refusals again, and accepting after a shortage. */
void broker_tick(void *broker);

/* broker_session.c */
struct session *broker_session_new(struct broker *b, const struct broker_route *route,
                                   const struct msg_endpoint *source, struct peer *gate);
void broker_session_free(struct session *s);
struct session *broker_session_find(struct broker *b, uint64_t id);
/* Frees it once neither gate nor worker holds it. */
void broker_session_settle(struct session *s);
/* Sessions whose peer has authenticated, of a route or (NULL) of all. */
uint32_t broker_sessions(const struct broker *b, const struct broker_route *r);
/* Sessions whose peer has not yet: of a route or (NULL) of all, from one source address
 * or (NULL) from all. */
uint32_t broker_setups(const struct broker *b, const struct broker_route *r,
                       const struct msg_endpoint *source);

/* broker_peer.c */
void broker_peer_add(struct broker *b, enum role role, uint32_t id, int fd);
struct peer *broker_gate(struct broker *b, uint32_t id);
/* A worker of the group with room, or NULL. */
struct peer *broker_worker(struct broker *b, uint32_t group);
/* Tells the monitor of workers that are taken, if it could not be told before. */
void broker_tell_taken(struct broker *b);
/* Gives the session to a worker: `tcp` and one end of a new pair; the other end is
 * *pair_out. False: nothing was handed over. */
bool broker_give_worker(struct session *s, struct peer *worker, int tcp,
                        const struct msg_endpoint *remote, int *pair_out);

/* broker_dial.c */
void broker_dial_start(struct session *s);
/* Answers that nobody will be dialled; `error` is an errno. */
void broker_dial_refuse(struct session *s, int error);
/* Tries sessions that wait for a worker. */
void broker_dial_resume(struct broker *b);
void broker_dial_cancel(struct session *s);

/* The gate of this session died without closing it. */
void broker_record_gate_gone(struct broker *b, const struct session *s);
/* Sends a record about a refused connection or a failed hand-over. */
void broker_record_refused(struct broker *b, const struct broker_route *route,
                           const struct msg_endpoint *source, const char *why);

#endif
