/* What did not stop a handshake but belongs in the log: the responder that did not tell
 * whether the peer's certificate is revoked (IEC 62351-3 Ed. 2 Annex A, IEC 62351-9). */
#include "proxy/gate.h"

#include "certs/identity.h"

static const struct {
    unsigned int warning;
    enum event event;
    const char *id;
    const char *detail;
} rows[] = {
    {IDENTITY_WARN_OCSP_SILENT, EVENT_OCSP_SILENT, "IEC62351-9:4.6",
     "no answer from the OCSP responder; the certificate is taken as good"},
    {IDENTITY_WARN_OCSP_EXPIRED, EVENT_OCSP_EXPIRED, "IEC62351-3:2.7",
     "the answer of the OCSP responder is too old; the certificate is taken as good"},
    {IDENTITY_WARN_OCSP_BAD, EVENT_OCSP_BAD, "IEC62351-9:4.9",
     "the OCSP answer is forged, broken or about another certificate; the certificate is "
     "taken as good"},
    {IDENTITY_WARN_OCSP_UNKNOWN, EVENT_OCSP_UNKNOWN, "IEC62351-9:4.7",
     "the OCSP responder does not know the certificate; it is taken as good"},
};

void gate_warn_ocsp(struct gate_session *s)
{
    struct record r;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((s->warnings & IDENTITY_WARN_OCSP_MASK) != rows[i].warning)
            continue;
        gate_log_begin(&r, s, rows[i].event, 0);
        gate_log_peer(&r, s);
        record_text(&r, RECORD_EVENT_ID, rows[i].id);
        record_text(&r, RECORD_DETAIL, rows[i].detail);
        (void)gate_log_send(s->gate, &r);
    }
}
