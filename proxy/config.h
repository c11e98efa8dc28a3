/* The configuration of gate104d: reading, checking, and what each role is told of it.
 *
 * Monitor and command line only.  Private keys are never read here. */
#ifndef GATE104_PROXY_CONFIG_H
#define GATE104_PROXY_CONFIG_H

#include "proxy/config_errors.h"
#include "proxy/config_permit.h"
#include "proxy/policy_file.h"
#include "proxy/role_config.h"
#include "sandbox/role.h"

#include <sys/types.h>

#define CONFIG_USER_DEFAULT  "_gate104"
#define CONFIG_PEM_FILES_MAX 32u
/* Revocation lists, those in folders included. */
#define CONFIG_CRL_FILES_MAX 64u

/* A file that is read, or of a key only named. */
struct config_file {
    char *path; /* absolute */
    unsigned int line;
    char *text; /* NUL-terminated; NULL for a key */
    size_t size;
};

/* Session resumption (IEC 62351-3). */
struct config_resume {
    bool on;
    uint32_t lifetime; /* seconds */
};

uint32_t config_resume_seconds(const struct config_resume *r); /* 0: off */

/* A responder for the status of certificates; all zero without one. */
struct config_ocsp {
    bool used;
    bool query;
    bool required;
    bool staple;
    uint32_t timeout, max_age, refresh; /* seconds */
    struct fetcher_group at;
};

/* TLS settings that one or more routes share; their place in config.tls is the group. */
struct config_tls {
    unsigned int line;
    struct config_file cert;
    struct config_file key;
    struct config_file second_cert; /* for a key of the other type; no path: none */
    struct config_file second_key;
    struct tls_rules rules;
    size_t ca_count;
    struct config_file ca[CONFIG_PEM_FILES_MAX];
    size_t crl_named_count;
    struct config_file crl_named[CONFIG_PEM_FILES_MAX]; /* files and folders; no text */
    size_t crl_count;
    struct config_file crl[CONFIG_CRL_FILES_MAX]; /* all lists there are */
    struct revocation_rule revocation;
    uint32_t revalidate_s;
    struct pins pins;
    struct rekey_settings rekey;
    struct config_resume resume;
    struct config_ocsp ocsp;
};

struct config_policy {
    char *path; /* absolute */
    uint8_t hash[POLICY_HASH_SIZE];
    uint8_t *blob; /* for policy_load() */
    size_t size;
    uint32_t needs[DIRECTIONS]; /* quirks, see policy_file.h */
    bool permits;               /* the same */
    struct policy_file_roles roles;
    bool names_peers; /* see policy_file.h */
    size_t points;    /* the list whose names its rules may use; CONFIG_NO_POINTS */
};

#define CONFIG_NO_POINTS SIZE_MAX

struct config_points {
    char *path; /* absolute */
    struct point_list list;
    struct point_names names;
};

struct config_route {
    unsigned int line;
    uint16_t index;
    char name[ROUTE_NAME_MAX + 1];
    enum route_mode mode;
    bool enforce;
    bool mirror_unknown;
    bool plaintext_listen;
    size_t listen_count;
    struct msg_endpoint listen[ENDPOINTS_MAX];
    size_t target_count;
    struct msg_endpoint target[ENDPOINTS_MAX];
    size_t source_count;
    struct source_net source[SOURCES_MAX];
    char peer_name[PEER_NAME_MAX + 1];
    uint32_t max_sessions;
    uint32_t cot_size, ca_size, ioa_size; /* octets, as written */
    struct profile profile;               /* these and the quirks */
    uint32_t k, w, t0, t1, t2, t3;        /* IEC 60870-5-104 5.5, 5.2; seconds */
    size_t tls;                           /* place in config.tls */
    size_t policy;                        /* place in config.policies */
    size_t points;                        /* place in config.points, CONFIG_NO_POINTS */
    bool commands_closed;                 /* by an operator, while it runs */
    uint32_t role_revision;
    struct role_settings roles; /* without the names of private roles */
    struct record_settings record;
    uint32_t permit_persons; /* 0: as for all routes */
};

/* Seals of the session log. */
struct config_seal {
    char *key; /* absolute path; NULL: the log is not sealed */
    unsigned int key_line;
    uint32_t interval; /* seconds */
};

