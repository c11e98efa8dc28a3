/* Revocation lists: files that are named, and all in folders that are named.  They are
 * read again while gate104d runs. */
#include "proxy/config_build.h"

#include "proxy/config_text.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void config_crl_free(struct config_tls *t)
{
    for (size_t i = 0; i < t->crl_count; i++)
        config_file_free(&t->crl[i]);
    t->crl_count = 0;
}

/* Takes the path. */
static bool add_file(struct config_tls *t, char *path, const struct config_place *at,
                     struct config_errors *errs)
{
    struct config_file *f = &t->crl[t->crl_count];

    if (!path || t->crl_count == CONFIG_CRL_FILES_MAX) {
        config_errors_add(errs, CONFIG_ERROR, at, "put several lists into one file",
                          path ? "more than %u revocation lists" : "out of memory (%u)",
                          CONFIG_CRL_FILES_MAX);
        free(path);
        return false;
    }
    *f = (struct config_file){.path = path, .line = at->line};
    t->crl_count++;
    return config_pem_load(f, at, errs);
}

static int is_list(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');

    return e->d_name[0] != '.' && dot &&
           (strcmp(dot, ".crl") == 0 || strcmp(dot, ".pem") == 0);
}

static bool add_folder(struct config_tls *t, const char *folder,
                       const struct config_place *at, struct config_errors *errs)
{
    struct dirent **entry = NULL;
    int n = scandir(folder, &entry, is_list, alphasort);
    bool good = n >= 0;

    if (n < 0)
        config_errors_add(errs, CONFIG_ERROR, at, "make the folder readable",
                          "cannot look into \"%s\"", folder);
    if (n == 0)
        config_errors_add(errs, CONFIG_WARNING, at, "put the CAs' lists into it",
                          "no file in \"%s\" ends in .crl or .pem", folder);
    for (int i = 0; i < n; i++) {
        char *path = NULL;

        if (good && asprintf(&path, "%s/%s", folder, entry[i]->d_name) < 0)
            path = NULL;
        good = good && add_file(t, path, at, errs);
        free(entry[i]);
    }
    free(entry);
    return good;
}

bool config_crl_read(struct config_tls *t, const char *config_path,
                     struct config_errors *errs)
{
    bool good = true;
    struct stat st;

    t->crl_count = 0;
    for (size_t i = 0; i < t->crl_named_count; i++) {
        const struct config_file *named = &t->crl_named[i];
        struct config_place at = {config_path, named->line, "tls.crl"};
        bool folder = stat(named->path, &st) == 0 && S_ISDIR(st.st_mode);

        if (folder ? !add_folder(t, named->path, &at, errs)
                   : !add_file(t, strdup(named->path), &at, errs))
            good = false;
    }
    return good;
}

bool config_crl_same(const struct config_tls *a, const struct config_tls *b)
{
    if (a->crl_count != b->crl_count)
        return false;
    for (size_t i = 0; i < a->crl_count; i++) {
        if (strcmp(a->crl[i].path, b->crl[i].path) != 0 ||
            strcmp(a->crl[i].text, b->crl[i].text) != 0)
            return false;
    }
    return true;
}
