/* The one HTTP exchange the fetcher makes: POST an OCSP request, take the answer (RFC
 * 6960 appendix A.1, RFC 9112).  Pure: no I/O, no allocation. */
#ifndef GATE104_PROXY_FETCHER_HTTP_H
#define GATE104_PROXY_FETCHER_HTTP_H

#include "sandbox/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An answer's head and body may not be larger. */
#define FETCHER_HEAD_MAX   4096u
#define FETCHER_ANSWER_MAX OCSP_ANSWER_MAX
/* Octets of an answer that are ever needed: one more than allowed shows that it is too
 * large. */
#define FETCHER_BUFFER (FETCHER_HEAD_MAX + FETCHER_ANSWER_MAX + 1u)

enum http_progress {
    HTTP_MORE,      /* nothing is wrong so far */
    HTTP_DONE,      /* the answer is whole */
    HTTP_STATUS,    /* whole head, but its status is not 200 */
    HTTP_TOO_LARGE, /* head or body beyond its bound */
    HTTP_BAD,       /* not what a responder sends */
};

struct http_answer {
    unsigned int status; /* 0: not known yet */
    size_t body;         /* where it begins in the buffer */
    size_t size;         /* of the body, when done */
};

/* Writes the request's head; its size, or 0 if it does not fit. */
size_t http_request_head(const char *host, const char *path, size_t body_size, char *out,
                         size_t cap);
/* Looks at the `n` octets that have come so far; `ended`: no more will come.  HTTP_MORE
 * is never the result of an answer that has ended. */
enum http_progress http_answer_parse(const uint8_t *buf, size_t n, bool ended,
                                     struct http_answer *a);

#endif
