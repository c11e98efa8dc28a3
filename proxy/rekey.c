#include "proxy/rekey.h"

#include <string.h>

void rekey_begin(struct rekey *r, enum rekey_side side, const struct rekey_settings *set,
                 uint32_t answer_s, uint64_t now)
{
    *r = (struct rekey){.set = *set, .side = side, .answer_s = answer_s, .fresh_ms = now};
}

/* The server is to begin; a client waits until that would have come.  In TLS 1.3 nobody
 * has to wait for the other. */
static uint64_t interval_ms(const struct rekey *r)
{
    uint64_t s = r->set.interval_s;

    if (r->side == REKEY_12_CLIENT)
        s += 2u * (uint64_t)r->set.timeout_s;
    return s * 1000u;
}

static bool worn(const struct rekey *r)
{
    uint64_t most = r->set.records;

    if (r->side == REKEY_12_CLIENT)
        most += most / 8;
    return r->sent >= most || r->received >= most;
}

uint64_t rekey_due(const struct rekey *r, uint64_t now)
{
    if (r->phase != REKEY_FRESH)
        return r->deadline_ms;
    return worn(r) ? now : r->fresh_ms + interval_ms(r);
}

static uint64_t answer_ms(const struct rekey *r)
{
    return (r->side == REKEY_13 ? r->answer_s : r->set.timeout_s) * (uint64_t)1000;
}

enum rekey_act rekey_tick(struct rekey *r, uint64_t now)
{
    if (rekey_due(r, now) > now)
        return REKEY_WAIT;
    if (r->phase != REKEY_FRESH)
        return REKEY_GIVE_UP;
    r->phase = REKEY_ASKED;
    r->deadline_ms = now + answer_ms(r);
    return REKEY_ASK;
}

void rekey_asked(struct rekey *r, uint64_t now)
{
    if (r->side == REKEY_13)
        r->sent = 0;
    if (r->phase == REKEY_ASKED)
        r->deadline_ms = now + answer_ms(r);
}

void rekey_postpone(struct rekey *r, uint64_t now)
{
    if (r->phase != REKEY_FRESH)
        r->deadline_ms = now + answer_ms(r);
}

/* Only somebody who renews keys faster than the standard knows may be renegotiated with
 * faster than that. */
static uint64_t peer_least_ms(const struct rekey *r)
{
    if (r->set.interval_s < REKEY_INTERVAL_MIN_S)
        return (uint64_t)r->set.interval_s * 900u;
    return REKEY_PEER_LEAST_MS;
}

/* A handshake costs us far more than the peer: not before it has shown that it came to
 * work, and not more often than the standard has use for. */
enum tls_close rekey_peer_begins(struct rekey *r, uint64_t now)
{
    if (r->phase != REKEY_FRESH)
        return 0;
    if (!r->heard || (r->peer_had && now < r->peer_ms + peer_least_ms(r)))
        return TLS_CLOSE_RENEG_STORM;
    r->peer_had = true;
    r->peer_ms = now;
    return 0;
}

void rekey_shaking(struct rekey *r, uint64_t now)
{
    r->phase = REKEY_SHAKING;
    r->deadline_ms = now + answer_ms(r);
}

void rekey_done(struct rekey *r, uint64_t now)
{
    r->phase = REKEY_FRESH;
    r->fresh_ms = now;
    r->sent = r->received = 0;
}

enum tls_close rekey_peer_updates(struct rekey *r, uint64_t now, bool *answered)
{
    *answered = r->phase == REKEY_ASKED;
    r->received = 0;
    if (*answered) {
        r->phase = REKEY_FRESH;
        r->fresh_ms = now;
    }
    if (now - r->updates_ms >= REKEY_UPDATES_SPAN_MS) {
        r->updates_ms = now;
        r->updates = 0;
    }
    r->updates++;
    return r->updates > REKEY_UPDATES_MAX ? TLS_CLOSE_UPDATE_STORM : 0;
}

bool rekey_silent_ends(struct rekey *r, uint64_t now)
{
    bool end = r->set.close_silent || worn(r);

    r->phase = REKEY_FRESH;
    r->fresh_ms = now;
    return end;
}
