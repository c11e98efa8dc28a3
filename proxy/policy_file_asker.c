#include "proxy/policy_file_asker.h"

#include "proxy/config_address.h"
#include "proxy/policy_file_time.h"
#include "proxy/policy_file_zone.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PEERS_OF_A_LIST 256u

/* ---- one certificate ---- */

static const char *const KINDS[POLICY_PEER_KINDS] = {
    [POLICY_PEER_SHA256] = "sha256:", [POLICY_PEER_SUBJECT] = "subject:",
    [POLICY_PEER_ISSUER] = "issuer:", [POLICY_PEER_DNS] = "dns:",
    [POLICY_PEER_URI] = "uri:",       [POLICY_PEER_EMAIL] = "email:",
};

static const char *kind_names(const void *ctx, size_t i)
{
    (void)ctx;
    return KINDS[i];
}

static bool fail(char *remedy, size_t cap, const char *text)
{
    (void)snprintf(remedy, cap, "%s", text);
    return false;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* 64 digits, with or without colons between octets. */
static bool read_fingerprint(const char *text, struct policy_peer *out)
{
    for (size_t i = 0; i < POLICY_FINGERPRINT; i++) {
        const int high = hex_digit(text[0]);
        const int low = high < 0 ? -1 : hex_digit(text[1]);

        if (low < 0)
            return false;
        out->text[i] = (char)(high << 4 | low);
        text += 2;
        text += *text == ':' && i + 1 < POLICY_FINGERPRINT;
    }
    out->size = POLICY_FINGERPRINT;
    return *text == '\0';
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < 0x20 || *text > 0x7E)
            return false;
    return true;
}

static bool read_text(const char *text, struct policy_peer *out, char *remedy, size_t cap)
{
    const size_t n = strlen(text);

    if (n == 0 || n > POLICY_PEER_TEXT_MAX)
        return fail(remedy, cap, "write what the log shows, at most 254 letters");
    /* Identities are printable ASCII; others have \XX there. */
    if (!is_printable(text))
        return fail(remedy, cap,
                    "write it as the log shows it: other letters as \\XX, RFC 2253");
    memcpy(out->text, text, n + 1);
    out->size = (uint8_t)n;
    return true;
}

static bool unknown_kind(const char *text, char *remedy, size_t cap)
{
    char word[16];
    const size_t n = strcspn(text, ":");
    const char *near = NULL;

    if (text[n] == ':' && n + 2 <= sizeof word) {
        (void)snprintf(word, sizeof word, "%.*s", (int)n + 1, text);
        near = config_nearest(word, kind_names, NULL, POLICY_PEER_KINDS);
    }
    (void)snprintf(remedy, cap,
                   near ? "did you mean \"%s...\"?"
                        : "write sha256:, subject:, issuer:, dns:, uri: or email: and "
                          "what the log shows, or a name of peer_names",
                   near);
    return false;
}

bool policy_file_peer(const char *text, struct policy_peer *out, char *remedy,
                      size_t remedy_cap)
{
    memset(out, 0, sizeof *out);
    for (uint8_t i = 0; i < POLICY_PEER_KINDS; i++) {
        const size_t n = strlen(KINDS[i]);

        if (strncasecmp(text, KINDS[i], n) != 0)
            continue;
        out->kind = i;
        if (i != POLICY_PEER_SHA256)
            return read_text(text + n, out, remedy, remedy_cap);
        return read_fingerprint(text + n, out) ||
               fail(remedy, remedy_cap, "write 64 digits, with or without colons");
    }
    return unknown_kind(text, remedy, remedy_cap);
}

/* ---- certificates of a file ---- */

static bool take_bit(const struct config_reader *r, const config_setting_t *at,
                     unsigned int *used, unsigned int most, const char *what,
                     const char *remedy, uint8_t *bit)
{
    if (*used == most) {
        config_report(r, CONFIG_ERROR, at, remedy, "the file names more than %u %s", most,
                      what);
        return false;
    }
    *bit = (uint8_t)(*used)++;
    return true;
}

static bool add_peer(const struct config_reader *r, const config_setting_t *at,
                     struct policy_file_asker *a, const struct policy_peer *peer,
                     bool alone)
{
    struct policy_askers *t = &a->table;

    if (t->peer_count == POLICY_PEERS_MAX) {
        config_report(r, CONFIG_ERROR, at, "use roles, or a CA of their own and issuer:",
                      "the file names more than %u certificates", POLICY_PEERS_MAX);
        return false;
    }
    a->alone[t->peer_count] = alone;
    t->peer[t->peer_count++] = *peer;
    return true;
}

