/* Certificates, networks and times in policy files.  Private to the policy file reader.
 */
#ifndef GATE104_PROXY_POLICY_FILE_ASKER_H
#define GATE104_PROXY_POLICY_FILE_ASKER_H

#include "policy/policy.h"
#include "proxy/config_reader.h"

/* What the rules of a file named so far. */
struct policy_file_asker {
    struct policy_askers table;
    unsigned int peer_bits, net_bits, time_bits; /* in use */
    bool alone[POLICY_PEERS_MAX];                /* the bit is of this certificate only */
    struct {
        const char *name;
        uint8_t bit;
    } group[POLICY_BITS];
    size_t group_count;
    const char *time[POLICY_TIME_BITS];
    bool uses_zone, has_zone; /* asks for local time; time_zone was read */
};

/* Reads the group peer_names (or NULL): names for lists of certificates. */
void policy_file_peer_names(const struct config_reader *r, const config_setting_t *group,
                            struct policy_file_asker *a);
/* Reads time_zone of the file, if it is there. */
void policy_file_time_zone(const struct config_reader *r, const config_setting_t *root,
                           struct policy_file_asker *a);
/* Reads clock and time_tag of the group control. */
void policy_file_clock(const struct config_reader *r, const config_setting_t *control,
                       struct policy_file_asker *a);
/* Reads the keys peers, from and time of a rule.  False after a finding. */
bool policy_file_rule_asker(const struct config_reader *r, const config_setting_t *rule,
                            struct policy_file_asker *a, struct policy_rule *out);
/* Behind all rules: local time, where it is asked for. */
void policy_file_asker_end(struct policy_file_asker *a);

/* One certificate, "sha256:..." or "subject:...".  False, with what to write instead. */
bool policy_file_peer(const char *text, struct policy_peer *out, char *remedy,
                      size_t remedy_cap);

#endif
