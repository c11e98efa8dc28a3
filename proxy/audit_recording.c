#include "proxy/audit_recording.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Hands the folder to the user this role becomes. */
static bool give(const struct child *c, int fd)
{
    return fd < 0 || geteuid() != 0 || c->uid == 0 || fchown(fd, c->uid, c->gid) == 0;
}

bool audit_recording_init(struct recordings *r, struct child *child,
                          struct audit_log *log, const struct audit_config *config,
                          int dir_fd)
{
    int fd;

    if (!recordings_init(r, log, config, dir_fd, &fd) || !give(child, fd)) {
        child_log(child, "%s/" RECORDING_FOLDER ": %s", config->dir, strerror(errno));
        return false;
    }
    if (fd >= 0)
        child_keep(child, fd);
    return true;
}
