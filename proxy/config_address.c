#include "proxy/config_address.h"

#include "proxy/endpoint.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FORM_REMEDY "write \"10.0.1.10:2404\", or \"[2001:db8::1]:2404\" for IPv6"

__attribute__((format(printf, 3, 4))) static bool
fail(struct config_fault *f, const char *remedy, const char *what, ...)
{
    va_list ap;

    va_start(ap, what);
    (void)vsnprintf(f->what, sizeof f->what, what, ap);
    va_end(ap);
    (void)snprintf(f->remedy, sizeof f->remedy, "%s", remedy);
    return false;
}

/* Digits only, no sign, at most five. */
static bool parse_number(const char *text, unsigned int max, unsigned int *value)
{
    size_t n = strlen(text);
    unsigned int v = 0;

    if (n == 0 || n > 5 || strspn(text, "0123456789") != n)
        return false;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (unsigned int)(text[i] - '0');
    *value = v;
    return v <= max;
}

static bool address_fault(const char *text, struct config_fault *fault)
{
    if (strchr(text, '%'))
        return fail(fault, "use a global or unique local address",
                    "\"%.80s\": IPv6 zones are not supported", text);
    if (strspn(text, "0123456789.:abcdefABCDEF") != strlen(text))
        return fail(fault, "write its IP address; gate104 resolves no names",
                    "\"%.80s\" is a host name", text);
    return fail(fault, "write an IPv4 or IPv6 address", "\"%.80s\" is not an IP address",
                text);
}

static bool parse_ip(const char *text, bool ipv6, uint8_t addr[16],
                     struct config_fault *fault)
{
    struct in6_addr in6;

    memset(addr, 0, 16);
    if (!ipv6)
        return inet_pton(AF_INET, text, addr) == 1 || address_fault(text, fault);
    if (inet_pton(AF_INET6, text, &in6) != 1)
        return address_fault(text, fault);
    /* Connections from such an address show up as IPv4. */
    if (IN6_IS_ADDR_V4MAPPED(&in6))
        return fail(fault, "write the IPv4 address itself",
                    "\"%.80s\" is an IPv4 address in IPv6 form", text);
    memcpy(addr, &in6, 16);
    return true;
}

/* Splits at the last colon, or behind the bracket. */
static bool split(const char *text, char host[64], const char **port, bool *ipv6)
{
    const char *end;
    size_t n;

    *ipv6 = text[0] == '[';
    text += *ipv6 ? 1 : 0;
    end = *ipv6 ? strchr(text, ']') : strrchr(text, ':');
    if (!end || (*ipv6 && end[1] != ':'))
        return false;
    n = (size_t)(end - text);
    if (n == 0 || n > 63)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    *port = end + (*ipv6 ? 2 : 1);
    return *ipv6 || !strchr(host, ':');
}

bool config_parse_endpoint(const char *text, struct msg_endpoint *e,
                           struct config_fault *fault)
{
    char host[64];
    const char *port_text;
    unsigned int port;
    bool ipv6;

    memset(e, 0, sizeof *e);
    if (!split(text, host, &port_text, &ipv6))
        return fail(fault, FORM_REMEDY, "\"%.80s\" is not an address with a port", text);
    if (!parse_number(port_text, 65535, &port) || port == 0)
        return fail(fault, "write a port from 1 to 65535", "\"%.80s\" is not a port",
                    port_text);
    if (!parse_ip(host, ipv6, e->addr, fault))
        return false;
    e->family = ipv6 ? 6 : 4;
    e->port = (uint16_t)port;
    return true;
}

/* Clears the bits behind the prefix; false if one was set. */
static bool mask(struct source_net *net)
{
    bool clean = true;

    for (unsigned int bit = net->bits; bit < (net->family == 6 ? 128u : 32u); bit++) {
        uint8_t m = (uint8_t)(0x80u >> bit % 8);

        clean = clean && (net->addr[bit / 8] & m) == 0;
        net->addr[bit / 8] &= (uint8_t)~m;
    }
    return clean;
}

static bool mask_fault(const char *text, const struct source_net *net,
                       struct config_fault *fault)
{
    char addr[INET6_ADDRSTRLEN] = "?";

    (void)inet_ntop(net->family == 6 ? AF_INET6 : AF_INET, net->addr, addr, sizeof addr);
    (void)fail(fault, "", "\"%.80s\" has bits set behind its prefix", text);
    (void)snprintf(
        fault->remedy, sizeof fault->remedy,
        "write \"%s/%u\" for the network, or leave \"/%u\" out for one address", addr,
        net->bits, net->bits);
    return false;
}

bool config_parse_net(const char *text, struct source_net *net,
                      struct config_fault *fault)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    char host[64];
    bool ipv6;
    unsigned int bits;

    memset(net, 0, sizeof *net);
    if (n == 0 || n >= sizeof host)
        return fail(fault, "write \"10.0.0.0/24\" or \"2001:db8::/32\"",
                    "\"%.80s\" is not a network", text);
    memcpy(host, text, n);
    host[n] = '\0';
    ipv6 = strchr(host, ':') != NULL;
    bits = ipv6 ? 128 : 32;
    if (!parse_ip(host, ipv6, net->addr, fault))
        return false;
    if (slash && !parse_number(slash + 1, bits, &bits))
        return fail(fault, ipv6 ? "write /0 to /128" : "write /0 to /32",
                    "\"%.80s\" is not a prefix length", slash);
    net->family = ipv6 ? 6 : 4;
    net->bits = (uint8_t)bits;
    return mask(net) || mask_fault(text, net, fault);
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

bool config_is_loopback(const struct msg_endpoint *e)
{
    if (e->family == 4)
        return e->addr[0] == 127;
    return all_zero(e->addr, 15) && e->addr[15] == 1;
}

bool config_is_wildcard(const struct msg_endpoint *e)
{
    return all_zero(e->addr, sizeof e->addr);
}

bool config_is_multicast(const struct msg_endpoint *e)
{
    static const uint8_t all[4] = {255, 255, 255, 255};

    if (e->family == 4)
        return e->addr[0] >> 4 == 14 || memcmp(e->addr, all, 4) == 0;
    return e->addr[0] == 0xFF;
}

/* The broker's IPv6 listeners take no IPv4 connections (IPV6_V6ONLY). */
bool config_listen_clash(const struct msg_endpoint *a, const struct msg_endpoint *b)
{
    if (a->family != b->family || a->port != b->port)
        return false;
    return config_is_wildcard(a) || config_is_wildcard(b) || endpoint_same_address(a, b);
}
