#include "proxy/cli/cli.h"
#include "proxy/cli/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void complain(const char *name, const char *why)
{
    (void)fprintf(stderr, "gate104 log: ");
    cli_put_safe(stderr, name ? name : "standard output", 0, false);
    (void)fprintf(stderr, ": %s\n", why);
}

/* Never overwrites: a slip could name the log itself. */
FILE *log_output(const char *name, bool binary)
{
    FILE *out = name ? fopen(name, "wxe") : stdout;

    if (!out) {
        complain(name, strerror(errno));
        return NULL;
    }
    if (binary && isatty(fileno(out))) {
        complain(name, "is a terminal; name a file with -o");
        return NULL;
    }
    return out;
}

bool log_output_close(FILE *out, const char *name)
{
    bool failed = fflush(out) != 0 || ferror(out) != 0;

    if (name && fclose(out) != 0)
        failed = true;
    if (failed)
        complain(name, "could not be written in full");
    return !failed;
}
