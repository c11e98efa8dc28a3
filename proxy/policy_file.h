/* Policy files: read, check, compile to what the gate loads.
 *
 * Monitor and command line only. */
#ifndef GATE104_PROXY_POLICY_FILE_H
#define GATE104_PROXY_POLICY_FILE_H

#include "certs/role_set.h"
#include "proxy/config_errors.h"
#include "proxy/point_list.h"
#include "proxy/role_config.h"

/* What a policy says of roles (IEC 62351-8). */
struct policy_file_roles {
    bool used; /* a rule is for certain roles only */
    size_t count;
    struct role_private role[ROLE_PRIVATE_MAX]; /* that it names */
};

struct policy_file {
    uint8_t hash[POLICY_HASH_SIZE]; /* SHA-256 of the file's octets */
    uint8_t *blob;                  /* policy_load() takes it */
    size_t size;
    uint32_t needs[DIRECTIONS]; /* quirks without which a type it names never passes */
    bool permits;               /* some rule asks for a permit */
    struct policy_file_roles roles;
    bool names_peers;   /* a rule is for certain certificates only */
    unsigned int *line; /* of each rule; policy_rule_count() of them */
};

/* Reads a policy file of at most 64 MiB; `at` is where it was named.  False if there is
 * an error: every one is in errs.  Warnings do not prevent it. */
bool policy_file_load(const char *path, const struct config_place *at,
                      struct config_errors *errs, struct policy_file *out);
/* The same where rules may name the points of a list, which may be NULL. */
bool policy_file_load_points(const char *path, const struct point_list *points,
                             const struct config_place *at, struct config_errors *errs,
                             struct policy_file *out);
void policy_file_free(struct policy_file *f);

#endif
