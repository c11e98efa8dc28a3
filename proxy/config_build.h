/* What the files that read the configuration share.  Nobody else includes this. */
#ifndef GATE104_PROXY_CONFIG_BUILD_H
#define GATE104_PROXY_CONFIG_BUILD_H

#include "proxy/config.h"
#include "proxy/config_reader.h"

struct config_build {
    struct config_reader r;
    struct config *c;
    const config_setting_t *tls; /* the group for all routes, or NULL */
};

/* ---- config.c ---- */

/* Absolute path of a file named in the configuration, malloc'ed; NULL after a finding. */
char *config_path(struct config_build *b, const config_setting_t *s);
void config_no_memory(const struct config_reader *r);

/* ---- config_tls.c ---- */

extern const struct config_key config_tls_keys[];
extern const size_t config_tls_key_count;

/* Merges a route's tls group (or NULL) into the one for all and finds or adds the set;
 * gives its place in config.tls.  False after a finding. */
bool config_tls_read(struct config_build *b, const config_setting_t *route,
                     const config_setting_t *own, size_t *place);
void config_tls_free(struct config_tls *t);
void config_file_free(struct config_file *f);
/* Reads a PEM file that holds no private key.  False after a finding at `at`. */
bool config_pem_load(struct config_file *f, const struct config_place *at,
                     struct config_errors *errs);
/* The route's own setting, else the one for all routes, or NULL. */
config_setting_t *config_tls_effective(const struct config_build *b,
                                       const config_setting_t *own, const char *name,
                                       enum config_kind kind);

/* ---- config_revocation.c ---- */

/* crl_missing, crl_stale, crl_grace, revalidate_interval. */
void config_revocation_read(struct config_build *b, const config_setting_t *route,
                            const config_setting_t *own, struct config_tls *t);
bool config_revocation_same(const struct config_tls *a, const struct config_tls *b);

/* ---- config.c ---- */

/* A string that has to be one of the words; gives which.  False: it is not there, or was
 * found fault with. */
bool config_word_read(const struct config_reader *r, const config_setting_t *group,
                      const char *key, const char *const *words, size_t count,
                      size_t *which);

/* ---- config_record.c ---- */

/* record, record_points and feedback; the numbers are read by the route's table. */
void config_record_read(struct config_build *b, const config_setting_t *route,
                        struct record_settings *out);

/* ---- config_permit.c ---- */

/* The group permits, or the defaults. */
void config_permit_read(struct config_build *b, const config_setting_t *root);
/* What it and the routes say about each other. */
void config_permit_check(struct config_build *b, const config_setting_t *root);

/* ---- config_recording.c ---- */

/* record_size, record_retain_size of the group audit; the numbers are read by its table.
 */
void config_recording_read(struct config_build *b, const config_setting_t *audit);
/* Warns of such keys where no route is recorded. */
void config_recording_check(const struct config_build *b, const config_setting_t *root);

/* ---- config_ship.c ---- */

/* Shipping to syslog, of the group audit.  NULL: the defaults. */
void config_ship_read(struct config_build *b, const config_setting_t *audit);
bool config_ship_same(const struct config *a, const struct config *b);

/* ---- config_tls_rules.c ---- */

/* Certificates with their keys, and the rules of TLS, of the route or of all. */
void config_tls_own_read(struct config_build *b, const config_setting_t *route,
                         const config_setting_t *own, struct config_tls *t);
/* ---- config_tls_pins.c ---- */

/* Reads tls.pins, or NULL for none. */
void config_pins_read(struct config_build *b, const config_setting_t *list,
                      struct pins *pins);
/* ---- config_tls_resume.c ---- */

/* Resumption, of the route or of all. */
void config_resume_read(struct config_build *b, const config_setting_t *own,
                        uint32_t rekey_interval_s, struct config_resume *r);

/* ---- config_tls_rekey.c ---- */

/* The group rekey of a route's tls group (or NULL), else that of the one for all. */
void config_tls_rekey_read(struct config_build *b, const config_setting_t *own,
                           struct rekey_settings *out);
bool config_tls_rekey_same(const struct rekey_settings *a,
                           const struct rekey_settings *b);

/* ---- config_tls_key.c ---- */

/* True if a key's setting names a token rather than a file. */
bool config_key_is_token(const struct config_build *b, const config_setting_t *s);
/* Its name (certs/pkcs11_uri.h), malloc'ed; NULL after a finding. */
char *config_key_token(struct config_build *b, const config_setting_t *s);

/* ---- config_tls_ocsp.c ---- */

/* Reads the group (NULL: there is none).  False after a finding. */
bool config_ocsp_read(struct config_build *b, const config_setting_t *group,
                      struct config_ocsp *o);
bool config_ocsp_same(const struct config_ocsp *a, const struct config_ocsp *b);
void config_ocsp_role(const struct config_ocsp *o, struct ocsp_config *out);
/* Seconds that a session with these TLS settings may wait for a responder. */
uint32_t config_ocsp_wait(const struct config *c, size_t tls);

/* ---- config_files.c ---- */

/* The sizes in the group of the session log. */
void config_files_read(struct config_build *b, const config_setting_t *group);
/* A size such as "64M", or "0". */
void config_size_read(struct config_build *b, const config_setting_t *group,
                      const char *key, uint64_t least, uint64_t most, uint64_t *out);

/* ---- config_route.c ---- */

/* Reads the list of routes into b->c. */
void config_routes_read(struct config_build *b, const config_setting_t *list);

/* ---- config_points.c ---- */

/* The list of points of the route.  False after a finding. */
bool config_points_read(struct config_build *b, const config_setting_t *s,
                        struct config_route *route);
/* The list at a place, NULL for CONFIG_NO_POINTS. */
const struct point_list *config_points_of(const struct config *c, size_t points);
/* Warns of points that do not fit the route's address sizes, which are read. */
void config_points_check(const struct config_build *b, const config_setting_t *s,
                         const struct config_route *route);
/* True if each route has the same list. */
bool config_points_same(const struct config *a, const struct config *b);
/* What audit is told; its routes are there.  False without memory. */
bool config_points_role(const struct config *c, struct audit_config *out);
void config_points_free(struct config *c);

/* ---- config_profile.c ---- */

/* What the route's stations speak: address sizes, quirks, secauth. */
void config_profile_read(struct config_build *b, const config_setting_t *s,
                         struct config_route *route);

/* ---- config_roles.c ---- */

/* Roles of the route's masters; the name and the policy have been read. */
void config_roles_read(struct config_build *b, const config_setting_t *s,
                       struct config_route *route);

/* ---- config_route_check.c ---- */

/* What one route's settings say about each other. */
void config_route_check(struct config_build *b, const config_setting_t *s,
                        struct config_route *route);
/* What routes say about each other. */
void config_routes_check(struct config_build *b, const config_setting_t *list);

#endif
