/* New keys for running sessions, in the tls process; the rules are those of rekey.h. */
#ifndef GATE104_PROXY_TLS_REKEY_H
#define GATE104_PROXY_TLS_REKEY_H

#include "proxy/rekey.h"
#include "sandbox/loop.h"

#include <openssl/ssl.h>

struct tls_session;

#define TLS_REKEY_DIGEST 32u

struct tls_rekey {
    struct rekey rules;
    struct loop_timer timer;
    uint32_t answer_s;
    bool server;
    bool written;                   /* what opens the renegotiation is on its way */
    unsigned int finished;          /* whose Finished message came: a set of bits */
    unsigned int asked_again;       /* HelloRequests in one handshake */
    enum tls_close verdict;         /* found inside of OpenSSL, told behind it */
    uint16_t untold;                /* enum tls_rekeyed, if the gate had no room for it */
    uint8_t peer[TLS_REKEY_DIGEST]; /* SHA-256 of its certificate */
    int version;
};

/* With the session; later, when its first handshake is done. */
void tls_rekey_init(struct tls_session *s, uint16_t route);
void tls_rekey_begin(struct tls_session *s);
void tls_rekey_stop(struct tls_session *s);

/* False while a renegotiation holds back what the gate has: SSL_write would drive the
 * handshake, and the handshake bears no data of the peer then. */
bool tls_rekey_may_write(const struct tls_session *s);
/* After each SSL_read that was no failure; `data`: it gave octets, which belong to the
 * gate only if this gives true.  False: the session has been ended. */
bool tls_rekey_after_read(struct tls_session *s, bool data);
/* Before anything waits again. */
void tls_rekey_settle(struct tls_session *s);
/* After an SSL_read that failed with `reason` (of OpenSSL): what the gate is told, if it
 * has to do with keys. */
void tls_rekey_explain(struct tls_session *s, int reason, struct msg_tls_closed *m);

#endif
