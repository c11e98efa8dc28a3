#include "proxy/signer_sessions.h"

#include <stdlib.h>
#include <string.h>

#define EXPIRE_MS 60000u
/* Handshakes a worker may have under way: as many as it may have sessions. */
#define CREDIT_MAX 1024u
/* A worker for one session takes one session, of the two that a client may name; a
 * renegotiation takes none. */
#define SINGLE_TAKEN 1u
#define SINGLE_ASKED 2u

static void expire(void *ctx)
{
    struct signer_sessions *s = ctx;

    for (size_t i = 0; i < s->config->key_count; i++) {
        if (s->store[i])
            session_store_expire(s->store[i], loop_now(&s->child->loop));
    }
    (void)loop_timer_set(&s->child->loop, &s->expire, EXPIRE_MS);
}

bool signer_sessions_init(struct signer_sessions *s, struct child *child,
                          const struct signer_config *config)
{
    size_t n = config->key_count;

    s->child = child;
    s->config = config;
    s->store = calloc(n ? n : 1, sizeof(struct session_store *));
    if (!s->store)
        return false;
    for (size_t i = 0; i < n; i++) {
        /* A group's first key has its number. */
        if (config->key[i].resume_s == 0 || config->key[i].group != i)
            continue;
        s->store[i] = session_store_new();
        if (!s->store[i])
            return false;
    }
    loop_timer_init(&s->expire, expire, s);
    return loop_timer_set(&child->loop, &s->expire, EXPIRE_MS);
}

void signer_sessions_free(struct signer_sessions *s)
{
    for (size_t i = 0; s->store && i < s->config->key_count; i++)
        session_store_free(s->store[i]);
    free(s->store);
    s->store = NULL;
}

void signer_sessions_flush(struct signer_sessions *s)
{
    for (size_t i = 0; i < s->config->key_count; i++) {
        if (s->store[i])
            session_store_flush(s->store[i]);
    }
}

void signer_sessions_signed(struct session_credit *credit)
{
    if (credit->fresh < CREDIT_MAX)
        credit->fresh++;
}

/* ---- messages ---- */

static enum imsg_status put(struct signer_sessions *s, const struct signer_key *key,
                            struct session_store *store, struct imsg_channel *ch,
                            struct session_credit *credit, struct imsg *m)
{
    uint64_t now = loop_now(&s->child->loop);
    struct msg_session_put head;
    uint32_t *left;
    uint64_t until;

    imsg_get(m, &head, sizeof head);
    if (head.once > 1 || head.renewed > 1 || head.zero[0] != 0 || head.zero[1] != 0 ||
        head.seconds == 0 || head.seconds > key->resume_s)
        return imsg_reject(ch, m);
    left = head.renewed ? &credit->renewals : &credit->fresh;
    if (*left == 0)
        return IMSG_OK;
    (*left)--;
    until = now + 1000u * (uint64_t)head.seconds;
    /* However often it is renewed, its time counts from the full handshake. */
    if (head.renewed && until > credit->renew_until)
        until = credit->renew_until;
    (void)session_store_put(store, head.id, head.once == 1, until,
                            m->payload + sizeof head, m->len - sizeof head);
    return IMSG_OK;
}

static bool may_take(const struct signer_key *key, struct session_credit *credit)
{
    credit->asked++;
    return !key->single ||
           (credit->taken < SINGLE_TAKEN && credit->asked <= SINGLE_ASKED);
}

static enum imsg_status ask(struct signer_sessions *s, const struct signer_key *key,
                            struct session_store *store, struct imsg_channel *ch,
                            struct session_credit *credit, struct imsg *m)
{
    uint64_t now = loop_now(&s->child->loop);
    struct msg_session_found found = {.status = SESSION_UNKNOWN};
    uint8_t octets[SESSION_OCTETS_MAX];
    struct msg_session_ask head;
    uint64_t until = now;
    size_t n = 0;

    imsg_get(m, &head, sizeof head);
    if ((head.wish != SESSION_TAKE && head.wish != SESSION_FORGET) || head.zero[0] != 0 ||
        head.zero[1] != 0 || head.zero[2] != 0)
        return imsg_reject(ch, m);
    if (head.wish == SESSION_FORGET) {
        session_store_forget(store, head.id);
        return IMSG_OK;
    }
    if (may_take(key, credit))
        found.status =
            (uint8_t)session_store_take(store, head.id, now, octets, &n, &until);
    found.request = head.request;
    found.seconds = (uint32_t)((until - now) / 1000u);
    if (found.status == SESSION_GOOD) {
        credit->taken++;
        credit->renewals =
            credit->renewals < CREDIT_MAX ? credit->renewals + 1 : CREDIT_MAX;
        credit->renew_until = until > credit->renew_until ? until : credit->renew_until;
    }
    (void)imsg_send2(ch, MSG_SESSION_FOUND, &found, sizeof found, octets, n);
    explicit_bzero(octets, n);
    return IMSG_OK;
}

enum imsg_status signer_sessions_message(struct signer_sessions *s,
                                         struct imsg_channel *ch,
                                         struct session_credit *credit, struct imsg *m)
{
    uint32_t group = TLS_WORKER_GROUP(ch->peer_id);
    const struct signer_key *key;

    if (group >= s->config->key_count || !s->store[group])
        return imsg_reject(ch, m);
    key = &s->config->key[group];
    if (m->type == MSG_SESSION_PUT)
        return put(s, key, s->store[group], ch, credit, m);
    return ask(s, key, s->store[group], ch, credit, m);
}
