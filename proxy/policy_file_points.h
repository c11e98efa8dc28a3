/* Rules that name points of a list.  Private to the policy file reader. */
#ifndef GATE104_PROXY_POLICY_FILE_POINTS_H
#define GATE104_PROXY_POLICY_FILE_POINTS_H

#include "policy/policy.h"
#include "proxy/config_reader.h"
#include "proxy/point_list.h"
#include "proxy/policy_file.h"

/* A point that a rule names, and a type it may have. */
struct policy_file_pick {
    uint32_t point; /* place in the list */
    uint8_t type;
};

/* All zero but the list; free with policy_file_points_free(). */
struct policy_file_points {
    const struct point_list *list; /* NULL: there is none */
    bool listed;                   /* of the rule: its limits are those of the list */
    struct policy_file_pick *pick; /* of the rule that is read */
    size_t count, room, done;
    struct policy_area *area; /* of what is handed out */
    struct policy_range *ioa;
    size_t steps;         /* of looking for names with an asterisk, in the whole file */
    unsigned int guesses; /* "did you mean" */
};

/* Reads `points` of a rule whose types are read, if it has the key: which points they
 * are, and into the rule their types.  False after a finding. */
bool policy_file_points(struct policy_file_points *p, const struct config_reader *r,
                        const config_setting_t *rule, struct policy_rule *out);
/* Reads `limits_from_points`, after all other keys.  False after a finding. */
bool policy_file_points_limits(struct policy_file_points *p,
                               const struct config_reader *r,
                               const config_setting_t *rule,
                               const struct policy_rule *out);
/* Puts the next points of a rule that names some into it, until there are none: those of
 * the same limits together.  What it points to is valid until the next call.  False: no
 * more, or after a finding. */
bool policy_file_points_next(struct policy_file_points *p, const struct config_reader *r,
                             const config_setting_t *rule,
                             struct policy_file_roles *roles, struct policy_rule *out);
void policy_file_points_free(struct policy_file_points *p);

#endif
