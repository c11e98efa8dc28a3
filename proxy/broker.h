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
    uint32_t session_count;
    uint32_t session_last; /* how many numbers were given */
    /* Records of refused connections: at most a burst, then counted. */
    uint32_t refusal_tokens;
    uint32_t refusals_untold;
    struct loop_timer refusal_timer;
};

/* broker_listen.c */
bool broker_listen_open(struct broker *b);
void broker_listen_start(struct broker *b);
void broker_listen_stop(struct broker *b);
/* Accept again on routes of this group, or stop accepting, as workers come and go. */
void broker_listen_update(struct broker *b);
void broker_refusal_refill(void *broker);

/* broker_session.c */
struct session *broker_session_new(struct broker *b, const struct broker_route *route,
                                   const struct msg_endpoint *source, struct peer *gate);
void broker_session_free(struct session *s);
struct session *broker_session_find(struct broker *b, uint64_t id);
/* Frees it once neither gate nor worker holds it. */
void broker_session_settle(struct session *s);
uint32_t broker_sessions_of_route(const struct broker *b, const struct broker_route *r);
uint32_t broker_setups_of_source(const struct broker *b, const struct msg_endpoint *src);

/* broker_peer.c */
void broker_peer_add(struct broker *b, enum role role, uint32_t id, int fd);
struct peer *broker_gate(struct broker *b, uint32_t id);
/* A worker of the group with room, or NULL. */
struct peer *broker_worker(struct broker *b, uint32_t group);
/* Gives the session to a worker: `tcp` and one end of a new pair; the other end is
 * *pair_out. False: nothing was handed over. */
bool broker_give_worker(struct session *s, struct peer *worker, int tcp,
                        const struct msg_endpoint *remote, int *pair_out);

/* broker_dial.c */
void broker_dial_start(struct session *s);
/* Tries sessions that wait for a worker. */
void broker_dial_resume(struct broker *b);
void broker_dial_cancel(struct session *s);

/* Sends a record about a refused connection or a failed hand-over. */
void broker_record_refused(struct broker *b, const struct broker_route *route,
                           const struct msg_endpoint *source, const char *why);

#endif
