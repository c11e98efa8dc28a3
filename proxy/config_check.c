#include "certs/pem_check.h"
#include "certs/pkcs11_uri.h"
#include "proxy/config.h"
#include "proxy/config_seal.h"
#include "proxy/config_tls_check.h"
#include "proxy/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 7, 8))) static void
tell(const struct config *c, struct config_errors *errs, enum config_severity severity,
     unsigned int line, const char *key, const char *remedy, const char *what, ...)
{
    struct config_place at = {c->path, line, key};
    va_list ap;

    va_start(ap, what);
    config_errors_vadd(errs, severity, &at, remedy, what, ap);
    va_end(ap);
}

/* ---- certificates ----------------------------------------------------------------- */

struct pem_place {
    const struct config *c;
    struct config_errors *errs;
    unsigned int line;
    const char *key;
};

static void report_pem(void *ctx, const struct pem_finding *f)
{
    const struct pem_place *p = ctx;

    tell(p->c, p->errs, f->error ? CONFIG_ERROR : CONFIG_WARNING, p->line, p->key,
         f->remedy, "%s", f->what);
}

static struct pem_text as_pem(const struct config_file *f)
{
    return (struct pem_text){f->path, f->text};
}

static bool group_has(const struct config *c, size_t group, enum route_mode mode)
{
    for (size_t i = 0; i < c->route_count; i++) {
        if (c->routes[i].tls == group && c->routes[i].mode == mode)
            return true;
    }
    return false;
}

static void check_own(const struct config *c, size_t group,
                      const struct config_file *file, struct config_errors *errs)
{
    struct pem_place at = {c, errs, file->line, "tls.cert"};
    struct pem_text cert = as_pem(file);

    pem_check_chain(&cert, group_has(c, group, ROUTE_PROTECT_RTU),
                    group_has(c, group, ROUTE_WRAP_MASTER), time(NULL), report_pem, &at);
}

static void check_certs(const struct config *c, size_t group, struct config_errors *errs)
{
    const struct config_tls *t = &c->tls[group];
    struct pem_place at = {c, errs, t->cert.line, "tls.cert"};
    time_t now = time(NULL);

    check_own(c, group, &t->cert, errs);
    if (t->second_cert.path)
        check_own(c, group, &t->second_cert, errs);
    at.key = "tls.ca";
    for (size_t i = 0; i < t->ca_count; i++) {
        struct pem_text ca = as_pem(&t->ca[i]);

        at.line = t->ca[i].line;
        pem_check_ca(&ca, now, report_pem, &at);
    }
    config_check_crls(c, group, errs);
}

void config_check_crls(const struct config *c, size_t group, struct config_errors *errs)
{
    const struct config_tls *t = &c->tls[group];
    struct pem_place at = {c, errs, 0, "tls.ca"};
    struct pem_text ca[CONFIG_PEM_FILES_MAX];
    struct pem_text crl[CONFIG_CRL_FILES_MAX];
    time_t now = time(NULL);

    for (size_t i = 0; i < t->crl_count; i++)
        crl[i] = as_pem(&t->crl[i]);
    for (size_t i = 0; i < t->ca_count; i++) {
        ca[i] = as_pem(&t->ca[i]);
        at.line = t->ca[i].line;
        pem_check_coverage(&ca[i], crl, t->crl_count, report_pem, &at);
    }
    at.key = "tls.crl";
    for (size_t i = 0; i < t->crl_count; i++) {
        at.line = t->crl[i].line;
        pem_check_crl(&crl[i], ca, t->ca_count, now, report_pem, &at);
    }
}

/* ---- key files -------------------------------------------------------------------- */

/* Looks at the file, never into it. */
static void check_key(const struct config *c, const struct config_file *key,
                      struct config_errors *errs)
{
    struct stat st;

    if (pkcs11_uri_is(key->path))
        return; /* the signer looks for it */
    if (stat(key->path, &st) != 0) {
        tell(c, errs, CONFIG_ERROR, key->line, "tls.key",
             errno == ENOENT ? "create the key or correct the path"
                             : "make the folders above it readable",
             "cannot look at \"%s\": %s", key->path, strerror(errno));
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        tell(c, errs, CONFIG_ERROR, key->line, "tls.key", "name a regular file",
             "\"%s\" is not a regular file", key->path);
        return;
    }
    if (st.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP))
        tell(c, errs, CONFIG_ERROR, key->line, "tls.key", "chmod 0600 it",
             "the private key \"%s\" is open to others (mode %04o)", key->path,
             (unsigned int)(st.st_mode & 07777));
    if (st.st_uid != 0 && st.st_uid != geteuid())
        tell(c, errs, CONFIG_WARNING, key->line, "tls.key", "chown root it",
             "the private key \"%s\" belongs to user number %u", key->path,
             (unsigned int)st.st_uid);
    if (st.st_size == 0 || st.st_size > 65536)
        tell(c, errs, CONFIG_ERROR, key->line, "tls.key",
             "put one private key in PEM form into it",
             "\"%s\" has %lld octets, which is no private key", key->path,
             (long long)st.st_size);
    if (access(key->path, R_OK) != 0)
        tell(c, errs, CONFIG_ERROR, key->line, "tls.key",
             "start gate104d as a user who may read it",
             "the private key \"%s\" is not readable", key->path);
}

