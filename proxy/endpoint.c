#include "proxy/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool endpoint_valid(const struct msg_endpoint *e)
{
    static const uint8_t zeros[12];

    if (e->zero != 0)
        return false;
    return e->family == 6 || (e->family == 4 && memcmp(e->addr + 4, zeros, 12) == 0);
}

void endpoint_text(const struct msg_endpoint *e, char out[ENDPOINT_TEXT_MAX])
{
    char addr[INET6_ADDRSTRLEN] = "?";

    (void)inet_ntop(e->family == 6 ? AF_INET6 : AF_INET, e->addr, addr, sizeof addr);
    (void)snprintf(out, ENDPOINT_TEXT_MAX, e->family == 6 ? "[%s]:%u" : "%s:%u", addr,
                   (unsigned int)e->port);
}

socklen_t endpoint_to_sockaddr(const struct msg_endpoint *e, struct sockaddr_storage *ss)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(e->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};

    memset(ss, 0, sizeof *ss);
    if (e->family == 6) {
        memcpy(&in6.sin6_addr, e->addr, sizeof in6.sin6_addr);
        memcpy(ss, &in6, sizeof in6);
        return sizeof in6;
    }
    memcpy(&in4.sin_addr, e->addr, sizeof in4.sin_addr);
    memcpy(ss, &in4, sizeof in4);
    return sizeof in4;
}

bool endpoint_from_sockaddr(const struct sockaddr_storage *ss, struct msg_endpoint *e)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    memset(e, 0, sizeof *e);
    if (ss->ss_family == AF_INET) {
        memcpy(&in4, ss, sizeof in4);
        e->family = 4;
        e->port = ntohs(in4.sin_port);
        memcpy(e->addr, &in4.sin_addr, 4);
        return true;
    }
    if (ss->ss_family != AF_INET6)
        return false;
    memcpy(&in6, ss, sizeof in6);
    e->port = ntohs(in6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        e->family = 4;
        memcpy(e->addr, in6.sin6_addr.s6_addr + 12, 4);
    } else {
        e->family = 6;
        memcpy(e->addr, &in6.sin6_addr, 16);
    }
    return true;
}

bool endpoint_same_address(const struct msg_endpoint *a, const struct msg_endpoint *b)
{
    return a->family == b->family && memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

bool endpoint_in_net(const struct msg_endpoint *e, const struct source_net *net)
{
    size_t whole = net->bits / 8;
    unsigned int rest = net->bits % 8;
    uint8_t mask = (uint8_t)(0xFF00u >> rest);

    if (e->family != net->family || net->bits > (net->family == 6 ? 128 : 32))
        return false;
    if (memcmp(e->addr, net->addr, whole) != 0)
        return false;
    return rest == 0 || (e->addr[whole] & mask) == (net->addr[whole] & mask);
}
