/* Session resumption for a TLS server, in the bounds of IEC 62351-3 (TLS 1.2 session ids,
 * TLS 1.3 tickets that are such ids): no ticket holds a session, and no key opens one.
 * What is to be resumed is kept by somebody else, under an id of 32 random octets.
 *
 * libssl resumes without looking at the peer's certificate again; resume_admit() does.
 * For the tls process. */
#ifndef GATE104_CERTS_RESUME_H
#define GATE104_CERTS_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "certs/tls_failure.h"

#define RESUME_ID_SIZE 32u
/* Octets of a session with the certificates of its peer; larger ones are not kept. */
#define RESUME_OCTETS_MAX 4052u

struct resume_session {
    uint8_t id[RESUME_ID_SIZE];
    bool once;        /* TLS 1.3: to be resumed once */
    bool renewed;     /* goes on from one that was resumed; else after a full handshake */
    uint32_t seconds; /* it may still be used */
    size_t size;
    uint8_t octets[RESUME_OCTETS_MAX];
};

enum resume_found { RESUME_FOUND, RESUME_UNKNOWN, RESUME_LAPSED };

/* Who keeps the sessions.  None of these may call into the SSL object that asks. */
struct resume_keeper {
    void (*put)(void *ctx, const struct resume_session *s);
    /* `id` is filled in; gives the rest.  May block for a bounded time. */
    enum resume_found (*take)(void *ctx, struct resume_session *s);
    void (*forget)(void *ctx, const uint8_t id[RESUME_ID_SIZE]);
    void *ctx;
};

struct resume_settings {
    uint32_t lifetime_s; /* from the full handshake on; 0: no resumption */
    uint32_t place;      /* sessions of one route are not resumed on another */
    struct resume_keeper keeper;
};

/* Makes a server's context resume.  For tls_context_new(). */
bool resume_install(SSL_CTX *ctx, const struct resume_settings *s);

/* To call after every completed handshake, before the first octet of data: validates the
 * peer of a resumed session anew (chain, dates, revocation, usage), as libssl does not,
 * and only then hands the new session to the keeper.  TLS_FAIL_NONE, or why the session
 * must end.  Harmless without resumption. */
enum tls_failure resume_admit(SSL *ssl, char *detail, size_t cap);

/* IDENTITY_RESUMED, IDENTITY_WARN_LAPSED or neither. */
unsigned int resume_flags(const SSL *ssl);

/* The certificates the peer sent, also where it sent them in the session that is resumed
 * here.  Owned by `ssl`. */
STACK_OF(X509) * resume_peer_chain(const SSL *ssl);

#endif
