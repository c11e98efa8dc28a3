/* gate104-signer: holds the private keys and signs TLS handshakes with them, and where
 * the configuration wants RSA key transport, decrypts its secrets; nothing else. It takes
 * no padding, no size and no digest from whoever asks: it is given the content, sees that
 * it is one of the things a TLS handshake signs (certs/sign_check.h), and decides the
 * rest from its own key. */
#include "certs/sign_check.h"
#include "certs/sign_key.h"
#include "proxy/role_config.h"
#include "proxy/signer_refusals.h"
#include "proxy/signer_sessions.h"
#include "sandbox/child.h"
#include "sandbox/rate.h"

#include <assert.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static_assert(SIGNATURE_MAX >= SIGN_SIGNATURE_MAX, "every signature fits its message");
static_assert(PREMASTER_SIZE == SIGN_PREMASTER, "one secret");

/* msg_signed.status beside the refusals of sign_check(). */
#define STATUS_NOT_YOUR_KEY 100u
#define STATUS_FAILED       101u
#define STATUS_TOKEN        102u
#define STATUS_TOO_MANY     103u
#define STATUS_NO_TRANSPORT 104u

/* More than a worker with as many sessions as it may have can need, and less than would
 * keep the others waiting for long. */
#define SIGNATURES_PER_S 2000u
#define SIGNATURES_BURST 4000u
/* Of one key, all workers together: who wants to break a secret needs millions
 * (Bleichenbacher's attack), 50 masters that come back at once need 50. */
#define DECRYPTIONS_PER_S 20u
#define DECRYPTIONS_BURST 200u

/* Descriptors are given out from the lowest. */
#define MODULE_FDS 256

struct signer;

/* A tls worker that may ask for signatures with the key of its group. */
struct client {
    struct signer *signer;
    struct imsg_channel ch;
    struct loop_watch watch;
    uint32_t request;
    uint32_t total; /* of the request being collected; 0: none */
    uint32_t have;
    uint16_t key;
    uint16_t scheme;
    uint8_t content[SIGN_CONTENT_MAX];
    struct rate signatures;
    struct session_credit credit;
    struct signer_offender offender;
    struct client *next;
};

struct signer {
    struct child child;
    struct signer_config config;
    struct sign_key **key;
    struct rate *decryptions; /* by key */
    struct client *clients;
    bool retired; /* ends with its last client */
    struct signer_sessions sessions;
    struct signer_refusals refusals;
};

static void stop(struct child *child);

static void client_free(struct client *c)
{
    struct signer *s = c->signer;
    struct client **p = &s->clients;

    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    loop_del(&s->child.loop, &c->watch);
    imsg_channel_close(&c->ch);
    signer_refusals_leave(&s->refusals, &c->offender);
    explicit_bzero(c->content, sizeof c->content);
    free(c);
    if (s->retired && !s->clients)
        stop(&s->child);
}

static enum sign_role role_of_key(const struct signer_key *k)
{
    if (k->server && k->client)
        return SIGN_ROLE_BOTH;
    return k->server ? SIGN_ROLE_SERVER : SIGN_ROLE_CLIENT;
}

static unsigned int allowed(const struct tls_rules *rules)
{
    return (rules->tls13_only ? 0 : SIGN_ALLOW_TLS12) |
           (tls_rules_dhe(rules) ? SIGN_ALLOW_DHE : 0) |
           (tls_rules_key_transport(rules) ? SIGN_ALLOW_TRANSPORT : 0);
}

/* The key, if it belongs to the group that the worker serves. */
static const struct signer_key *key_of(const struct client *c, uint16_t number)
{
    const struct signer_config *config = &c->signer->config;

    if (number >= config->key_count ||
        config->key[number].group != TLS_WORKER_GROUP(c->ch.peer_id))
        return NULL;
    return &config->key[number];
}

/* The status of an answer, and what is told of it. */
static uint16_t refuse(struct client *c, uint16_t status, enum signer_refusal why)
{
    signer_refusals_add(&c->signer->refusals, &c->offender, why, status);
    return status;
}

