/* The control socket's place, and who may use it. */
#include "proxy/monitor_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* More groups than anybody is in are taken for none. */
#define GROUPS_MAX 1024u

/* The socket belongs to the group from the start if this process has it meanwhile: a root
 * without CAP_CHOWN can do that, with CAP_SETGID. */
static bool bind_as(int fd, const struct sockaddr_un *addr, const gid_t *group)
{
    const gid_t own = getegid();
    const bool changed = group && geteuid() == 0 && setegid(*group) == 0;
    const mode_t mask = umask(0177);
    const bool good = bind(fd, (const struct sockaddr *)addr, sizeof *addr) == 0;

    (void)umask(mask);
    if (changed && setegid(own) != 0)
        abort();
    return good;
}

/* Only once it is the group's is it opened to it. */
static bool open_to(const char *path, gid_t group)
{
    struct stat st;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    return (st.st_gid == group || lchown(path, (uid_t)-1, group) == 0) &&
           chmod(path, 0660) == 0;
}

int control_socket_open(const struct monitor *m, const char *path)
{
    const struct permit_settings *s = &m->config->permits;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    (void)unlink(path); /* of an instance that was killed */
    if (!bind_as(fd, &addr, s->has_group ? &s->gid : NULL) || listen(fd, 8) != 0) {
        (void)close(fd);
        return -1;
    }
    if (s->has_group && !open_to(path, s->gid))
        monitor_log("the control socket cannot be given to the group \"%s\": only root "
                    "may grant permits",
                    s->group);
    return fd;
}

/* The kernel knows with which groups the socket was opened. */
static bool is_member(int fd, gid_t first, gid_t group)
{
    gid_t groups[GROUPS_MAX];
    socklen_t n = sizeof groups;

    if (first == group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) != 0)
        return false;
    for (size_t i = 0; i < n / sizeof groups[0]; i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

bool control_peer(const struct monitor *m, int fd, uid_t *uid, bool *permits_only)
{
    const struct permit_settings *s = &m->config->permits;
    struct ucred peer;
    socklen_t n = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
        return false;
    *uid = peer.uid;
    *permits_only = peer.uid != 0 && peer.uid != geteuid();
    return !*permits_only || (s->has_group && is_member(fd, peer.gid, s->gid));
}
