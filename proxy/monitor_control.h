/* The control socket of gate104d: one line asks, one JSON object answers.
 *
 *   status                      processes, routes, certificates, the log
 *   sessions                    the same for sessions
 *   close NUMBER                ends a session
 *   reload                      as SIGHUP; answers when it is done or refused
 *   monitor-only on|off ROUTE   commands of a route are refused, or judged again
 *   log seal|rotate             the log gets a seal, or goes on in a new file
 *   permit ...                  monitor_permit.h
 *
 * The socket is <run_dir>/control, for the user that runs gate104d, for root and, for
 * permits alone, for the members of one group; the kernel says who asks.  Private to
 * gate104d; single-threaded. */
#ifndef GATE104_PROXY_MONITOR_CONTROL_H
#define GATE104_PROXY_MONITOR_CONTROL_H

#include "proxy/monitor.h"

#include <jansson.h>

#define CONTROL_CLIENTS_MAX 8u
#define CONTROL_LINE_MAX    4096u

struct control_client {
    struct monitor *monitor;
    int fd; /* -1: free */
    struct loop_watch watch;
    struct loop_timer timer;
    uid_t uid;
    size_t have;
    char line[CONTROL_LINE_MAX];
    /* sessions: the gate that is asked, and what came so far */
    uint32_t request; /* 0: none is open */
    uint32_t gate;
    unsigned int came; /* since the last question */
    uint64_t after;
    json_t *sessions;
    bool waits_for_reload;
    uint32_t order;         /* of the log; 0: none is open */
    bool permits_only;      /* a member of the group of permits, no more */
    uint64_t permit_ticket; /* of the record it waits for; 0: none */
    char *out;
    size_t out_size, out_sent;
};

struct control {
    int fd;
    struct loop_watch watch;
    char path[108];
    uint32_t request;
    struct control_client client[CONTROL_CLIENTS_MAX];
};

/* monitor_control.c */
/* Takes the answer, which becomes the client's; NULL: out of memory. */
void control_answer(struct control_client *c, json_t *answer);
void control_error(struct control_client *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* monitor_control_peer.c: who may ask */
/* A listening socket at this path; -1 with errno. */
int control_socket_open(const struct monitor *m, const char *path);
/* What the kernel says of who is at the other end.  False: nobody who may ask. */
bool control_peer(const struct monitor *m, int fd, uid_t *uid, bool *permits_only);

/* monitor_permit_ask.c */
void control_permit(struct control_client *c, const char *rest);

/* monitor_command.c: carries out a line */
void control_command(struct control_client *c);

/* An operator did something that others will want to know of.  `session` 0 and `route`
 * NULL: it has to do with none. */
void control_record(const struct control_client *c, const char *what, uint64_t session,
                    const struct config_route *route);

/* monitor_order.c */
void control_order(struct control_client *c, const char *what);
void control_order_timeout(struct control_client *c);

/* monitor_status.c */
json_t *control_status(const struct monitor *m);
/* Asks all gates for their sessions, one after the other. */
void control_sessions(struct control_client *c);
/* The question is over, with what came. */
void control_sessions_timeout(struct control_client *c);

#endif
