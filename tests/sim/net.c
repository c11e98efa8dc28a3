#include "tests/sim/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct addrinfo *resolve(const char *where, int flags, char *why, size_t n)
{
    struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    const char *colon = strrchr(where, ':');
    char host[256];
    size_t size;
    int e;

    if (colon == NULL || colon[1] == '\0' || (size_t)(colon - where) >= sizeof host) {
        snprintf(why, n, "%s: HOST:PORT is needed", where);
        return NULL;
    }
    size = (size_t)(colon - where);
    memcpy(host, where, size);
    host[size] = '\0';
    if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
        memmove(host, host + 1, size - 2);
        host[size - 2] = '\0';
    }
    e = getaddrinfo(host[0] != '\0' ? host : NULL, colon + 1, &hints, &list);
    if (e != 0)
        snprintf(why, n, "%s: %s", where, gai_strerror(e));
    return e == 0 ? list : NULL;
}

int sim_net_listen(const char *where, char *why, size_t n)
{
    struct addrinfo *list = resolve(where, AI_PASSIVE, why, n);
    int on = 1;
    int fd;

    if (list == NULL)
        return -1;
    fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, 64) != 0) {
        snprintf(why, n, "listen on %s: %s", where, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

int sim_net_connect(const char *where, char *why, size_t n)
{
    return sim_net_connect_if(where, NULL, why, n);
}

int sim_net_connect_if(const char *where, bool (*allows)(const struct sockaddr *to),
                       char *why, size_t n)
{
    struct addrinfo *list = resolve(where, 0, why, n);
    int fd;

    if (list == NULL)
        return -1;
    if (allows != NULL && !allows(list->ai_addr)) {
        snprintf(why, n,
                 "%s: attacks go to loopback and to the networks of RFC 5737, RFC 3849 "
                 "and RFC 2544 only",
                 where);
        freeaddrinfo(list);
        return -1;
    }
    fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (connect(fd, list->ai_addr, list->ai_addrlen) != 0 &&
                   errno != EINPROGRESS && errno != EINTR)) {
        snprintf(why, n, "connect to %s: %s", where, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

uint16_t sim_net_port(int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    char port[16];

    if (getsockname(fd, (struct sockaddr *)&a, &n) != 0 ||
        getnameinfo((struct sockaddr *)&a, n, NULL, 0, port, sizeof port,
                    NI_NUMERICSERV) != 0)
        return 0;
    return (uint16_t)strtoul(port, NULL, 10);
}

int sim_net_accept(int fd, char *peer, size_t n)
{
    struct sockaddr_storage a;
    socklen_t size = sizeof a;
    char host[64] = "?", port[16] = "?";
    int got = accept4(fd, (struct sockaddr *)&a, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (got < 0)
        return -1;
    getnameinfo((struct sockaddr *)&a, size, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(peer, n, "%s:%s", host, port);
    return got;
}
