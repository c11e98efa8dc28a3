/* What the tls process finds out about a peer's certificate while its session runs. */
#include "proxy/gate.h"

#include "certs/tls_failure.h"

/* IEC 62351-3 Ed. 2, Annex A. */
#define EVENT_CRL_EXPIRED "IEC62351-3:2.6"
#define EVENT_CRL_MISSING "IEC62351-3:2.5"
#define EVENT_TOO_OLD     "IEC62351-3:1.10"
#define EVENT_CLOSED_REV  "IEC62351-3:1.8"

static const struct ending {
    enum tls_close how;
    const char *why;
    const char *event; /* of the session's end, beside that of the certificate */
} endings[] = {
    {TLS_CLOSE_REVOKED, "certificate-revoked", EVENT_CLOSED_REV},
    {TLS_CLOSE_EXPIRED, "certificate-expired", NULL},
    {TLS_CLOSE_UNTRUSTED, "certificate-untrusted", NULL},
};

/* The certificate's own record; the session's closing record follows. */
static void log_certificate(struct gate_session *s, const struct tls_failure_info *info,
                            const char *detail)
{
    struct record r;

    gate_log_begin(&r, s, EVENT_CERTIFICATE_INVALID, 0);
    gate_log_peer(&r, s);
    record_text(&r, RECORD_WHY, info->name);
    gate_log_security(&r, RECORD_EVENT_ID, security_event_named(info->mnemonic));
    record_text(&r, RECORD_DETAIL, detail);
    (void)gate_log_send(s->gate, &r);
}

bool gate_trust_closed(struct gate_leg *leg, const struct msg_tls_closed *c)
{
    const struct tls_failure_info *info = tls_failure_info(c->failure);
    struct gate_session *s = leg->session;

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (c->how != endings[i].how)
            continue;
        log_certificate(s, info, c->detail);
        s->end_event = endings[i].event;
        gate_session_close(s, endings[i].why, (int)leg->side, info->text);
        return true;
    }
    return false;
}

static void warn(struct gate_session *s, enum event event, const char *id,
                 const char *detail)
{
    struct record r;

    gate_log_begin(&r, s, event, 0);
    gate_log_peer(&r, s);
    record_text(&r, RECORD_EVENT_ID, id);
    record_text(&r, RECORD_DETAIL, detail);
    (void)gate_log_send(s->gate, &r);
}

void gate_trust_warnings(struct gate_session *s, uint16_t warnings)
{
    uint16_t news = warnings & (uint16_t)~s->warnings;
    bool opening = s->link == NULL;

    s->warnings = warnings | (s->warnings & IDENTITY_RESUMED);
    if (news & IDENTITY_WARN_CRL_STALE)
        warn(s, EVENT_CRL_STALE, EVENT_CRL_EXPIRED,
             gate_trust_no_commands(s)
                 ? "the revocation list of the peer's CA is out of date for longer than "
                   "crl_grace: commands are refused"
                 : "the revocation list of the peer's CA is out of date");
    if (news & IDENTITY_WARN_LAPSED)
        warn(s, EVENT_SESSION_LAPSED, EVENT_TOO_OLD,
             "the session that was to be resumed is too old: a full handshake");
    /* At its begin the opening record says so. */
    if (news & IDENTITY_WARN_NO_CRL && !opening)
        warn(s, EVENT_NO_CRL, EVENT_CRL_MISSING,
             "there is no revocation list of the peer's CA any more");
}

bool gate_trust_no_commands(const struct gate_session *s)
{
    return (s->warnings & IDENTITY_WARN_MONITOR_ONLY) != 0;
}
