/* gate104-verify: `gate104 log verify` as a program of its own, linked statically and
 * with no part of a daemon, to be carried to another machine. */
#include "proxy/cli/log_verify.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* libcrypto can load modules and look up names of hosts; this program must not, and a
 * static one could not.  The linker puts these in the place of what libc has (--wrap). */
void *__wrap_dlopen(const char *file, int mode);
int __wrap_getaddrinfo(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **result);
void __wrap_freeaddrinfo(struct addrinfo *ai);
int __wrap_getnameinfo(const struct sockaddr *sa, socklen_t size, char *host,
                       socklen_t host_size, char *service, socklen_t service_size,
                       int flags);
struct hostent *__wrap_gethostbyname(const char *name);

void *__wrap_dlopen(const char *file, int mode)
{
    (void)file;
    (void)mode;
    return NULL;
}

int __wrap_getaddrinfo(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **result)
{
    (void)node;
    (void)service;
    (void)hints;
    *result = NULL;
    return EAI_FAIL;
}

void __wrap_freeaddrinfo(struct addrinfo *ai)
{
    (void)ai;
}

int __wrap_getnameinfo(const struct sockaddr *sa, socklen_t size, char *host,
                       socklen_t host_size, char *service, socklen_t service_size,
                       int flags)
{
    (void)sa;
    (void)size;
    (void)host;
    (void)host_size;
    (void)service;
    (void)service_size;
    (void)flags;
    return EAI_FAIL;
}

struct hostent *__wrap_gethostbyname(const char *name)
{
    (void)name;
    return NULL;
}

int main(int argc, char **argv)
{
    static const char usage[] = "usage: gate104-verify " LOG_VERIFY_ARGUMENTS "\n";

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("gate104-verify %s\n", GATE104_VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout);
        return 0;
    }
    return log_verify(argc, argv);
}
