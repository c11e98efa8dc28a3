/* The seals of the session log: audit.seal_key, audit.seal_interval. */
#include "proxy/config_seal.h"
#include "proxy/config_build.h"

#include "proxy/audit_hash.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_NAME "seal.state" /* audit_seal_state.h */
#define KEY_OCTETS 4096         /* audit_seal_key.c */

void config_seal_read(struct config_build *b, const config_setting_t *group)
{
    const config_setting_t *key = config_member(group, "seal_key", CONFIG_KIND_STRING);

    if (key) {
        b->c->seal.key = config_path(b, key);
        b->c->seal.key_line = key->line;
    } else if (config_setting_get_member(group, "seal_interval")) {
        config_report_key(&b->r, CONFIG_WARNING, group, "seal_interval",
                          "make a key with gate104 log keygen and name it in seal_key",
                          "without seal_key the log is chained, but not sealed");
    }
}

void config_seal_free(struct config_seal *s)
{
    free(s->key);
    s->key = NULL;
}

bool config_seal_same(const struct config_seal *a, const struct config_seal *b)
{
    return !a->key == !b->key && (!a->key || strcmp(a->key, b->key) == 0) &&
           a->interval == b->interval;
}

bool config_seal_hash(struct config *c, const char *octets, size_t n)
{
    return audit_hash_warm_up() && audit_hash(octets, n, c->hash);
}

/* ---- what can be found out without starting ---------------------------------------- */

struct place {
    const struct config *c;
    struct config_errors *errs;
};

__attribute__((format(printf, 4, 5))) static void tell(const struct place *p,
                                                       enum config_severity severity,
                                                       const char *remedy,
                                                       const char *what, ...)
{
    struct config_place at = {p->c->path, p->c->seal.key_line, "audit.seal_key"};
    va_list ap;

    va_start(ap, what);
    config_errors_vadd(p->errs, severity, &at, remedy, what, ap);
    va_end(ap);
}

static void check_key(const struct place *p, const char *key)
{
    struct stat st;

    if (stat(key, &st) != 0)
        tell(p, CONFIG_ERROR,
             errno == ENOENT ? "make it with gate104 log keygen, or correct the path"
                             : "make the folders above it readable",
             "cannot look at \"%s\": %s", key, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        tell(p, CONFIG_ERROR, "name a regular file", "\"%s\" is not a regular file", key);
    else if (st.st_mode & (S_IRWXO | S_IRWXG))
        tell(p, CONFIG_ERROR, "chmod 0600 it",
             "the signing key \"%s\" is open to others (mode %04o)", key,
             (unsigned int)(st.st_mode & 07777));
    else if (st.st_uid != 0 && st.st_uid != geteuid())
        tell(p, CONFIG_ERROR, "chown root it",
             "the signing key \"%s\" belongs to user number %u", key,
             (unsigned int)st.st_uid);
    else if (access(key, R_OK) != 0)
        tell(p, CONFIG_ERROR, "chown it to the user that starts gate104d",
             "the signing key \"%s\" is not readable", key);
    else if (st.st_size == 0 || st.st_size > KEY_OCTETS)
        tell(p, CONFIG_ERROR, "make a key with gate104 log keygen",
             "\"%s\" has %lld octets, which is no signing key", key,
             (long long)st.st_size);
}

static void check_state(const struct place *p, const char *dir)
{
    char name[4200];
    struct stat st;

    (void)snprintf(name, sizeof name, "%s/" STATE_NAME, dir);
    if (stat(name, &st) != 0)
        tell(p, CONFIG_WARNING, "make new keys with gate104 log keygen",
             "there will be no seals: \"%s\": %s", name, strerror(errno));
    else if (st.st_mode & (S_IRWXO | S_IRWXG))
        tell(p, CONFIG_WARNING, "make new keys with gate104 log keygen",
             "there will be no seals: \"%s\" is open to others (mode %04o)", name,
             (unsigned int)(st.st_mode & 07777));
}

/* True if the folder holds the file. */
static bool beside(const char *key, const char *dir)
{
    char above[4096];
    char *slash;
    struct stat a;
    struct stat b;

    (void)snprintf(above, sizeof above, "%s", key);
    slash = strrchr(above, '/');
    if (!slash)
        return false;
    slash[slash == above ? 1 : 0] = '\0';
    return stat(above, &a) == 0 && stat(dir, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

void config_seal_check(const struct config *c, struct config_errors *errs)
{
    const struct place p = {c, errs};

    if (!c->seal.key)
        return;
    check_key(&p, c->seal.key);
    if (beside(c->seal.key, c->audit_dir))
        tell(&p, CONFIG_ERROR, "keep it in another folder",
             "the signing key lies in the folder of the log");
    check_state(&p, c->audit_dir);
}