/* The bit of a certificate that a rule names itself. */
static bool bit_of_peer(const struct config_reader *r, const config_setting_t *at,
                        struct policy_file_asker *a, struct policy_peer *peer,
                        uint8_t *bit)
{
    const struct policy_askers *t = &a->table;

    for (size_t i = 0; i < t->peer_count; i++) {
        const struct policy_peer *p = &t->peer[i];

        if (!a->alone[i] || p->kind != peer->kind || p->size != peer->size ||
            memcmp(p->text, peer->text, p->size) != 0)
            continue;
        *bit = p->bit;
        return true;
    }
    if (!take_bit(r, at, &a->peer_bits, POLICY_BITS, "different certificates and groups",
                  "put them into groups of peer_names, or use roles", bit))
        return false;
    peer->bit = *bit;
    return add_peer(r, at, a, peer, true);
}

static bool read_peer(const struct config_reader *r, const config_setting_t *s,
                      struct policy_peer *peer)
{
    const char *text = config_string(r, s);
    char remedy[160];

    if (!text)
        return false;
    if (policy_file_peer(text, peer, remedy, sizeof remedy))
        return true;
    config_report(r, CONFIG_ERROR, s, remedy, "\"%.80s\" names no certificate", text);
    return false;
}

static void read_group(const struct config_reader *r, const config_setting_t *list,
                       struct policy_file_asker *a)
{
    const char *name = config_setting_name(list);
    struct policy_peer peer;
    uint8_t bit;

    if (list->type != CONFIG_TYPE_ARRAY && list->type != CONFIG_TYPE_LIST) {
        config_report(r, CONFIG_ERROR, list, "write NAME = [ \"sha256:...\" ];",
                      "wrong type of value");
        return;
    }
    if (!config_count_check(r, list, 1, PEERS_OF_A_LIST) ||
        !take_bit(r, list, &a->peer_bits, POLICY_BITS,
                  "different certificates and groups", "use roles", &bit))
        return;
    a->group[a->group_count].name = name;
    a->group[a->group_count++].bit = bit;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);

        if (!read_peer(r, e, &peer))
            continue;
        peer.bit = bit;
        if (!add_peer(r, e, a, &peer, false))
            return;
    }
}

void policy_file_peer_names(const struct config_reader *r, const config_setting_t *group,
                            struct policy_file_asker *a)
{
    const int n = group ? config_setting_length(group) : 0;

    for (int i = 0; i < n; i++)
        read_group(r, config_setting_get_elem(group, (unsigned int)i), a);
}

static const char *group_names(const void *ctx, size_t i)
{
    const struct policy_file_asker *a = ctx;

    return a->group[i].name;
}

static bool bit_of_group(const struct config_reader *r, const config_setting_t *s,
                         const struct policy_file_asker *a, const char *name,
                         uint8_t *bit)
{
    const char *near = config_nearest(name, group_names, a, a->group_count);
    char remedy[160];

    for (size_t i = 0; i < a->group_count; i++) {
        if (strcmp(a->group[i].name, name) != 0)
            continue;
        *bit = a->group[i].bit;
        return true;
    }
    (void)snprintf(remedy, sizeof remedy,
                   near ? "did you mean \"%s\"?"
                        : "write \"sha256:...\", \"subject:...\" and so on, or add it to "
                          "peer_names = { ... };",
                   near);
    config_report(r, CONFIG_ERROR, s, remedy, "\"%.80s\" is no name of peer_names", name);
    return false;
}

/* ---- lists of a rule ---- */

/* The bits of an element of a list. */
typedef bool (*read_element)(const struct config_reader *r, const config_setting_t *s,
                             struct policy_file_asker *a, uint8_t *bit);

static bool peer_element(const struct config_reader *r, const config_setting_t *s,
                         struct policy_file_asker *a, uint8_t *bit)
{
    const char *text = config_string(r, s);
    struct policy_peer peer;

    if (!text)
        return false;
    if (strchr(text, ':') == NULL)
        return bit_of_group(r, s, a, text, bit);
    return read_peer(r, s, &peer) && bit_of_peer(r, s, a, &peer, bit);
}

/* As the gate asks: IPv4 lies in ::ffff:0:0/96. */
static void net_of(const struct source_net *from, struct policy_net *to)
{
    const bool v4 = from->family == 4;

    memset(to, 0, sizeof *to);
    if (v4)
        to->addr[10] = to->addr[11] = 0xFF;
    memcpy(to->addr + (v4 ? 12 : 0), from->addr, v4 ? 4 : 16);
    to->prefix = (uint8_t)(from->bits + (v4 ? 96 : 0));
}

