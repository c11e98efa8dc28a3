/* The fetcher: asks OCSP responders for the tls workers, because they may dial nobody. It
 * dials only what the configuration names, carries octets both ways and understands none
 * of them: no OpenSSL.  Private to the fetcher; single-threaded. */
#ifndef GATE104_PROXY_FETCHER_H
#define GATE104_PROXY_FETCHER_H

#include "proxy/fetcher_http.h"
#include "proxy/role_config.h"
#include "sandbox/child.h"

/* Questions of a group that may wait, and answers that are kept for it. */
#define FETCHER_QUEUE_MAX 64u
#define FETCHER_KEPT_MAX  32u
/* A responder that did not answer is not asked again for this long. */
#define FETCHER_DOWN_MS 5000u

struct fetcher;

/* A tls worker. */
struct fetcher_client {
    struct fetcher *fetcher;
    struct imsg_channel ch;
    struct loop_watch watch;
    struct fetcher_client *next;
};

/* A question that waits; the first of a queue is the one that is asked now. */
struct fetcher_job {
    struct fetcher_client *client; /* NULL: it has ended */
    uint32_t request;
    size_t size;
    uint8_t der[OCSP_REQUEST_MAX];
    struct fetcher_job *next;
};

struct fetcher_kept {
    uint64_t until; /* 0: empty place */
    size_t request_size, size;
    uint8_t request[OCSP_REQUEST_MAX];
    uint8_t *der;
};

/* The responder of a group, and the one exchange with it at a time. */
struct fetcher_line {
    struct fetcher *fetcher;
    const struct fetcher_group *config;
    struct fetcher_job *queue;
    size_t queued;
    int fd;
    struct loop_watch watch;
    struct loop_timer timer;
    size_t out_size, out_sent;
    uint8_t out[1024 + OCSP_REQUEST_MAX];
    size_t have;
    uint8_t in[FETCHER_BUFFER];
    uint64_t down_until;
    enum ocsp_fetch down; /* why it was last given up; OCSP_FETCHED: it answers */
    size_t oldest;        /* place in kept that is given up next */
    struct fetcher_kept kept[FETCHER_KEPT_MAX];
};

struct fetcher {
    struct child child;
    struct fetcher_config config;
    struct fetcher_line *line; /* one for each group of the configuration */
    struct fetcher_client *clients;
};

/* fetcher_line.c */
void fetcher_line_init(struct fetcher_line *l, struct fetcher *f,
                       const struct fetcher_group *config);
/* Answers at once, or when the responder has. */
void fetcher_line_ask(struct fetcher_line *l, struct fetcher_client *client,
                      const struct msg_ocsp_ask *head, const uint8_t *der, size_t size);
/* The client has ended: nobody waits for its answers. */
void fetcher_line_forget(struct fetcher_line *l, const struct fetcher_client *client);

#endif
