/* One question to an EST server over HTTPS, by libcurl. */
#ifndef GATE104_PROXY_PKI_EST_HTTP_H
#define GATE104_PROXY_PKI_EST_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "certs/est_tls.h"

/* Octets of an answer that are taken. */
#define EST_ANSWER_MAX (256u * 1024u)

struct est_server {
    const char *url; /* https://HOST[:PORT][/LABEL] */
    struct est_tls tls;
    const char *user, *password; /* or NULL */
    int timeout;                 /* seconds for the whole of a question */
};

struct est_reply {
    long status;      /* of HTTP */
    long retry_after; /* seconds, 0: not said */
    char type[128];   /* of the content, or "" */
    size_t n;
    char *body; /* NUL-terminated; NULL before the first octet */
};

/* True if `url` is one; else a sentence. */
bool est_url_good(const char *url, char *err, size_t cap);

/* Asks for "cacerts" (request NULL), or posts a request in base64 to "simpleenroll".
 * False with a sentence in `err` when there is no whole answer.  est_reply_free() it in
 * any case. */
bool est_ask(const struct est_server *server, const char *operation, const char *request,
             struct est_reply *reply, char *err, size_t cap);
void est_reply_free(struct est_reply *reply);

#endif