/* ---- users ------------------------------------------------------------------------ */

static void check_users(const struct config *c, struct config_errors *errs)
{
    uid_t first = 0;
    bool apart = true;
    uid_t uid;
    gid_t gid;

    if (geteuid() != 0) {
        if (c->user_given)
            tell(c, errs, CONFIG_WARNING, 0, "user", "start gate104d as root",
                 "ignored: without root all processes run as this user, with less "
                 "between them");
        return;
    }
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        if (!config_role_user(c, (enum role)role, &uid, &gid)) {
            tell(c, errs, CONFIG_ERROR, 0, "user",
                 "create it: useradd --system --no-create-home --shell /usr/sbin/nologin "
                 "NAME",
                 "there is no user \"%s-%s\" and no user \"%s\" other than root", c->user,
                 role_name(role), c->user);
            continue;
        }
        if (role == ROLE_BROKER)
            first = uid;
        else
            apart = apart && uid != first;
    }
    if (!apart)
        tell(c, errs, CONFIG_WARNING, 0, "user",
             "create a user for each role: \"NAME-broker\", \"NAME-tls\", \"NAME-gate\", "
             "\"NAME-signer\", \"NAME-audit\", \"NAME-fetcher\"",
             "roles share the user \"%s\", with less between them", c->user);
}

/* ---- folders ---------------------------------------------------------------------- */

/* The folder, or, as its user makes it if it is missing, the one above. */
static bool check_dir(const struct config *c, struct config_errors *errs,
                      unsigned int line, const char *key, const char *dir,
                      struct stat *st)
{
    char above[4096];
    char *slash;

    (void)snprintf(above, sizeof above, "%s", dir);
    if (stat(dir, st) != 0) {
        slash = strrchr(above, '/');
        if (slash)
            slash[slash == above ? 1 : 0] = '\0';
        if (errno != ENOENT || stat(above, st) != 0) {
            tell(c, errs, CONFIG_ERROR, line, key, "create it or correct the path",
                 "cannot use \"%s\": %s", above, strerror(errno));
            return false;
        }
    }
    if (!S_ISDIR(st->st_mode)) {
        tell(c, errs, CONFIG_ERROR, line, key, "name a folder", "\"%s\" is not a folder",
             above);
        return false;
    }
    if (access(above, W_OK | X_OK) == 0)
        return true;
    tell(c, errs, CONFIG_ERROR, line, key,
         "chown it to the user that starts gate104d, or start it as root",
         "\"%s\" is not writable", above);
    return false;
}

static void check_dirs(const struct config *c, struct config_errors *errs)
{
    struct stat st;

    if (c->run_dir_line > 0)
        (void)check_dir(c, errs, c->run_dir_line, "run_dir", c->run_dir, &st);
    if (!check_dir(c, errs, c->audit_line, "audit.dir", c->audit_dir, &st))
        return;
    /* A sticky folder above, such as /tmp, is no place for others' files in ours. */
    if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX))
        tell(c, errs, CONFIG_ERROR, c->audit_line, "audit.dir", "chmod 0700 it",
             "everybody may write to \"%s\"", c->audit_dir);
}

/* ---- ports ------------------------------------------------------------------------ */

/* The first port that needs no privilege. */
static unsigned int first_free_port(void)
{
    char text[16] = "";
    int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY | O_CLOEXEC);
    unsigned long v = 1024;

    if (fd < 0)
        return 1024;
    if (read(fd, text, sizeof text - 1) > 0)
        v = strtoul(text, NULL, 10);
    (void)close(fd);
    return v <= 65536 ? (unsigned int)v : 1024;
}

static void check_ports(const struct config *c, struct config_errors *errs)
{
    unsigned int first = geteuid() == 0 ? 0 : first_free_port();

    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *route = &c->routes[i];

        for (size_t k = 0; k < route->listen_count; k++) {
            if (route->listen[k].port < first)
                tell(c, errs, CONFIG_ERROR, route->line, "listen",
                     "start gate104d as root, or use a higher port",
                     "only root may listen on port %u (route \"%s\")",
                     route->listen[k].port, route->name);
        }
    }
}

void config_check(const struct config *c, struct config_errors *errs)
{
    for (size_t i = 0; i < c->tls_count; i++) {
        check_certs(c, i, errs);
        check_key(c, &c->tls[i].key, errs);
        if (c->tls[i].second_key.path)
            check_key(c, &c->tls[i].second_key, errs);
        config_tls_check(c, i, errs);
    }
    check_users(c, errs);
    check_dirs(c, errs);
    check_ports(c, errs);
    config_seal_check(c, errs);
}
