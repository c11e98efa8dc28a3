/* Keeping sessions that may be resumed with the signer. */
#include "proxy/tls.h"

#include <string.h>

static void put(void *ctx, const struct resume_session *s)
{
    struct tls *t = ctx;
    struct msg_session_put head = {
        .seconds = s->seconds, .once = s->once, .renewed = s->renewed};

    if (s->seconds == 0)
        return;
    memcpy(head.id, s->id, sizeof head.id);
    (void)imsg_send2(&t->signer, MSG_SESSION_PUT, &head, sizeof head, s->octets, s->size);
}

static bool ask(struct tls *t, enum session_wish wish, const uint8_t *id)
{
    struct msg_session_ask m = {.wish = (uint8_t)wish};

    m.request = ++t->sign_request;
    memcpy(m.id, id, sizeof m.id);
    return imsg_send(&t->signer, MSG_SESSION_ASK, &m, sizeof m, NULL, 0) == IMSG_OK;
}

/* Without an answer there is a full handshake. */
static enum resume_found take(void *ctx, struct resume_session *s)
{
    struct tls *t = ctx;
    struct imsg *m = &t->child.scratch;
    struct msg_session_found found;

    if (t->signer.fd < 0 || !ask(t, SESSION_TAKE, s->id) ||
        !tls_signer_answer(t, MSG_SESSION_FOUND))
        return RESUME_UNKNOWN;
    memcpy(&found, m->payload, sizeof found);
    s->size = m->len - sizeof found;
    if (found.status == SESSION_LAPSED)
        return RESUME_LAPSED;
    if (found.status != SESSION_GOOD || found.seconds == 0 || s->size == 0 ||
        s->size > sizeof s->octets)
        return RESUME_UNKNOWN;
    s->seconds = found.seconds;
    memcpy(s->octets, m->payload + sizeof found, s->size);
    explicit_bzero(m->payload, m->len);
    return RESUME_FOUND;
}

static void forget(void *ctx, const uint8_t id[RESUME_ID_SIZE])
{
    struct tls *t = ctx;

    if (t->signer.fd >= 0)
        (void)ask(t, SESSION_FORGET, id);
}

struct resume_keeper tls_resume_keeper(struct tls *t)
{
    return (struct resume_keeper){.put = put, .take = take, .forget = forget, .ctx = t};
}
