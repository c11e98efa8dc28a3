#include "tests/lib/policy_text.h"

#include "policy/policy_review.h"
#include "proxy/policy_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FINDINGS 64u

/* False, with the reasons in errs: no good policy file. */
static bool read_text(const char *text, struct config_errors *errs,
                      struct policy_file *file)
{
    const struct config_place at = {"gate104.conf", 1, "policy"};
    char path[] = "/tmp/gate104-policy-XXXXXX";
    const int fd = mkstemp(path);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    good = good && policy_file_load(path, &at, errs, file);
    if (fd >= 0) {
        (void)unlink(path);
        (void)close(fd);
    }
    return good;
}

struct policy *policy_text_load(const char *text, char *found, size_t cap)
{
    const struct config_place at = {"gate104.conf", 1, "policy"};
    struct config_errors errs;
    struct policy_file file;
    struct policy *p = NULL;
    char err[200] = "";
    FILE *out = fmemopen(found, cap, "w");

    config_errors_init(&errs);
    if (out && read_text(text, &errs, &file)) {
        if (!policy_load(file.blob, file.size, &p, err, sizeof err))
            config_errors_add(&errs, CONFIG_ERROR, &at, "", "%s", err);
        policy_file_free(&file);
    }
    if (out) {
        config_errors_print(&errs, out);
        (void)fclose(out);
    }
    config_errors_free(&errs);
    return p;
}

long policy_text_review(const char *text)
{
    struct policy_finding finding[FINDINGS];
    struct config_errors errs;
    struct policy_file file;
    bool whole;
    long count = -1;

    config_errors_init(&errs);
    if (read_text(text, &errs, &file)) {
        count = policy_review(file.blob, file.size, finding, FINDINGS, &whole);
        policy_file_free(&file);
    }
    config_errors_free(&errs);
    return count;
}
