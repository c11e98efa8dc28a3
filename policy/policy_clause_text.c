/* Texts that grow, and who asks in words. */
#include "policy/policy_clause.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void clause_add_text(struct clause_text *t, const char *text, size_t n)
{
    if (t->n + n + 1 > t->room) {
        const size_t room = 2 * (t->room + n) + 64;
        char *more = realloc(t->at, room);

        if (!more) {
            t->failed = true;
            return;
        }
        t->at = more;
        t->room = room;
    }
    memcpy(t->at + t->n, text, n);
    t->n += n;
    t->at[t->n] = '\0';
}

void clause_add(struct clause_text *t, const char *format, ...)
{
    char piece[128];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    if (n > 0)
        clause_add_text(t, piece,
                        (size_t)n < sizeof piece ? (size_t)n : sizeof piece - 1);
}

void clause_add_number(struct clause_text *t, double v)
{
    char text[40];

    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    clause_add(t, "%s", text);
}

void clause_text_free(struct clause_text *t)
{
    free(t->at);
    *t = (struct clause_text){.at = NULL};
}

/* ---- who, from where, when --------------------------------------------------------- */

/* The order in which rules name things makes no difference. */
static int compare_peers(const void *a, const void *b)
{
    const struct policy_peer *x = *(const struct policy_peer *const *)a;
    const struct policy_peer *y = *(const struct policy_peer *const *)b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return memcmp(x->text, y->text, sizeof x->text);
}

static int compare_nets(const void *a, const void *b)
{
    const struct policy_net *x = *(const struct policy_net *const *)a;
    const struct policy_net *y = *(const struct policy_net *const *)b;
    const int c = memcmp(x->addr, y->addr, sizeof x->addr);

    return c ? c : (x->prefix > y->prefix) - (x->prefix < y->prefix);
}

static int compare_windows(const void *a, const void *b)
{
    const struct policy_window *x = *(const struct policy_window *const *)a;
    const struct policy_window *y = *(const struct policy_window *const *)b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->last > y->last) - (x->last < y->last);
}

static void add_peer(struct clause_text *t, const struct policy_peer *p)
{
    static const char *const kinds[POLICY_PEER_KINDS] = {
        [POLICY_PEER_SHA256] = "sha256:", [POLICY_PEER_SUBJECT] = "subject:",
        [POLICY_PEER_ISSUER] = "issuer:", [POLICY_PEER_DNS] = "dns:",
        [POLICY_PEER_URI] = "uri:",       [POLICY_PEER_EMAIL] = "email:"};

    clause_add(t, "%s", kinds[p->kind]);
    for (size_t i = 0; i < p->size && p->kind == POLICY_PEER_SHA256; i++)
        clause_add(t, "%02x", (uint8_t)p->text[i]);
    if (p->kind != POLICY_PEER_SHA256)
        clause_add_text(t, p->text, p->size);
}

static void add_net(struct clause_text *t, const struct policy_net *n)
{
    static const uint8_t v4[12] = {[10] = 0xFF, [11] = 0xFF};
    const uint8_t *a = n->addr;

    if (n->prefix >= 96 && memcmp(a, v4, sizeof v4) == 0) {
        clause_add(t, "%u.%u.%u.%u/%u", a[12], a[13], a[14], a[15], n->prefix - 96u);
        return;
    }
    for (size_t i = 0; i < 16; i += 2)
        clause_add(t, "%s%x", i > 0 ? ":" : "", (unsigned int)a[i] << 8 | a[i + 1]);
    clause_add(t, "/%u", n->prefix);
}

static void add_window(struct clause_text *t, const struct policy_window *w)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

    clause_add(t, "%s %02u:%02u-%s %02u:%02u", days[w->first / 1440 % 7],
               w->first % 1440u / 60, w->first % 60u, days[w->last / 1440 % 7],
               w->last % 1440u / 60, w->last % 60u);
}

/* Two zones are told apart by all their changes. */
void clause_add_zone(struct clause_text *t, const struct policy_askers *askers)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325); /* FNV-1a */

    if (!askers || askers->zone.count == 0) {
        clause_add(t, " UTC");
        return;
    }
    for (size_t i = 0; i < askers->zone.count; i++) {
        h = (h ^ (uint64_t)askers->zone.change[i].from) * UINT64_C(0x100000001B3);
        h = (h ^ (uint32_t)askers->zone.change[i].offset) * UINT64_C(0x100000001B3);
        h = (h ^ askers->zone.change[i].summer) * UINT64_C(0x100000001B3);
    }
    clause_add(t, " in zone %08x", (unsigned int)(h ^ h >> 32));
}

static void add_peers(struct clause_text *t, const struct policy_askers *a, uint64_t set)
{
    const struct policy_peer *item[POLICY_PEERS_MAX] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < a->peer_count; i++)
        if ((set >> a->peer[i].bit & 1) != 0)
            item[n++] = &a->peer[i];
    qsort(item, n, sizeof item[0], compare_peers);
    clause_add(t, "peer ");
    for (size_t i = 0; i < n; i++) {
        clause_add(t, "%s", i > 0 ? " or " : "");
        add_peer(t, item[i]);
    }
}

static void add_nets(struct clause_text *t, const struct policy_askers *a, uint64_t set)
{
    const struct policy_net *item[POLICY_NETS_MAX] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < a->net_count; i++)
        if ((set >> a->net[i].bit & 1) != 0)
            item[n++] = &a->net[i];
    qsort(item, n, sizeof item[0], compare_nets);
    clause_add(t, "from ");
    for (size_t i = 0; i < n; i++) {
        clause_add(t, "%s", i > 0 ? " or " : "");
        add_net(t, item[i]);
    }
}

static void add_times(struct clause_text *t, const struct policy_askers *a, uint64_t set)
{
    const struct policy_window *item[POLICY_WINDOWS_MAX] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < a->window_count; i++)
        if ((set >> a->window[i].bit & 1) != 0)
            item[n++] = &a->window[i];
    qsort(item, n, sizeof item[0], compare_windows);
    clause_add(t, "time ");
    for (size_t i = 0; i < n; i++) {
        clause_add(t, "%s", i > 0 ? " or " : "");
        add_window(t, item[i]);
    }
    clause_add_zone(t, a);
    if (a->clock_trusted)
        clause_add(t, " by any clock");
}

void clause_add_asker(struct clause_text *t, const struct policy_askers *a,
                      const struct policy_rule *r, size_t begin)
{
    static const struct policy_askers none;

    a = a ? a : &none;
    if (r->peers != 0) {
        clause_add(t, "%s", t->n > begin ? " and " : "");
        add_peers(t, a, r->peers);
    }
    if (r->sources != 0) {
        clause_add(t, "%s", t->n > begin ? " and " : "");
        add_nets(t, a, r->sources);
    }
    if (r->times != 0) {
        clause_add(t, "%s", t->n > begin ? " and " : "");
        add_times(t, a, r->times);
    }
}
