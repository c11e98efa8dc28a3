#include "policy/policy_asker_blob.h"

#include <string.h>

#define FLAG_TRUSTED 1u
#define FLAG_LOCAL   2u

static uint8_t *put_number(uint8_t *p, uint64_t v, size_t octets)
{
    for (size_t i = 0; i < octets; i++)
        *p++ = (uint8_t)(v >> 8 * i);
    return p;
}

static uint8_t *put_octets(uint8_t *p, const void *octets, size_t n)
{
    memcpy(p, octets, n);
    return p + n;
}

static uint8_t *put_peers(uint8_t *p, const struct policy_askers *t)
{
    for (size_t i = 0; i < t->peer_count; i++) {
        p = put_number(p, t->peer[i].bit, 1);
        p = put_number(p, t->peer[i].kind, 1);
        p = put_number(p, t->peer[i].size, 1);
        p = put_octets(p, t->peer[i].text, t->peer[i].size);
    }
    return p;
}

static uint8_t *put_rest(uint8_t *p, const struct policy_askers *t)
{
    for (size_t i = 0; i < t->net_count; i++) {
        p = put_number(p, t->net[i].bit, 1);
        p = put_number(p, t->net[i].prefix, 1);
        p = put_octets(p, t->net[i].addr, sizeof t->net[i].addr);
    }
    for (size_t i = 0; i < t->window_count; i++) {
        p = put_number(p, t->window[i].bit, 1);
        p = put_number(p, t->window[i].first, 2);
        p = put_number(p, t->window[i].last, 2);
    }
    for (size_t i = 0; i < t->zone.count; i++) {
        p = put_number(p, (uint64_t)t->zone.change[i].from, 8);
        p = put_number(p, (uint32_t)t->zone.change[i].offset, 4);
        p = put_number(p, t->zone.change[i].summer, 1);
    }
    return p;
}

size_t policy_askers_put(const struct policy_askers *t, uint8_t *out)
{
    uint8_t *p = out;

    p = put_number(
        p, (t->clock_trusted ? FLAG_TRUSTED : 0) | (t->tags_local ? FLAG_LOCAL : 0), 1);
    p = put_number(p, t->peer_count, 2);
    p = put_number(p, t->net_count, 2);
    p = put_number(p, t->window_count, 2);
    p = put_number(p, t->zone.count, 2);
    p = put_rest(put_peers(p, t), t);
    return (size_t)(p - out);
}

static void take_peers(struct policy_cursor *c, struct policy_askers *out)
{
    for (size_t i = 0; i < out->peer_count; i++) {
        struct policy_peer *p = &out->peer[i];

        p->bit = (uint8_t)policy_take_number(c, 1);
        p->kind = (uint8_t)policy_take_number(c, 1);
        p->size = (uint8_t)policy_take_number(c, 1);
        if (p->size > POLICY_PEER_TEXT_MAX) {
            c->bad = true;
            return;
        }
        memcpy(p->text, policy_take(c, p->size), p->size);
        p->text[p->size] = '\0';
    }
}

static void take_rest(struct policy_cursor *c, struct policy_askers *out)
{
    for (size_t i = 0; i < out->net_count; i++) {
        struct policy_net *n = &out->net[i];

        n->bit = (uint8_t)policy_take_number(c, 1);
        n->prefix = (uint8_t)policy_take_number(c, 1);
        memcpy(n->addr, policy_take(c, sizeof n->addr), sizeof n->addr);
    }
    for (size_t i = 0; i < out->window_count; i++) {
        out->window[i].bit = (uint8_t)policy_take_number(c, 1);
        out->window[i].first = (uint16_t)policy_take_number(c, 2);
        out->window[i].last = (uint16_t)policy_take_number(c, 2);
    }
    for (size_t i = 0; i < out->zone.count; i++) {
        struct policy_zone_change *change = &out->zone.change[i];
        const uint64_t from = policy_take_u64(c);
        const uint32_t offset = policy_take_number(c, 4);

        memcpy(&change->from, &from, sizeof from);
        memcpy(&change->offset, &offset, sizeof offset);
        change->summer = policy_take_number(c, 1);
    }
}

bool policy_askers_take(struct policy_cursor *c, struct policy_askers *out)
{
    const uint32_t flags = policy_take_number(c, 1);

    memset(out, 0, sizeof *out);
    out->clock_trusted = (flags & FLAG_TRUSTED) != 0;
    out->tags_local = (flags & FLAG_LOCAL) != 0;
    out->peer_count = policy_take_number(c, 2);
    out->net_count = policy_take_number(c, 2);
    out->window_count = policy_take_number(c, 2);
    out->zone.count = policy_take_number(c, 2);
    if (flags > (FLAG_TRUSTED | FLAG_LOCAL) || out->peer_count > POLICY_PEERS_MAX ||
        out->net_count > POLICY_NETS_MAX || out->window_count > POLICY_WINDOWS_MAX ||
        out->zone.count > POLICY_ZONE_MAX)
        return false;
    take_peers(c, out);
    take_rest(c, out);
    return !c->bad && !policy_askers_are_empty(out) && policy_askers_fault(out) == NULL;
}
