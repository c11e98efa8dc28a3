/* Who asks, from where, and when: what rules with `roles`, `peers`, `from` and `time` are
 * held against.  Each such thing that the rules of a file name has a bit; what of them is
 * true is found out once (roles, peers, source: at a session's begin; time: each minute),
 * so that a decision only compares sets.
 *
 * Pure but for policy_asker_blob.c: no I/O, no allocation. */
#ifndef GATE104_POLICY_POLICY_ASKER_H
#define GATE104_POLICY_POLICY_ASKER_H

#include "policy/policy_zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_PEERS_MAX     256u /* certificates named by all rules together */
#define POLICY_NETS_MAX      256u
#define POLICY_WINDOWS_MAX   256u
#define POLICY_PEER_TEXT_MAX 254u /* longer ones are cut in identities */
#define POLICY_BITS          64u  /* different peers or groups, nets */
#define POLICY_TIME_BITS     63u  /* different times */
#define POLICY_FINGERPRINT   32u

/* Nobody knows what time it is.  Of rules with `time`, those that let pass do not match
 * then, those that do not let pass do: policy_load gives them this bit. */
#define POLICY_TIME_UNKNOWN (UINT64_C(1) << POLICY_TIME_BITS)

/* Of a rule: 0 asks for nothing.  Of who asks: what is true. */
struct policy_asker {
    uint64_t roles;   /* policy_role_bit */
    uint64_t peers;   /* policy_peers_of */
    uint64_t sources; /* policy_sources_of */
    uint64_t times;   /* policy_times_of */
};

/*@ predicate set_meets(integer asked, integer held) =
      asked == 0 || (asked & held) != 0;
    predicate asker_meets(struct policy_asker *rule, struct policy_asker *who) =
      set_meets(rule->roles, who->roles) && set_meets(rule->peers, who->peers) &&
      set_meets(rule->sources, who->sources) && set_meets(rule->times, who->times);
 */

/* Not proved: the provers do not know the bits that two numbers share. */
/*@ assigns \nothing;
    ensures \result <==> set_meets(asked, held); */
static inline bool policy_set_meets(uint64_t asked, uint64_t held)
{
    return asked == 0 || (asked & held) != 0;
}

/* True if who asks meets all that a rule asks. */
/*@ requires \valid_read(rule) && \valid_read(who);
    assigns \nothing;
    ensures \result <==> asker_meets(rule, who); */
static inline bool policy_asker_holds(const struct policy_asker *rule,
                                      const struct policy_asker *who)
{
    return policy_set_meets(rule->roles, who->roles) &&
           policy_set_meets(rule->peers, who->peers) &&
           policy_set_meets(rule->sources, who->sources) &&
           policy_set_meets(rule->times, who->times);
}

/* ---- what the bits of a file mean ---------------------------------------------------
 */

enum policy_peer_kind {
    POLICY_PEER_SHA256,  /* fingerprint: 32 octets */
    POLICY_PEER_SUBJECT, /* as the log writes it, RFC 2253 */
    POLICY_PEER_ISSUER,
    POLICY_PEER_DNS, /* a name of subjectAltName */
    POLICY_PEER_URI,
    POLICY_PEER_EMAIL,
};
#define POLICY_PEER_KINDS 6

struct policy_peer {
    uint8_t bit;
    uint8_t kind; /* enum policy_peer_kind */
    uint8_t size; /* of text, without the NUL behind it */
    char text[POLICY_PEER_TEXT_MAX + 1];
};

struct policy_net {
    uint8_t bit;
    uint8_t prefix;   /* of 128; IPv4 is ::ffff:0:0/96 */
    uint8_t addr[16]; /* behind the prefix zero */
};

/* Minutes of the local week, Monday 00:00 is 0; both included. */
struct policy_window {
    uint8_t bit;
    uint16_t first, last;
};

struct policy_askers {
    bool clock_trusted; /* the clock is good enough, whatever is known of it */
    bool tags_local;    /* time tags of commands are in local time, not in UTC */
    size_t peer_count, net_count, window_count;
    struct policy_peer peer[POLICY_PEERS_MAX];
    struct policy_net net[POLICY_NETS_MAX];
    struct policy_window window[POLICY_WINDOWS_MAX];
    struct policy_zone zone;
};

/* Who holds a certificate, in the words of certs/identity.h. */
struct policy_holder {
    const uint8_t *fingerprint; /* POLICY_FINGERPRINT octets */
    const char *subject, *issuer, *san;
    size_t
        cap; /* texts of cap - 1 letters that end in "..." were cut: they name nobody */
};

/* NULL for tables gives the empty set. */
uint64_t policy_askers_peers(const struct policy_askers *t,
                             const struct policy_holder *h);
/* IPv4 as ::ffff:a.b.c.d. */
uint64_t policy_askers_sources(const struct policy_askers *t, const uint8_t addr[16]);
/* At this UTC second. */
uint64_t policy_askers_times(const struct policy_askers *t, int64_t utc);
/* At this minute of the local week. */
uint64_t policy_askers_times_at(const struct policy_askers *t, unsigned int minute);

/* What is wrong with them; NULL: nothing. */
const char *policy_askers_fault(const struct policy_askers *t);
bool policy_askers_are_empty(const struct policy_askers *t);

#endif
