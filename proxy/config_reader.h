/* Reading libconfig settings by table, so that no key is ever ignored.
 *
 * Only the files that read configurations and policies include this; it is the only
 * header that includes libconfig. */
#ifndef GATE104_PROXY_CONFIG_READER_H
#define GATE104_PROXY_CONFIG_READER_H

#include "proxy/config_errors.h"

#include <libconfig.h>
#include <stdint.h>

struct config_reader {
    const char *file; /* as the user named it, for findings */
    struct config_errors *errs;
};

enum config_kind {
    CONFIG_KIND_INT,
    CONFIG_KIND_BOOL,
    CONFIG_KIND_NUMBER, /* whole or broken; not stored */
    CONFIG_KIND_STRING,
    CONFIG_KIND_SEQUENCE, /* [ ] or ( ) */
    CONFIG_KIND_STRINGS,  /* one string, or a sequence */
    CONFIG_KIND_GROUP,    /* { } */
    CONFIG_KIND_REFUSED,  /* a key of other versions: `remedy` says what to do */
};

struct config_key {
    const char *name;
    enum config_kind kind;
    bool required;
    size_t offset; /* INT: of a uint32_t, BOOL: of a bool; in the struct being filled */
    uint32_t min, max;  /* INT */
    const char *remedy; /* REFUSED, or of a missing required key */
};

/* Reads and parses a file of at most 64 MiB.  NULL: the findings say why; `at` is where
 * the file was named.  Otherwise destroy with config_tree_free().  *octets, if octets is
 * not NULL, is the file's text, to be freed. */
config_t *config_tree_read(const char *path, const struct config_place *at,
                           struct config_errors *errs, char **octets, size_t *size);
void config_tree_free(config_t *tree);

/* Goes through the group: unknown keys (with the nearest known one), wrong types, missing
 * keys and numbers out of range are findings; INT and BOOL that are there and good are
 * stored in `out`, unless that is NULL. */
void config_group_read(const struct config_reader *r, const config_setting_t *group,
                       const struct config_key *keys, size_t key_count, void *out);

/* Member of a group if it is there and of this kind, else NULL (config_group_read told
 * why). */
config_setting_t *config_member(const config_setting_t *group, const char *name,
                                enum config_kind kind);
/* The same for a string: without control characters and in UTF-8, or NULL after a
 * finding. */
const char *config_member_string(const struct config_reader *r,
                                 const config_setting_t *group, const char *name);
/* The value of a string setting, checked likewise; NULL after a finding when it is none.
 */
const char *config_string(const struct config_reader *r, const config_setting_t *s);

/* Length of a sequence. */
size_t config_count(const config_setting_t *s);
const config_setting_t *config_elem(const config_setting_t *s, size_t i);
/* False, with a finding, if the sequence has not 1..max (0 <= min) elements. */
bool config_count_check(const struct config_reader *r, const config_setting_t *s,
                        size_t min, size_t max);

/* A finding at a setting. */
__attribute__((format(printf, 5, 6))) void
config_report(const struct config_reader *r, enum config_severity severity,
              const config_setting_t *s, const char *remedy, const char *what, ...);
/* At a key of the group, which may be missing. */
__attribute__((format(printf, 6, 7))) void
config_report_key(const struct config_reader *r, enum config_severity severity,
                  const config_setting_t *group, const char *name, const char *remedy,
                  const char *what, ...);

/* The nearest of the names, if it is near enough to be meant, else NULL.  Case does not
 * count. */
const char *config_nearest(const char *word,
                           const char *(*name)(const void *ctx, size_t i),
                           const void *ctx, size_t count);
/* Edits from one word to the other (insert, delete, change, swap neighbours), at most
 * `limit` + 1.  Words of more than 63 octets are infinitely far. */
size_t config_distance(const char *a, const char *b, size_t limit);

#endif
