/* gate104 pki: starts gate104-pki.  A program of its own, as it reads private keys and
 * talks to enrolment servers, which this one shall not be able to. */
#include "proxy/cli/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PATH_CAP      600
#define EXIT_NOT_HERE 1

int cli_pki(int argc, char **argv)
{
    /* A build tree, an installation wherever it was put, the one it was built for. */
    static const char *const places[] = {"", "/../libexec/gate104"};
    char self[512], path[PATH_CAP];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    (void)argc;
    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; slash && i < sizeof places / sizeof places[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s/gate104-pki", self, places[i]);
        (void)execv(path, argv);
    }
    (void)execv(GATE104_LIBEXECDIR "/gate104-pki", argv);
    (void)fprintf(stderr, "gate104 pki: the program gate104-pki cannot be started: %s\n",
                  strerror(errno));
    return EXIT_NOT_HERE;
}
