/* TLS sessions that may be resumed, of one group of tls workers.  In the signer: workers
 * come and go, and none of them may hold what opens the sessions of others.
 *
 * In memory only, bounded in number, octets and time.  No clock of its own: `now` is
 * monotonic, in milliseconds. */
#ifndef GATE104_PROXY_SESSION_STORE_H
#define GATE104_PROXY_SESSION_STORE_H

#include "sandbox/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_STORE_ENTRIES 4096u
#define SESSION_STORE_OCTETS  (4u * 1024u * 1024u)

struct session_store;

/* NULL: out of memory. */
struct session_store *session_store_new(void);
/* Wipes all of it; NULL is allowed. */
void session_store_free(struct session_store *st);

/* Keeps a session until `until`; one under the same id is replaced.  The oldest go where
 * there is no room.  With `once` it can be taken once (RFC 8446 clause C.4), else again
 * and again (TLS 1.2).  False: out of memory, or larger than SESSION_OCTETS_MAX. */
bool session_store_put(struct session_store *st, const uint8_t id[SESSION_ID_SIZE],
                       bool once, uint64_t until, const void *octets, size_t n);

enum session_status session_store_take(struct session_store *st,
                                       const uint8_t id[SESSION_ID_SIZE], uint64_t now,
                                       uint8_t out[SESSION_OCTETS_MAX], size_t *n,
                                       uint64_t *until);
void session_store_forget(struct session_store *st, const uint8_t id[SESSION_ID_SIZE]);
/* Wipes what is past its time.  Its ids stay for a while (SESSION_LAPSED). */
void session_store_expire(struct session_store *st, uint64_t now);
void session_store_flush(struct session_store *st);

size_t session_store_count(const struct session_store *st);
size_t session_store_octets(const struct session_store *st);

#endif
