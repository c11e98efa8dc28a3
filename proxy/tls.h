/* The tls worker: OpenSSL, and nothing that OpenSSL could be abused for.  It owns no key,
 * dials nobody and judges nothing.  Private to the tls process; single-threaded. */
#ifndef GATE104_PROXY_TLS_H
#define GATE104_PROXY_TLS_H

#include "certs/tls_context.h"
#include "proxy/role_config.h"
#include "proxy/tls_ocsp.h"
#include "proxy/tls_rekey.h"
#include "sandbox/child.h"
#include "sandbox/collect.h"

#include <openssl/ssl.h>

struct tls;

enum tls_state {
    TLS_HANDSHAKE,
    TLS_CHECK, /* the handshake is good; a responder is asked about the peer */
    TLS_OPEN,
    TLS_LINGER, /* what is left goes out, for a bounded time */
    TLS_ENDED,  /* to be freed at the end of the round */
};

struct tls_session {
    struct tls *tls;
    uint64_t id;
    uint16_t route;  /* its index */
    uint16_t warned; /* set of IDENTITY_WARN_*, as the gate knows it */
    enum tls_state state;
    SSL *ssl;
    BIO *out; /* records not yet written to the socket; owned by ssl */
    int tcp;
    struct loop_watch tcp_watch;
    struct imsg_channel gate;
    struct loop_watch gate_watch;
    struct loop_timer timer; /* handshake, check, later linger */
    struct tls_ocsp_check check;
    struct loop_timer again; /* read on in the next round */
    struct tls_rekey rekey;
    bool unread; /* reading stopped before OpenSSL had nothing more */
    /* Plain text the pair to the gate had no room for. */
    size_t held_size;
    uint8_t *held; /* IMSG_PAYLOAD_MAX octets, only while there are some */
    struct tls_session *next;
};

/* A key of this group, in the signer. */
struct tls_key {
    struct tls *tls;
    uint16_t number;
};

struct tls {
    struct child child;
    struct tls_config config;
    struct tls_key key; /* contexts point here: what a worker has must not move */
    struct tls_key second_key;
    SSL_CTX **ctx; /* by place in config.route */
    struct imsg_channel broker;
    struct loop_watch broker_watch;
    struct imsg_channel signer;
    struct imsg_channel signer_next; /* of material that is still to come */
    uint32_t sign_request;
    struct collect update;
    struct loop_timer revalidate;
    struct loop_timer memory;
    struct tls_ocsp ocsp;
    struct tls_session *sessions;
    uint32_t session_count;
    bool finishing; /* ends when the last session has */
};

/* tls_session.c */
/* Takes both descriptors. */
void tls_session_begin(struct tls *t, const struct msg_session *m, SSL_CTX *ctx, int tcp,
                       int pair);
void tls_session_end(struct tls_session *s);
/* The TLS leg has ended: the gate is told how, what is left goes out. */
void tls_session_closed(struct tls_session *s, const struct msg_tls_closed *m);
/* tls_admit.c.  After a good handshake and whatever else was to be asked: the gate is
 * told who it is, or why not.  For sessions in TLS_HANDSHAKE and TLS_CHECK. */
void tls_session_admit(struct tls_session *s);
/* tls_session.c */
void tls_session_refuse(struct tls_session *s, enum tls_failure failure,
                        const char *detail);
/* Frees a session that has ended.  False: the broker could not yet be told. */
bool tls_session_free(struct tls_session *s);

/* Who signs for the contexts, with the first and with the second key. */
struct tls_signers {
    remote_sign_fn sign;
    remote_decrypt_fn decrypt;
    void *first;
    void *second;
    struct resume_keeper keeper;
};

/* tls_context_make.c: the contexts of all routes of a configuration, by place in
 * config.route; NULL, with a sentence in `err`, when one cannot be made.  The monitor
 * asks before it hands a configuration on. */
SSL_CTX **tls_contexts_make(const struct tls_config *c, const struct tls_signers *signers,
                            char *err, size_t cap);
void tls_contexts_free(SSL_CTX **ctx, const struct tls_config *c);

/* tls_trust.c: certificates, anchors and lists that change while sessions run */
void tls_trust_init(struct tls *t);
/* Contexts of this worker, with keys in its signer. */
SSL_CTX **tls_trust_contexts(struct tls *t, const struct tls_config *c, char *err,
                             size_t cap);
/* From now on the keys have the numbers of its present configuration. */
void tls_trust_keys(struct tls *t);
/* Ends a session because of the peer's certificate: close_notify, and the gate is told
 * how. */
void tls_trust_end(struct tls_session *s, enum tls_failure failure, const char *detail);
/* UPDATE_BEGIN and UPDATE_DATA of the monitor. */
enum imsg_status tls_trust_message(struct child *c, struct imsg *m);
/* A channel to a signer: of the present material, or of that which is to come. */
void tls_trust_signer(struct tls *t, uint32_t id, int fd);
/* The context of a route; NULL: no such route here. */
SSL_CTX *tls_trust_context(const struct tls *t, uint16_t route);
/* The handshake is complete: what changed meanwhile counts, too.  False: the session was
 * ended. */
bool tls_trust_admit(struct tls_session *s);

/* tls_memory.c: memory that only handshakes use */
void tls_memory_init(struct tls *t);
/* A handshake or a session is over. */
void tls_memory_stir(struct tls *t);

/* tls_sign.c: remote_sign_fn and remote_decrypt_fn over the channel to the signer, for a
 * struct tls_key.  They block at most TLS_SIGN_TIMEOUT_MS: OpenSSL cannot wait in the
 * middle of a handshake. */
#define TLS_SIGN_TIMEOUT_MS 2000
/* Waits for the signer's answer of this type to the request sent last (sign_request),
 * which is then in child.scratch.  False: none came. */
bool tls_signer_answer(struct tls *t, enum imsg_type type);
int tls_sign(void *key, uint16_t scheme, const uint8_t *tbs, size_t n, uint8_t *sig,
             size_t cap, size_t *siglen);
int tls_decrypt(void *key, const uint8_t *in, size_t n,
                uint8_t premaster[REMOTE_PREMASTER]);

/* tls_resume.c: keeps sessions that may be resumed with the signer. */
struct resume_keeper tls_resume_keeper(struct tls *t);

#endif