struct config {
    char *path;   /* as given to config_load */
    char *folder; /* absolute; relative paths start there */
    char user[32];
    bool user_given;
    char *run_dir;
    unsigned int run_dir_line; /* 0: not given */
    char *audit_dir;
    unsigned int audit_line;
    struct files_settings files;
    struct config_seal seal;
    uint8_t hash[32]; /* SHA-256 of the octets of the file */
    struct recording_settings recording;
    struct ship_config ship;
    char *ship_socket; /* absolute */
    unsigned int ship_line;
    struct permit_settings permits;
    bool sandbox_full; /* a role without a layer of its sandbox does not start */
    bool commands_sync;
    bool log_closes; /* sessions end when the log does not work */
    struct {
        uint32_t max_sessions;
        uint32_t sessions_per_worker;
        uint32_t spare_workers;
        uint32_t handshakes_per_source;
        uint32_t handshake; /* seconds */
        uint32_t routes_per_gate;
    } limits;
    size_t tls_count;
    struct config_tls *tls;
    size_t policy_count;
    struct config_policy *policies; /* one for each file and list of points */
    size_t points_count;
    struct config_points *points;
    size_t route_count;
    struct config_route *routes;
};

/* Reads the file and all certificates, revocation lists and policies it names.  `errs` is
 * initialised and gets every finding, not only the first.  NULL if there is an error;
 * warnings alone do not prevent it.  Free with config_free(). */
struct config *config_load(const char *path, struct config_errors *errs);
void config_free(struct config *c);

/* Everything that can be found out without starting: certificates parse and are valid,
 * certificates and revocation lists near their end, permissions of the key files, the
 * audit folder, users, ports.  What it leaves to the caller: that each private key fits
 * its certificate, because only the signer reads keys.  The caller starts the signer in
 * its check mode with config_signer_role() and compares the public keys it tells with
 * those of the certificates (certs/tls_context.h, tls_chain_public). */
void config_check(const struct config *c, struct config_errors *errs);
/* Of this, what concerns the revocation lists of one group. */
void config_check_crls(const struct config *c, size_t group, struct config_errors *errs);

/* ---- config_crl.c ---- */

/* Reads the lists that t->crl_named names into t->crl, which is overwritten.  False: at
 * least one finding is an error; what was read is there, to be freed. */
bool config_crl_read(struct config_tls *t, const char *config_path,
                     struct config_errors *errs);
void config_crl_free(struct config_tls *t);
/* True if both hold the same lists. */
bool config_crl_same(const struct config_tls *a, const struct config_tls *b);

/* ---- config_compare.c: what a reload finds changed ---- */

/* True if routes and groups of routes are the same, so that new certificates can take the
 * place of old ones. */
bool config_same_groups(const struct config *a, const struct config *b);
/* Certificates and keys have the same paths, and the rules of TLS are the same. */
bool config_tls_own_same(const struct config_tls *a, const struct config_tls *b);
/* True if a signer with other keys is needed: a certificate is another, a key has another
 * path, or other rules hold for it.  (A key that is another has another certificate.) */
bool config_keys_changed(const struct config *a, const struct config *b);
/* What differs beside certificates and what config_live.c takes, in words ("limits,
 * routes"), or "". */
void config_restart_words(const struct config *a, const struct config *b, char *out,
                          size_t cap);

/* ---- config_live.c: what gates take while they work --------------------------------
 *
 * Of each route its policy, enforce, mirror_unknown and what it says about roles.  Both
 * configurations have the same routes (config_same_groups). */

/* True if nothing of that differs for a route. */
bool config_live_same(const struct config *a, const struct config *b, size_t route);
/* `c` with that of `from`, to be looked at only: it owns its routes alone.  False: out of
 * memory. */
bool config_live_view(const struct config *c, const struct config *from,
                      struct config *out);
void config_live_view_free(struct config *view);
/* `c` gets that of `from`, which gets what `c` had. */
void config_live_take(struct config *c, struct config *from);

/* The user a role is to become when gate104d runs as root: <user>-<role> if there is such
 * a user, else <user>.  False if there is neither or it is root. */
bool config_role_user(const struct config *c, enum role role, uid_t *uid, gid_t *gid);

/* ---- what each role is told; free with the *_config_free of role_config.h -----------
 */

/* The rules of TLS in a few words, for status and log. */
void config_tls_words(const struct config_tls *t, char *out, size_t cap);

/* Gates are 0..config_gate_count()-1, groups of tls workers 0..config.tls_count-1. */
uint32_t config_gate_count(const struct config *c);
/* True if a route is recorded. */
bool config_is_recorded(const struct config *c);
/* The gate that serves a route. */
uint32_t config_gate_of(const struct config *c, size_t route);

/* False: out of memory. */
bool config_broker_role(const struct config *c, uint32_t incarnation,
                        struct broker_config *out);
bool config_tls_role(const struct config *c, uint32_t group, struct tls_config *out);
bool config_gate_role(const struct config *c, uint32_t gate, struct gate_config *out);
bool config_signer_role(const struct config *c, struct signer_config *out);
/* Without groups: no fetcher is needed. */
bool config_fetcher_role(const struct config *c, struct fetcher_config *out);
bool config_audit_role(const struct config *c, struct audit_config *out);

#endif
