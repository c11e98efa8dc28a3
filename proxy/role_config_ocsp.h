/* OCSP, as the roles are told of it: what a tls group asks and accepts, and where the
 * fetcher may ask.  Part of role_config.h. */
#ifndef GATE104_PROXY_ROLE_CONFIG_OCSP_H
#define GATE104_PROXY_ROLE_CONFIG_OCSP_H

#include "sandbox/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCSP_HOST_MAX 261u /* a name of 253 octets and a port */
#define OCSP_PATH_MAX 255u
/* Seconds the whole exchange with a responder may take. */
#define OCSP_TIMEOUT_MAX 60u
#define OCSP_AGE_MAX     2592000u

/* How a group of tls workers uses its responder. */
struct ocsp_config {
    bool query;         /* ask for the peer's certificate after each handshake */
    bool required;      /* without a good answer there is no session */
    bool staple;        /* give our own answer to peers that ask for it */
    uint32_t timeout_s; /* how long a session waits */
    uint32_t max_age_s; /* an answer older than this is none */
    uint32_t refresh_s; /* our own answer is asked for again after this */
};

/* True if the group has any business with the fetcher. */
static inline bool ocsp_config_used(const struct ocsp_config *c)
{
    return c->query || c->staple;
}

/* ---- fetcher: the only one who dials a responder ---- */

struct fetcher_group {
    uint32_t group; /* of tls workers */
    struct msg_endpoint responder;
    char host[OCSP_HOST_MAX + 1]; /* for the Host field: name or address, with port */
    char path[OCSP_PATH_MAX + 1];
    uint32_t timeout_s;
    uint32_t keep_s; /* an answer is given again for this long */
};

struct fetcher_config {
    size_t group_count;
    struct fetcher_group *group;
};

size_t fetcher_config_encode(const struct fetcher_config *c, uint8_t **out);
bool fetcher_config_decode(const uint8_t *p, size_t n, struct fetcher_config *c);
void fetcher_config_free(struct fetcher_config *c);

#endif
