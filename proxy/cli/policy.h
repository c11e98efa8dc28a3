/* The parts of `gate104 policy`. */
#ifndef GATE104_PROXY_CLI_POLICY_H
#define GATE104_PROXY_CLI_POLICY_H

#include "policy/policy.h"
#include "proxy/policy_file.h"

#define POLICY_EXIT_OK       0
#define POLICY_EXIT_FINDING  1
#define POLICY_EXIT_UNUSABLE 2
/* Of learn, replay and diff, as of `gate104 log`. */
#define LEARN_EXIT_UNUSABLE 3

/* A file that was read and compiled. */
struct policy_read {
    const char *path;
    const struct point_list *points; /* its rules may name; NULL: none */
    struct policy_file file;
    struct policy *policy;
    size_t warnings; /* of the reader, told already */
};

/* Findings go to stderr.  False: not a good policy; nothing to free. */
bool policy_cli_read(const char *path, struct policy_read *out);
/* The same where rules may name the points of a list, or NULL. */
bool policy_cli_read_points(const char *path, const struct point_list *points,
                            struct policy_read *out);
void policy_cli_free(struct policy_read *r);
/* Prints "line 7 (feeder)" of a rule. */
void policy_cli_rule(const struct policy_read *r, int32_t rule);

/* Prints its guards, a line each. */
void policy_cli_guards(const struct policy *p);

int policy_check(int argc, char **argv);
int policy_explain_apdu(int argc, char **argv);
int policy_learn(int argc, char **argv);
int policy_replay(int argc, char **argv);
int policy_diff_files(int argc, char **argv);

#endif
