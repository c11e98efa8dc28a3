#include "tests/lib/policy_text.h"

#include "proxy/policy_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct policy *load(const char *path, struct config_errors *errs)
{
    const struct config_place at = {"gate104.conf", 1, "policy"};
    struct policy_file file;
    struct policy *p = NULL;
    char err[200] = "";

    if (!policy_file_load(path, &at, errs, &file))
        return NULL;
    if (!policy_load(file.blob, file.size, &p, err, sizeof err))
        config_errors_add(errs, CONFIG_ERROR, &at, "", "%s", err);
    policy_file_free(&file);
    return p;
}

struct policy *policy_text_load(const char *text, char *found, size_t cap)
{
    char path[] = "/tmp/gate104-policy-XXXXXX";
    const int fd = mkstemp(path);
    struct config_errors errs;
    struct policy *p = NULL;
    FILE *out = fmemopen(found, cap, "w");

    config_errors_init(&errs);
    if (fd >= 0 && out && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
        p = load(path, &errs);
    if (out) {
        config_errors_print(&errs, out);
        (void)fclose(out);
    }
    if (fd >= 0) {
        (void)unlink(path);
        (void)close(fd);
    }
    config_errors_free(&errs);
    return p;
}
