#include "proxy/audit_folder.h"

#include "proxy/audit_seal_state.h"
#include "proxy/audit_shelf.h"
#include "proxy/audit_ship_state.h"
#include "proxy/recording_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_ours(const char *name)
{
    uint64_t seq;

    return name[0] == '.' || strcmp(name, AUDIT_FILE_NAME) == 0 ||
           strcmp(name, AUDIT_SHIP_STATE) == 0 || strcmp(name, RECORDING_FOLDER) == 0 ||
           audit_shelf_is_name(name, &seq) || strncmp(name, "torn-", 5) == 0 ||
           strncmp(name, "damaged-", 8) == 0 ||
           strncmp(name, AUDIT_SEAL_STATE_NAME, sizeof AUDIT_SEAL_STATE_NAME - 1) == 0;
}

/* True if nothing but a log is in the directory: a slip in the configuration must not
 * give /var/log away. */
static bool only_log_inside(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    bool good = dir != NULL;

    while (good && (e = readdir(dir)) != NULL)
        good = is_ours(e->d_name);
    if (dir)
        (void)closedir(dir);
    return good;
}

/* Made by root as a rule, with gate104 log keygen. */
static void give_state(struct child *c, int fd)
{
    struct stat st;

    if (fstatat(fd, AUDIT_SEAL_STATE_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        st.st_uid == c->uid)
        return;
    if (fchownat(fd, AUDIT_SEAL_STATE_NAME, c->uid, c->gid, AT_SYMLINK_NOFOLLOW) != 0)
        child_log(c, AUDIT_SEAL_STATE_NAME ": %s", strerror(errno));
}

/* Hands the directory to the user this role becomes. */
static bool give(struct child *c, const char *dir, int fd, const struct stat *st)
{
    if (geteuid() != 0 || c->uid == 0)
        return true;
    give_state(c, fd);
    if (st->st_uid == c->uid)
        return true;
    if (!only_log_inside(dir)) {
        child_log(c, "%s: there are other files in it; choose a directory of its own",
                  dir);
        return false;
    }
    if (fchown(fd, c->uid, c->gid) == 0)
        return true;
    child_log(c, "%s: cannot be given to user %u: %s", dir, (unsigned int)c->uid,
              strerror(errno));
    return false;
}

static bool fit(struct child *c, const char *dir, int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        child_log(c, "%s: %s", dir, strerror(errno));
        return false;
    }
    if (st.st_mode & S_IWOTH) {
        child_log(c, "%s: anybody may write in it; chmod o-w", dir);
        return false;
    }
    /* Two writers would break the chain. */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        child_log(c, "%s: another gate104 writes its log there", dir);
        return false;
    }
    return give(c, dir, fd, &st);
}

int audit_folder_open(struct child *c, const char *dir)
{
    int fd;

    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        child_log(c, "%s: cannot be made: %s", dir, strerror(errno));
        return -1;
    }
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        child_log(c, "%s: %s", dir, strerror(errno));
        return -1;
    }
    if (fit(c, dir, fd))
        return fd;
    (void)close(fd);
    return -1;
}

bool audit_folder_gone(int dir_fd)
{
    struct stat st;

    return fstat(dir_fd, &st) == 0 && st.st_nlink == 0;
}
