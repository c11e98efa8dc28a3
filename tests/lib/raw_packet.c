#include "tests/lib/raw_packet.h"

#include "sandbox/messages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static size_t counted;

/* At an address that the kernel chooses. */
static int listening(int domain, int type)
{
    const struct sockaddr any = {.sa_family = (sa_family_t)domain};
    int fd = socket(domain, type | SOCK_CLOEXEC, 0);

    if (domain == AF_UNIX)
        (void)bind(fd, &any, sizeof any.sa_family);
    (void)listen(fd, 1);
    return fd;
}

int raw_fd(char kind)
{
    int ends[2];

    switch (kind) {
    case 'L': return listening(AF_INET, SOCK_STREAM);
    case 'V': return listening(AF_UNIX, SOCK_SEQPACKET);
    case 'T': return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    case 't': return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    case 'U': return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    case 'S': return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    case 'G': return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    case 'D': return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    default: break;
    }
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    (void)close(ends[1]);
    return ends[0];
}

bool raw_fd_is_cloexec(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && (flags & FD_CLOEXEC);
}

static bool send_iov(int fd, struct iovec *iov, size_t parts, const char *kinds)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(int) * RAW_FDS_MAX)];
    } control;
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = parts};
    size_t n = kinds ? strlen(kinds) : 0;
    int fds[RAW_FDS_MAX];
    ssize_t sent;

    if (n > RAW_FDS_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        fds[i] = raw_fd(kinds[i]);
    if (n > 0) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof control);
        msg.msg_control = control.buf;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
    }
    sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    for (size_t i = 0; i < n; i++)
        (void)close(fds[i]);
    return sent >= 0;
}

bool raw_octets_send(int fd, const void *p, size_t n, const char *kinds)
{
    struct iovec iov = {(void *)(uintptr_t)p, n};

    return send_iov(fd, &iov, 1, kinds);
}

bool raw_packet_send(int fd, const struct raw_packet *p)
{
    uint16_t header[2] = {(uint16_t)p->type, (uint16_t)p->header_len};
    struct iovec iov[2] = {{header, sizeof header},
                           {(void *)(uintptr_t)p->payload, p->len}};

    return send_iov(fd, iov, 2, p->kinds);
}

size_t raw_fds_open(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

int raw_fds_count(void **state)
{
    (void)state;
    counted = raw_fds_open();
    return counted > 0 ? 0 : -1;
}

int raw_fds_same(void **state)
{
    size_t now = raw_fds_open();

    (void)state;
    if (now != counted)
        (void)fprintf(stderr, "# %zu descriptors open, %zu before\n", now, counted);
    return now == counted ? 0 : -1;
}
