/* The end of a good handshake: the gate is told who the peer is, and data may flow. */
#include "proxy/tls.h"

#include "certs/identity_ssl.h"
#include "certs/resume.h"

static bool send_identity(struct tls_session *s)
{
    const uint16_t warned = (uint16_t)tls_warnings(s->ssl);
    struct msg_identity head = {.session = s->id,
                                .route = s->route,
                                .warnings = (uint16_t)(warned | resume_flags(s->ssl))};
    uint8_t wire[IDENTITY_WIRE_MAX];
    struct peer_identity id;
    size_t n;

    s->warned = warned;
    if (!identity_from_ssl(&id, s->ssl))
        return false;
    n = identity_encode(&id, wire, sizeof wire);
    return n > 0 &&
           imsg_send2(&s->gate, MSG_IDENTITY, &head, sizeof head, wire, n) == IMSG_OK;
}

void tls_session_admit(struct tls_session *s)
{
    if (!send_identity(s)) {
        tls_session_refuse(s, TLS_FAIL_INTERNAL, "peer certificate cannot be described");
        return;
    }
    loop_timer_stop(&s->tls->child.loop, &s->timer);
    tls_memory_stir(s->tls);
    /* What came meanwhile is read in the next round. */
    if (s->state == TLS_CHECK)
        (void)loop_timer_set(&s->tls->child.loop, &s->again, 0);
    s->state = TLS_OPEN;
    s->gate.phase = PHASE_OPEN;
    tls_rekey_begin(s);
    (void)tls_trust_admit(s);
}
