#include "proxy/cli/policy_asker.h"

#include "proxy/config_address.h"
#include "proxy/policy_file_asker.h"
#include "proxy/policy_file_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool fail(char *remedy, size_t cap, const char *text)
{
    (void)snprintf(remedy, cap, "%s", text);
    return false;
}

/* ---- certificate ---- */

static bool add_name(struct policy_cli_asker *a, const char *kind, const char *name)
{
    const size_t n = strlen(a->names);

    return (size_t)snprintf(a->names + n, sizeof a->names - n, "%s%s%s",
                            n > 0 ? ", " : "", kind, name) < sizeof a->names - n;
}

bool policy_cli_peer(struct policy_cli_asker *a, const char *text, char *remedy,
                     size_t cap)
{
    struct policy_peer p;
    bool good = true;

    if (!policy_file_peer(text, &p, remedy, cap))
        return false;
    a->has_peer = true;
    switch ((enum policy_peer_kind)p.kind) {
    case POLICY_PEER_SHA256: memcpy(a->fingerprint, p.text, sizeof a->fingerprint); break;
    case POLICY_PEER_SUBJECT: memcpy(a->subject, p.text, sizeof p.text); break;
    case POLICY_PEER_ISSUER: memcpy(a->issuer, p.text, sizeof p.text); break;
    case POLICY_PEER_DNS: good = add_name(a, "DNS:", p.text); break;
    case POLICY_PEER_URI: good = add_name(a, "URI:", p.text); break;
    case POLICY_PEER_EMAIL: good = add_name(a, "email:", p.text); break;
    }
    return good || fail(remedy, cap, "name fewer");
}

/* ---- address ---- */

bool policy_cli_from(struct policy_cli_asker *a, const char *text, char *remedy,
                     size_t cap)
{
    struct config_fault fault = {.what = ""};
    struct source_net net;

    if (!config_parse_net(text, &net, &fault) || net.bits != (net.family == 4 ? 32 : 128))
        return fail(remedy, cap, "write an address, \"10.0.0.7\" or \"2001:db8::7\"");
    memset(a->addr, 0, sizeof a->addr);
    if (net.family == 4) {
        a->addr[10] = a->addr[11] = 0xFF;
        memcpy(a->addr + 12, net.addr, 4);
    } else {
        memcpy(a->addr, net.addr, sizeof a->addr);
    }
    a->has_from = true;
    return true;
}

/* ---- moment ---- */

static bool read_utc(const char *text, int64_t *utc)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M", &tm);

    if (end && *end == ':')
        end = strptime(end, ":%S", &tm);
    if (!end || strcmp(end, "Z") != 0)
        return false;
    *utc = timegm(&tm);
    return true;
}

bool policy_cli_at(struct policy_cli_asker *a, const char *text, char *remedy, size_t cap)
{
    a->has_at = true;
    a->clock_unknown = strcmp(text, "unknown") == 0;
    if (a->clock_unknown)
        return true;
    a->in_week = policy_file_minute(text, &a->minute);
    return a->in_week || read_utc(text, &a->utc) ||
           fail(remedy, cap,
                "write \"Sat 09:00\" for local time, \"2026-11-21T09:00Z\" for UTC, or "
                "\"unknown\" for a clock that is not trusted");
}

static uint64_t times_of(const struct policy_cli_asker *a, const struct policy_askers *t)
{
    if (a->clock_unknown && !(t && t->clock_trusted))
        return POLICY_TIME_UNKNOWN;
    if (a->in_week)
        return policy_askers_times_at(t, a->minute);
    return policy_askers_times(t, a->has_at && !a->clock_unknown ? a->utc : time(NULL));
}

void policy_cli_who(const struct policy_cli_asker *a, const struct policy *p,
                    struct policy_asker *out)
{
    const struct policy_askers *t = policy_askers(p);
    const struct policy_holder h = {a->fingerprint, a->subject, a->issuer, a->names,
                                    sizeof a->names};

    out->peers = a->has_peer ? policy_askers_peers(t, &h) : 0;
    out->sources = a->has_from ? policy_askers_sources(t, a->addr) : 0;
    out->times = times_of(a, t);
}