/* Signs what was collected.  Gives the status of the answer. */
static uint16_t sign(struct client *c, struct msg_signed *out)
{
    struct signer *s = c->signer;
    const struct signer_key *key = key_of(c, c->key);
    enum sign_kind kind;
    size_t size = 0;

    if (!key)
        return refuse(c, STATUS_NOT_YOUR_KEY, SIGNER_NOT_ITS_KEY);
    if (!rate_take(&c->signatures, monotonic_ms()))
        return refuse(c, STATUS_TOO_MANY, SIGNER_TOO_MANY);
    kind = sign_check(c->content, c->total, c->scheme, role_of_key(key),
                      allowed(&key->rules));
    if (!sign_kind_good(kind))
        return refuse(c, (uint16_t)kind, SIGNER_CONTENT);
    if (!sign_key_sign(s->key[c->key], kind, c->scheme, c->content, c->total,
                       out->signature, sizeof out->signature, &size))
        return sign_key_in_token(s->key[c->key]) ? refuse(c, STATUS_TOKEN, SIGNER_TOKEN)
                                                 : refuse(c, STATUS_FAILED, SIGNER_KEY);
    out->size = (uint16_t)size;
    return 0;
}

static void answer(struct client *c)
{
    struct msg_signed out = {.request = c->request};

    out.status = sign(c, &out);
    if (out.status == 0)
        signer_sessions_signed(&c->credit);
    (void)imsg_send(&c->ch, MSG_SIGNED, &out, sizeof out, NULL, 0);
    c->total = c->have = 0;
}

/* A piece of a request: pieces come in order, without gaps, of one request at a time. */
static enum imsg_status collect(struct client *c, struct imsg *m)
{
    size_t n = m->len - sizeof(struct msg_sign);
    struct msg_sign part;

    imsg_get(m, &part, sizeof part);
    if (c->total == 0) {
        if (part.total == 0 || part.total > SIGN_CONTENT_MAX || part.offset != 0)
            return imsg_reject(&c->ch, m);
        c->request = part.request;
        c->key = part.key;
        c->scheme = part.scheme;
        c->total = part.total;
        c->have = 0;
    }
    if (part.request != c->request || part.key != c->key || part.scheme != c->scheme ||
        part.total != c->total || part.offset != c->have || n > c->total - c->have)
        return imsg_reject(&c->ch, m);
    memcpy(c->content + c->have, m->payload + sizeof part, n);
    c->have += (uint32_t)n;
    if (c->have == c->total)
        answer(c);
    return IMSG_OK;
}

/* ---- RSA key transport ---- */

/* Nothing here depends on what is in the octets; see sign_key_premaster(). */
static uint16_t decrypt(struct client *c, const struct msg_decrypt *ask,
                        const uint8_t *in, size_t n, uint8_t premaster[PREMASTER_SIZE])
{
    struct signer *s = c->signer;
    const struct signer_key *key = key_of(c, ask->key);

    if (!key)
        return refuse(c, STATUS_NOT_YOUR_KEY, SIGNER_NOT_ITS_KEY);
    if (!key->server || !tls_rules_key_transport(&key->rules))
        return refuse(c, STATUS_NO_TRANSPORT, SIGNER_NO_TRANSPORT);
    if (!rate_take(&s->decryptions[ask->key], monotonic_ms()))
        return refuse(c, STATUS_TOO_MANY, SIGNER_TOO_MANY_SECRETS);
    return sign_key_premaster(s->key[ask->key], in, n, premaster)
               ? 0
               : refuse(c, STATUS_FAILED, SIGNER_KEY);
}

static enum imsg_status decrypt_message(struct client *c, struct imsg *m)
{
    struct msg_decrypt ask;
    struct msg_decrypted out = {0};

    imsg_get(m, &ask, sizeof ask);
    if (ask.zero != 0)
        return imsg_reject(&c->ch, m);
    out.request = ask.request;
    out.status =
        decrypt(c, &ask, m->payload + sizeof ask, m->len - sizeof ask, out.premaster);
    (void)imsg_send(&c->ch, MSG_DECRYPTED, &out, sizeof out, NULL, 0);
    explicit_bzero(&out, sizeof out);
    return IMSG_OK;
}

static enum imsg_status client_message(struct client *c, struct imsg *m)
{
    if (m->type == MSG_SIGN)
        return collect(c, m);
    if (m->type == MSG_DECRYPT)
        return decrypt_message(c, m);
    return signer_sessions_message(&c->signer->sessions, &c->ch, &c->credit, m);
}

static void client_ready(void *ctx, uint32_t events)
{
    struct client *c = ctx;
    struct imsg *m = &c->signer->child.scratch;
    enum imsg_status s = imsg_recv(&c->ch, m);

    (void)events;
    if (s == IMSG_AGAIN)
        return;
    if (s == IMSG_OK)
        s = client_message(c, m);
    if (s == IMSG_OK)
        return;
    if (s == IMSG_BAD)
        child_violation(&c->signer->child, &c->ch, &c->watch);
    client_free(c);
}

