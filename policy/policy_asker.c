#include "policy/policy_asker.h"

#include <string.h>
#include <strings.h>

/* How identities write names of subjectAltName, certs/identity.h; NULL: not of it. */
static const char *const SAN_KIND[POLICY_PEER_KINDS] = {
    [POLICY_PEER_DNS] = "DNS:",
    [POLICY_PEER_URI] = "URI:",
    [POLICY_PEER_EMAIL] = "email:",
};

/* ---- certificates ---- */

static bool was_cut(const char *text, size_t cap)
{
    const size_t n = strlen(text);

    return n >= 3 && n + 1 >= cap && memcmp(text + n - 3, "...", 3) == 0;
}

static bool is_text(const struct policy_peer *p, const char *text, size_t cap)
{
    return !was_cut(text, cap) && strcmp(text, p->text) == 0;
}

/* Where an entry of subjectAltName ends.  A comma behind a backslash is part of a name.
 */
static size_t entry_size(const char *san)
{
    size_t n = 0;

    while (san[n] != '\0' && !(san[n] == ',' && (n == 0 || san[n - 1] != '\\')))
        n++;
    return n;
}

static bool is_entry(const struct policy_peer *p, const char *entry, size_t n)
{
    const char *kind = SAN_KIND[p->kind];
    const size_t prefix = strlen(kind);

    if (n != prefix + p->size || strncmp(entry, kind, prefix) != 0)
        return false;
    /* RFC 5280 clause 7.2: letters of DNS names are equal in both cases. */
    return p->kind == POLICY_PEER_DNS ? strncasecmp(entry + prefix, p->text, p->size) == 0
                                      : strncmp(entry + prefix, p->text, p->size) == 0;
}

static bool is_in_san(const struct policy_peer *p, const char *san, size_t cap)
{
    const bool cut = was_cut(san, cap);

    for (;;) { /* each turn takes an entry off a text that ends */
        const size_t n = entry_size(san);

        if (san[n] == '\0' && cut)
            return false;
        if (is_entry(p, san, n))
            return true;
        if (san[n] == '\0')
            return false;
        san += n + 1;
        san += *san == ' ';
    }
}

static bool is_holder(const struct policy_peer *p, const struct policy_holder *h)
{
    switch ((enum policy_peer_kind)p->kind) {
    case POLICY_PEER_SHA256:
        return memcmp(p->text, h->fingerprint, POLICY_FINGERPRINT) == 0;
    case POLICY_PEER_SUBJECT: return is_text(p, h->subject, h->cap);
    case POLICY_PEER_ISSUER: return is_text(p, h->issuer, h->cap);
    case POLICY_PEER_DNS:
    case POLICY_PEER_URI:
    case POLICY_PEER_EMAIL: return is_in_san(p, h->san, h->cap);
    }
    return false;
}

uint64_t policy_askers_peers(const struct policy_askers *t, const struct policy_holder *h)
{
    uint64_t set = 0;

    for (size_t i = 0; t != NULL && i < t->peer_count; i++)
        if (is_holder(&t->peer[i], h))
            set |= UINT64_C(1) << t->peer[i].bit;
    return set;
}

/* ---- addresses ---- */

static bool is_in_net(const struct policy_net *net, const uint8_t addr[16])
{
    static const uint8_t ipv4[12] = {[10] = 0xFF, [11] = 0xFF};
    const unsigned int whole = net->prefix / 8u, rest = net->prefix % 8u;

    /* "::/0" is all of IPv6, and nothing of IPv4. */
    if (net->prefix < 96 && memcmp(addr, ipv4, sizeof ipv4) == 0)
        return false;

    if (memcmp(net->addr, addr, whole) != 0)
        return false;
    return rest == 0 || ((net->addr[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

uint64_t policy_askers_sources(const struct policy_askers *t, const uint8_t addr[16])
{
    uint64_t set = 0;

    for (size_t i = 0; t != NULL && i < t->net_count; i++)
        if (is_in_net(&t->net[i], addr))
            set |= UINT64_C(1) << t->net[i].bit;
    return set;
}

/* ---- times ---- */

uint64_t policy_askers_times_at(const struct policy_askers *t, unsigned int minute)
{
    uint64_t set = 0;

    for (size_t i = 0; t != NULL && i < t->window_count; i++)
        if (minute >= t->window[i].first && minute <= t->window[i].last)
            set |= UINT64_C(1) << t->window[i].bit;
    return set;
}

uint64_t policy_askers_times(const struct policy_askers *t, int64_t utc)
{
    return t == NULL ? 0 : policy_askers_times_at(t, policy_zone_minute(&t->zone, utc));
}

/* ---- tables that may be wrong ---- */

static bool peer_is_good(const struct policy_peer *p)
{
    if (p->bit >= POLICY_BITS || p->kind >= POLICY_PEER_KINDS || p->size == 0 ||
        p->size > POLICY_PEER_TEXT_MAX || p->text[p->size] != '\0')
        return false;
    return p->kind == POLICY_PEER_SHA256 ? p->size == POLICY_FINGERPRINT
                                         : strlen(p->text) == p->size;
}

static bool net_is_good(const struct policy_net *n)
{
    if (n->bit >= POLICY_BITS || n->prefix > 128)
        return false;
    for (unsigned int i = n->prefix; i < 128; i++)
        if ((n->addr[i / 8] >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

const char *policy_askers_fault(const struct policy_askers *t)
{
    if (t->peer_count > POLICY_PEERS_MAX || t->net_count > POLICY_NETS_MAX ||
        t->window_count > POLICY_WINDOWS_MAX)
        return "it names too many certificates, networks or times";
    for (size_t i = 0; i < t->peer_count; i++)
        if (!peer_is_good(&t->peer[i]))
            return "one of its certificates is malformed";
    for (size_t i = 0; i < t->net_count; i++)
        if (!net_is_good(&t->net[i]))
            return "one of its networks is malformed";
    for (size_t i = 0; i < t->window_count; i++) {
        const struct policy_window *w = &t->window[i];
        if (w->bit >= POLICY_TIME_BITS || w->first > w->last || w->last >= POLICY_WEEK)
            return "one of its times is malformed";
    }
    return policy_zone_fault(&t->zone);
}

bool policy_askers_are_empty(const struct policy_askers *t)
{
    return !t->clock_trusted && !t->tags_local && t->peer_count == 0 &&
           t->net_count == 0 && t->window_count == 0 && t->zone.count == 0;
}
