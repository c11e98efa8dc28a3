#include "sandbox/empty_net.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

union ancillary {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

/* In another process, as it may be that one can leave a network and not come back. */
static bool make_and_send(int to)
{
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int fd =
        unshare(CLONE_NEWNET) == 0 ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -1;
    union ancillary a = {.header = {.cmsg_len = CMSG_LEN(sizeof fd),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS}};
    char octet = 0;
    struct iovec iov = {&octet, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = a.room,
                         .msg_controllen = sizeof a.room};

    memcpy(CMSG_DATA(&a.header), &fd, sizeof fd);
    /* As a role would be put there, from where the monitor is. */
    return own >= 0 && fd >= 0 && setns(own, CLONE_NEWNET) == 0 &&
           setns(fd, CLONE_NEWNET) == 0 && sendmsg(to, &msg, MSG_NOSIGNAL) == 1;
}

static int receive(int from)
{
    union ancillary a;
    char octet;
    struct iovec iov = {&octet, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = a.room,
                         .msg_controllen = sizeof a.room};
    const struct cmsghdr *c;
    int fd = -1;

    if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

int empty_net_make(void)
{
    int pair[2];
    int fd = -1;
    pid_t pid;

#ifdef GATE104_SAN
    return -1; /* they stay where they are: see sandbox/enter.c */
#endif
    if (geteuid() != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    pid = fork();
    if (pid == 0)
        _exit(make_and_send(pair[1]) ? 0 : 1);
    (void)close(pair[1]);
    if (pid > 0) {
        fd = receive(pair[0]);
        (void)waitpid(pid, NULL, 0);
    }
    (void)close(pair[0]);
    return fd;
}
