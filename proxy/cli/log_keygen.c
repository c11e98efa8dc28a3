/* `gate104 log keygen`: the keys that seal a log.  The signing key goes to a file, the
 * MAC key's first state beside the log, the seed to the screen and nowhere else. */
#include "proxy/audit_seal.h"
#include "proxy/audit_seal_state.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#define PREFIX_DEFAULT "gate104-seal"
#define PREFIX_MAX     200

struct keygen {
    const char *dir;
    const char *prefix;
    bool force;
    bool qr;
    int dir_fd;
    struct stat dir_stat;
    char key_path[PATH_MAX + NAME_MAX];
    char pub_path[PATH_MAX + NAME_MAX];
    struct audit_seal_key *key;
    uint8_t *seed; /* locked memory */
    struct audit_seal_state *state;
};

__attribute__((format(printf, 1, 2))) static bool complain(const char *fmt, ...)
{
    char text[PATH_MAX + 200];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)fputs("gate104 log keygen: ", stderr);
    cli_put_safe(stderr, text, 0, false);
    (void)fputc('\n', stderr);
    return false;
}

/* ---- what may be written where ---- */

static bool open_dir(struct keygen *k)
{
    k->dir_fd = open(k->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (k->dir_fd < 0 || fstat(k->dir_fd, &k->dir_stat) != 0)
        return complain("%s: %s; name the folder of the log, audit.dir in gate104.conf",
                        k->dir, strerror(errno));
    if (flock(k->dir_fd, LOCK_EX | LOCK_NB) != 0)
        return complain("%s: gate104d writes its log there; stop it first", k->dir);
    return true;
}

/* The folder part of the prefix, absolute, which is not the log's. */
static bool place_keys(struct keygen *k)
{
    const char *slash = strrchr(k->prefix, '/');
    const char *name = slash ? slash + 1 : k->prefix;
    char given[PATH_MAX];
    char folder[PATH_MAX];
    struct stat st;

    (void)snprintf(given, sizeof given, "%.*s", slash ? (int)(slash - k->prefix) + 1 : 1,
                   slash ? k->prefix : ".");
    if (!realpath(given, folder) || stat(folder, &st) != 0)
        return complain("%s: %s; name a folder that there is", given, strerror(errno));
    if (st.st_dev == k->dir_stat.st_dev && st.st_ino == k->dir_stat.st_ino)
        return complain("%s: the signing key is not kept beside the log; name another "
                        "place with --out",
                        folder);
    if (name[0] == '\0' || strlen(name) > PREFIX_MAX)
        return complain("%s: no prefix of file names", k->prefix);
    (void)snprintf(k->key_path, sizeof k->key_path, "%s/%.*s.key", folder, PREFIX_MAX,
                   name);
    (void)snprintf(k->pub_path, sizeof k->pub_path, "%s/%.*s.pub", folder, PREFIX_MAX,
                   name);
    return true;
}

static bool nothing_lost(const struct keygen *k)
{
    const char *const path[] = {k->key_path, k->pub_path};
    struct stat st;

    if (k->force)
        return true;
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
        if (lstat(path[i], &st) == 0)
            return complain("%s: is there already; --force replaces it, --out names "
                            "other files",
                            path[i]);
    }
    if (fstatat(k->dir_fd, AUDIT_SEAL_STATE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return complain("%s/" AUDIT_SEAL_STATE_NAME
                        ": this log has keys already; --force begins anew with others "
                        "(keep the old public key and seed: they verify what is sealed)",
                        k->dir);
    return true;
}

/* ---- making and writing ---- */

static bool make(struct keygen *k)
{
    k->key = audit_seal_key_new();
    k->seed = OPENSSL_secure_malloc(AUDIT_SEED_SIZE);
    k->state = OPENSSL_secure_zalloc(sizeof *k->state);
    if (!k->key || !k->seed || !k->state ||
        RAND_priv_bytes(k->seed, AUDIT_SEED_SIZE) != 1 ||
        !audit_seal_first(k->seed, k->state->mac_key))
        return complain("libcrypto makes no keys");
    k->state->epoch = 1;
    memcpy(k->state->key_id, audit_seal_key_id(k->key), AUDIT_KEY_ID_SIZE);
    return true;
}

static bool write_file(const struct keygen *k, const char *path, const char *text,
                       mode_t mode)
{
    size_t n = strlen(text);
    bool good;
    int fd;

    if (k->force && unlink(path) != 0 && errno != ENOENT)
        return complain("%s: %s", path, strerror(errno));
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return complain("%s: %s", path, strerror(errno));
    good = fchmod(fd, mode) == 0 && write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
    if (!good)
        (void)complain("%s: %s", path, strerror(errno));
    (void)close(fd);
    if (!good)
        (void)unlink(path);
    return good;
}

static bool write_half(const struct keygen *k, bool private_half, const char *path,
                       mode_t mode)
{
    char pem[AUDIT_KEY_PEM_SIZE];
    bool good =
        audit_seal_key_pem(k->key, private_half, pem) && write_file(k, path, pem, mode);

    OPENSSL_cleanse(pem, sizeof pem);
    return good;
}

/* The log's folder may be another user's, who is to replace the file. */
static bool write_state(const struct keygen *k)
{
    if (!audit_seal_state_store(k->dir_fd, k->state))
        return complain("%s/" AUDIT_SEAL_STATE_NAME ": %s", k->dir, strerror(errno));
    if (geteuid() == 0 && fchownat(k->dir_fd, AUDIT_SEAL_STATE_NAME, k->dir_stat.st_uid,
                                   k->dir_stat.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
        return complain("%s/" AUDIT_SEAL_STATE_NAME ": %s", k->dir, strerror(errno));
    return true;
}

/* ---- telling ---- */

static bool tell(const struct keygen *k)
{
    char pem[AUDIT_KEY_PEM_SIZE];
    char id[2 * AUDIT_KEY_ID_SIZE + 1];
    char seed[AUDIT_SEED_TEXT_SIZE];
    bool good;

    if (!audit_seal_key_pem(k->key, false, pem) || !audit_seal_seed_text(k->seed, seed))
        return complain("libcrypto fails");
    audit_hex(audit_seal_key_id(k->key), AUDIT_KEY_ID_SIZE, id);
    (void)printf(
        "Signing key, for gate104d alone; in gate104.conf:\n"
        "    audit = { ... seal_key = \"%s\"; };\n\n"
        "Verification key %s, for everybody; also in %s:\n%s\n"
        "Seed, shown now and stored nowhere. Keep it away from this machine: it tells "
        "seals\nmade before a break-in from forged ones, and who has it can forge.\n"
        "    %s\n",
        k->key_path, id, k->pub_path, pem, seed);
    good = !k->qr || log_qr(stdout, seed);
    OPENSSL_cleanse(seed, sizeof seed);
    if (!good)
        return complain("no QR code: %s", strerror(errno));
    if (fflush(stdout) != 0)
        return complain("standard output: %s; do it again with --force", strerror(errno));
    return true;
}

static bool run(struct keygen *k)
{
    (void)audit_seal_warm_up();
    return open_dir(k) && place_keys(k) && nothing_lost(k) && make(k) &&
           write_half(k, true, k->key_path, 0600) &&
           write_half(k, false, k->pub_path, 0644) && write_state(k) && tell(k);
}

static bool arguments(struct keygen *k, int argc, char **argv)
{
    static const struct option options[] = {
        {"out", required_argument, NULL, 'o'},
        {"force", no_argument, NULL, 'f'},
        {"qr", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (c == 'o')
            k->prefix = optarg;
        else if (c == 'f')
            k->force = true;
        else if (c == 'q')
            k->qr = true;
        else
            return false;
    }
    if (optind + 1 != argc)
        return false;
    k->dir = argv[optind];
    return true;
}

int log_keygen(int argc, char **argv)
{
    struct keygen k = {.prefix = PREFIX_DEFAULT, .dir_fd = -1};
    bool good;

    k.qr = isatty(STDOUT_FILENO) == 1;
    if (!arguments(&k, argc, argv)) {
        (void)fputs("usage: gate104 log keygen [--out PREFIX] [--force] [--qr] DIR\n",
                    stderr);
        return LOG_EXIT_UNUSABLE;
    }
    good = run(&k);
    audit_seal_key_free(k.key);
    OPENSSL_secure_clear_free(k.seed, AUDIT_SEED_SIZE);
    OPENSSL_secure_clear_free(k.state, sizeof *k.state);
    if (k.dir_fd >= 0)
        (void)close(k.dir_fd);
    return good ? LOG_EXIT_OK : LOG_EXIT_UNUSABLE;
}
