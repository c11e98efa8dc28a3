#include "proxy/audit_verify_seal.h"

#include "proxy/audit_scan.h"

#include <string.h>

static bool one_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

/* Hex of n octets, and the quote behind it. */
static bool hex(struct audit_scan *s, uint8_t *out, size_t n)
{
    if ((size_t)(s->end - s->p) < 2 * n || !audit_unhex(s->p, out, n))
        return false;
    s->p += 2 * n;
    return AUDIT_SKIP(s, "\"");
}

static const char *parse_cover(struct audit_scan *s, struct audit_seal_line *o)
{
    static const char *const whys[] = {"interval", "start", "rotate",
                                       "reload",   "stop",  "on-demand"};

    if (!AUDIT_SKIP(s, ",\"epoch\":") || !audit_scan_number(s, &o->epoch) ||
        o->epoch == 0)
        return "no epoch in the seal";
    if (!AUDIT_SKIP(s, ",\"why\":\"") || !audit_scan_word(s, o->why, sizeof o->why) ||
        !one_of(o->why, whys, sizeof whys / sizeof whys[0]))
        return "no reason in the seal";
    if (!AUDIT_SKIP(s, ",\"first_seq\":") || !audit_scan_number(s, &o->first_seq) ||
        o->first_seq == 0 || !AUDIT_SKIP(s, ",\"records\":") ||
        !audit_scan_number(s, &o->records))
        return "the seal does not say which records it covers";
    if (!AUDIT_SKIP(s, ",\"commands\":") || !audit_scan_number(s, &o->counts.commands) ||
        !AUDIT_SKIP(s, ",\"refusals\":") || !audit_scan_number(s, &o->counts.refusals) ||
        !AUDIT_SKIP(s, ",\"alarms\":") || !audit_scan_number(s, &o->counts.alarms) ||
        !AUDIT_SKIP(s, ",\"gaps\":") || !audit_scan_number(s, &o->counts.gaps))
        return "no counters in the seal";
    return NULL;
}

static const char *parse_state(struct audit_scan *s, struct audit_seal_line *o)
{
    static const char *const clocks[] = {"synchronized", "unsynchronized", "unknown"};

    if (!AUDIT_SKIP(s, ",\"clock\":\"") ||
        !audit_scan_word(s, o->clock, sizeof o->clock) ||
        !one_of(o->clock, clocks, sizeof clocks / sizeof clocks[0]))
        return "no state of the clock in the seal";
    if (!AUDIT_SKIP(s, ",\"version\":\"") ||
        !audit_scan_word(s, o->version, sizeof o->version))
        return "no program version in the seal";
    if (!AUDIT_SKIP(s, ",\"config_sha256\":\"") || !hex(s, o->config, sizeof o->config))
        return "no hash of the configuration in the seal";
    if (!AUDIT_SKIP(s, ",\"key\":\"") || !hex(s, o->key, sizeof o->key))
        return "the seal does not name its key";
    if (!AUDIT_SKIP(s, ",\"seal_prev\":\"") || !hex(s, o->before, sizeof o->before))
        return "no hash of the seal before in the seal";
    return NULL;
}

const char *audit_seal_parse(const char *line, size_t n, struct audit_seal_line *out)
{
    static const char mark[] = "\"severity\":\"notice\"";
    const char *at = memmem(line, n, mark, sizeof mark - 1);
    struct audit_scan s = {at ? at + sizeof mark - 1 : line, line + n};
    const char *fault;

    if (!at)
        return "a seal of another severity";
    fault = parse_cover(&s, out);
    if (!fault)
        fault = parse_state(&s, out);
    if (fault)
        return fault;
    out->mac_at = (size_t)(s.p - line);
    if (!AUDIT_SKIP(&s, ",\"mac\":\"") || !hex(&s, out->mac, sizeof out->mac))
        return "no MAC in the seal";
    out->sig_at = (size_t)(s.p - line);
    if (!AUDIT_SKIP(&s, ",\"sig\":\"") || !hex(&s, out->sig, sizeof out->sig))
        return "no signature in the seal";
    out->rest_at = (size_t)(s.p - line);
    /* `prev` and its form are the frame's. */
    if (n - out->rest_at != sizeof ",\"prev\":\"\"}\n" - 1 + AUDIT_HASH_HEX_SIZE)
        return "more in the seal than belongs there";
    return NULL;
}
