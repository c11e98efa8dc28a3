/* What a tls process says of the keys of a session: records, and ends of sessions. */
#include "proxy/gate.h"

#include <stdio.h>
#include <string.h>

/* Keys are not renewed faster, and a tls process that was taken over shall not fill the
 * log. */
#define TOLD_LEAST_MS 500u

struct rekey_row {
    uint16_t number; /* enum tls_rekeyed or tls_close */
    enum event event;
    const char *why;      /* short stable word */
    const char *event_id; /* IEC 62351-3 Ed. 2 Annex A, or "" */
    const char *detail;
};

static const struct rekey_row told[] = {
    {TLS_REKEY_RENEGOTIATED, EVENT_TLS_REKEYED, "renegotiated", "",
     "TLS 1.2: both certificates were asked for again"},
    {TLS_REKEY_UPDATED, EVENT_TLS_REKEYED, "key-update", "",
     "TLS 1.3: both sides have new keys"},
    {TLS_REKEY_SILENT, EVENT_TLS_REKEY_FAILED, "no-key-update", "IEC62351-3:1.19",
     "TLS 1.3: the peer does not renew its key when asked; update its TLS"},
    {TLS_REKEY_IMPOSSIBLE, EVENT_TLS_NO_RENEG_SIG, "no-secure-renegotiation",
     "IEC62351-3:1.12",
     "the peer lacks RFC 5746: its session ends when its keys are due; update its TLS"},
};

static const struct rekey_row closed[] = {
    {TLS_CLOSE_NO_RENEG, EVENT_TLS_REKEY_FAILED, "no-renegotiation", "IEC62351-3:1.11",
     "the peer did not renegotiate when the keys were due"},
    {TLS_CLOSE_RENEG_STORM, EVENT_TLS_REKEY_FAILED, "renegotiation-storm", "",
     "the peer renegotiates before its first data, or too often"},
    {TLS_CLOSE_RENEG_FAILED, EVENT_TLS_REKEY_FAILED, "renegotiation-failed", "",
     "a renegotiation failed"},
    {TLS_CLOSE_RENEG_DATA, EVENT_TLS_REKEY_FAILED, "renegotiation-data", "",
     "the peer sent data in the middle of a renegotiation"},
    {TLS_CLOSE_RENEG_IDENTITY, EVENT_TLS_REKEY_FAILED, "renegotiation-identity", "",
     "the peer has another certificate than before: it needs a new session"},
    {TLS_CLOSE_RENEG_VERSION, EVENT_TLS_REKEY_FAILED, "renegotiation-version",
     "IEC62351-3:1.5", "the peer wants another version of TLS than before"},
    {TLS_CLOSE_NO_UPDATE, EVENT_TLS_REKEY_FAILED, "no-key-update", "IEC62351-3:1.19",
     "TLS 1.3: the peer did not renew its key when asked"},
    {TLS_CLOSE_UPDATE_STORM, EVENT_TLS_REKEY_FAILED, "key-update-storm", "",
     "TLS 1.3: the peer renews its key all the time"},
};

static const struct rekey_row *find(const struct rekey_row *row, size_t count,
                                    uint16_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (row[i].number == number)
            return &row[i];
    }
    return NULL;
}

static void log_row(struct gate_leg *leg, const struct rekey_row *row, const char *detail)
{
    struct gate_session *s = leg->session;
    struct record r;

    gate_log_begin(&r, s, row->event, 0);
    record_text(&r, RECORD_WHY, row->why);
    record_text(&r, RECORD_LEG, gate_log_side((int)leg->side));
    if (row->event_id[0] != '\0')
        record_text(&r, RECORD_EVENT_ID, row->event_id);
    record_text(&r, RECORD_DETAIL, detail);
    (void)gate_log_send(s->gate, &r);
}

bool gate_rekey_told(struct gate_leg *leg, struct imsg *m)
{
    struct gate_session *s = leg->session;
    uint64_t now = loop_now(&s->gate->child.loop);
    const struct rekey_row *row;
    struct msg_tls_rekey body;

    imsg_get(m, &body, sizeof body);
    row = find(told, sizeof told / sizeof told[0], body.what);
    if (!row || body.zero != 0) {
        (void)imsg_reject(&leg->ch, m);
        return false;
    }
    if (s->rekey_told_ms == 0 || now - s->rekey_told_ms >= TOLD_LEAST_MS) {
        s->rekey_told_ms = now;
        log_row(leg, row, row->detail);
    }
    return true;
}

bool gate_rekey_closed(struct gate_leg *leg, const struct msg_tls_closed *c,
                       const char *beyond)
{
    const struct rekey_row *row = find(closed, sizeof closed / sizeof closed[0], c->how);
    char text[400];

    if (!row)
        return false;
    (void)snprintf(text, sizeof text, "%s%s%s", row->detail, beyond[0] ? ": " : "",
                   beyond);
    log_row(leg, row, text);
    gate_session_close(leg->session, row->why, (int)leg->side, text);
    return true;
}
