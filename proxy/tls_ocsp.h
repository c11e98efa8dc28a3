/* The worker's side of OCSP: asking the fetcher about peers and about ourselves.  Nothing
 * here blocks: a session whose peer is being asked about waits in TLS_CHECK. */
#ifndef GATE104_PROXY_TLS_OCSP_H
#define GATE104_PROXY_TLS_OCSP_H

#include "certs/ocsp.h"
#include "sandbox/imsg.h"
#include "sandbox/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct tls;
struct tls_session;

/* Of a session. */
struct tls_ocsp_check {
    uint32_t request; /* 0: nothing is asked */
    bool fresh;       /* asked past what the fetcher keeps */
    bool running;     /* the session goes on meanwhile */
    struct ocsp_subject peer;
};

/* Of the process. */
struct tls_ocsp {
    struct imsg_channel fetcher;
    struct loop_watch watch;
    uint32_t last_request;
    /* The answer whose parts are coming. */
    uint32_t request, total, have;
    bool kept;
    uint8_t der[OCSP_ANSWER_MAX];
    /* Ourselves. */
    struct ocsp_subject own;
    uint32_t own_request;
    struct ocsp_staple staple;
    struct loop_timer timer;
};

void tls_ocsp_init(struct tls *t);
/* Whenever the contexts (t->ctx) were made or replaced, and with them perhaps our own
 * certificate. */
void tls_ocsp_contexts(struct tls *t);
/* A channel to a fetcher; takes `fd`. */
void tls_ocsp_channel(struct tls *t, uint32_t id, int fd);

/* Before a client's handshake: asks the server for a staple. */
void tls_ocsp_prepare(struct tls_session *s);
/* After a good handshake.  Calls tls_session_admit() or tls_session_refuse(), now or when
 * the responder has answered; until then the session is in TLS_CHECK. */
void tls_ocsp_check(struct tls_session *s);
/* The time for the answer is over. */
void tls_ocsp_timeout(struct tls_session *s);
/* Asks again about the peer of a running session, which ends if it is now revoked.
 * Nothing is asked if the group asks no responder. */
void tls_ocsp_recheck(struct tls_session *s);
/* The session ends. */
void tls_ocsp_forget(struct tls_session *s);

#endif