static void channel(struct child *child, enum role peer, uint32_t id, int fd)
{
    struct signer *s = (struct signer *)child;
    struct client *c = peer == ROLE_TLS ? calloc(1, sizeof *c) : NULL;

    if (!c) {
        (void)close(fd);
        return;
    }
    c->signer = s;
    c->offender.worker = id;
    rate_init(&c->signatures, SIGNATURES_PER_S, SIGNATURES_BURST, monotonic_ms());
    imsg_channel_init(&c->ch, fd, ROLE_SIGNER, ROLE_TLS, id, PHASE_RUN);
    c->next = s->clients;
    s->clients = c;
    if (!loop_add(&child->loop, &c->watch, fd, EPOLLIN, client_ready, c))
        client_free(c);
}

/* What a PKCS#11 module has opened (a device, a socket of its service) is its own and has
 * to outlive the sandbox. */
static void keep_descriptors(struct child *child)
{
    for (int fd = STDERR_FILENO + 1; fd < MODULE_FDS; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            child_keep(child, fd);
    }
}

static bool init(struct child *child, const uint8_t *cfg, size_t len)
{
    struct signer *s = (struct signer *)child;
    bool tokens = false;
    char err[512];

    if (!signer_config_decode(cfg, len, &s->config)) {
        child_log(child, "configuration from the monitor does not decode");
        return false;
    }
    signer_refusals_init(&s->refusals, child);
    s->key =
        calloc(s->config.key_count ? s->config.key_count : 1, sizeof(struct sign_key *));
    s->decryptions =
        calloc(s->config.key_count ? s->config.key_count : 1, sizeof *s->decryptions);
    if (!s->key || !s->decryptions)
        return false;
    for (size_t i = 0; i < s->config.key_count; i++) {
        rate_init(&s->decryptions[i], DECRYPTIONS_PER_S, DECRYPTIONS_BURST,
                  monotonic_ms());
        s->key[i] = sign_key_load(s->config.key[i].path, err, sizeof err);
        if (!s->key[i]) {
            child_log(child, "%s", err);
            return false;
        }
        tokens = tokens || sign_key_in_token(s->key[i]);
    }
    if (tokens) {
        keep_descriptors(child);
        child->module = true;
        /* A role may write no file: a module that tries is to be told, not ended. */
        (void)signal(SIGXFSZ, SIG_IGN);
    }
    return signer_sessions_init(&s->sessions, child, &s->config);
}

static void wipe_keys(struct signer *s)
{
    signer_sessions_free(&s->sessions);
    for (size_t i = 0; i < s->config.key_count; i++)
        sign_key_free(s->key[i]);
    s->config.key_count = 0;
}

static void stop(struct child *child)
{
    struct signer *s = (struct signer *)child;

    signer_refusals_end(&s->refusals);
    wipe_keys(s);
    loop_stop(&child->loop);
}

/* New keys have a signer of their own; who still has a channel to this one may finish. */
static enum imsg_status message(struct child *child, struct imsg *m)
{
    struct signer *s = (struct signer *)child;

    /* What is kept was good under lists, anchors or policies that are no longer so. */
    if (m->type == MSG_SESSION_FLUSH) {
        signer_sessions_flush(&s->sessions);
        return IMSG_OK;
    }
    if (m->type != MSG_RETIRE)
        return imsg_reject(&child->control, m);
    s->retired = true;
    if (!s->clients)
        stop(child);
    return IMSG_OK;
}

static const struct child_ops ops = {
    .role = ROLE_SIGNER,
    .max_fds = 65536, /* a channel to each tls process */
    .init = init,
    .channel = channel,
    .message = message,
    .stop = stop,
    .orphan = stop,
};

/* `gate104-signer --check KEY`: loads the key as at a start and prints its type and
 * public half (hex of the SubjectPublicKeyInfo), so that a configuration check needs no
 * other program that reads private keys. */
static int check_key(const char *path)
{
    uint8_t der[SIGN_PUBLIC_MAX];
    char err[512];
    struct sign_key *key = sign_key_load(path, err, sizeof err);
    size_t n;

    if (!key) {
        (void)fprintf(stderr, "%s\n", err);
        return 1;
    }
    n = sign_key_public(key, der, sizeof der);
    (void)printf("%s ", sign_key_type_name(sign_key_type(key)));
    for (size_t i = 0; i < n; i++)
        (void)printf("%02x", der[i]);
    (void)printf("\n");
    sign_key_free(key);
    return n > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct signer signer;

    _Static_assert(offsetof(struct signer, child) == 0, "callbacks get the child");
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return check_key(argv[2]);
    /* Its filter has neither munmap nor mremap. */
    (void)mallopt(M_MMAP_MAX, 0);
    return child_main(argc, argv, &ops, &signer.child);
}