static bool net_element(const struct config_reader *r, const config_setting_t *s,
                        struct policy_file_asker *a, uint8_t *bit)
{
    struct policy_askers *t = &a->table;
    const char *text = config_string(r, s);
    struct config_fault fault = {.what = ""};
    struct source_net source;
    struct policy_net net;

    if (!text)
        return false;
    if (!config_parse_net(text, &source, &fault)) {
        config_report(r, CONFIG_ERROR, s, fault.remedy, "%s", fault.what);
        return false;
    }
    net_of(&source, &net);
    for (size_t i = 0; i < t->net_count; i++) {
        if (t->net[i].prefix != net.prefix ||
            memcmp(t->net[i].addr, net.addr, sizeof net.addr) != 0)
            continue;
        *bit = t->net[i].bit;
        return true;
    }
    if (!take_bit(r, s, &a->net_bits, POLICY_BITS, "different networks",
                  "name wider networks", bit))
        return false;
    net.bit = *bit;
    t->net[t->net_count++] = net;
    return true;
}

static bool time_element(const struct config_reader *r, const config_setting_t *s,
                         struct policy_file_asker *a, uint8_t *bit)
{
    const char *text = config_string(r, s);

    if (!text)
        return false;
    a->uses_zone = true;
    for (unsigned int i = 0; i < a->time_bits; i++) {
        if (strcmp(a->time[i], text) != 0)
            continue;
        *bit = (uint8_t)i;
        return true;
    }
    if (!take_bit(r, s, &a->time_bits, POLICY_TIME_BITS, "different times",
                  "name fewer times", bit))
        return false;
    a->time[*bit] = text;
    return policy_file_times(r, s, text, *bit, &a->table);
}

static bool read_list(const struct config_reader *r, const config_setting_t *rule,
                      const char *key, read_element element, struct policy_file_asker *a,
                      uint64_t *set)
{
    const config_setting_t *list = config_member(rule, key, CONFIG_KIND_SEQUENCE);
    bool good = true;

    if (!list)
        return !config_setting_get_member(rule, key);
    /* An empty list would read as "nobody" and mean "everybody". */
    if (!config_count_check(r, list, 1, PEERS_OF_A_LIST))
        return false;
    for (size_t i = 0; i < config_count(list); i++) {
        uint8_t bit;

        if (element(r, config_elem(list, i), a, &bit))
            *set |= UINT64_C(1) << bit;
        else
            good = false;
    }
    return good;
}

bool policy_file_rule_asker(const struct config_reader *r, const config_setting_t *rule,
                            struct policy_file_asker *a, struct policy_rule *out)
{
    bool good = read_list(r, rule, "peers", peer_element, a, &out->peers);

    good = read_list(r, rule, "from", net_element, a, &out->sources) && good;
    return read_list(r, rule, "time", time_element, a, &out->times) && good;
}

/* ---- clocks ---- */

/* False, with a finding, if the key is there and is none of both words. */
static bool read_choice(const struct config_reader *r, const config_setting_t *group,
                        const char *key, const char *no, const char *yes, bool *chosen)
{
    const char *text = config_member_string(r, group, key);
    char remedy[80];

    if (!text)
        return !config_setting_get_member(group, key);
    *chosen = strcmp(text, yes) == 0;
    if (*chosen || strcmp(text, no) == 0)
        return true;
    (void)snprintf(remedy, sizeof remedy, "write \"%s\" or \"%s\"", no, yes);
    config_report_key(r, CONFIG_ERROR, group, key, remedy,
                      "\"%.40s\" is none of its words", text);
    return false;
}

void policy_file_clock(const struct config_reader *r, const config_setting_t *control,
                       struct policy_file_asker *a)
{
    (void)read_choice(r, control, "clock", "synchronized", "trust",
                      &a->table.clock_trusted);
    (void)read_choice(r, control, "time_tag", "utc", "local", &a->table.tags_local);
    a->uses_zone = a->uses_zone || a->table.tags_local;
}

void policy_file_time_zone(const struct config_reader *r, const config_setting_t *root,
                           struct policy_file_asker *a)
{
    const char *name = config_member_string(r, root, "time_zone");
    char remedy[160];

    if (!name)
        return;
    a->has_zone = true;
    if (!policy_file_zone(name, &a->table.zone, remedy, sizeof remedy))
        config_report_key(r, CONFIG_ERROR, root, "time_zone", remedy,
                          "\"%.60s\" is no time zone of this system", name);
}

void policy_file_asker_end(struct policy_file_asker *a)
{
    char remedy[160];

    if (!a->uses_zone)
        a->table.zone.count = 0;
    else if (!a->has_zone)
        (void)policy_file_zone(NULL, &a->table.zone, remedy, sizeof remedy);
}
