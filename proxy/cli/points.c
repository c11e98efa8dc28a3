#include "proxy/cli/points.h"

#include "proxy/cli/cli.h"

bool cli_points_read(const char *path, struct point_list *out)
{
    const struct config_place at = {.file = "--points"};
    struct config_errors errs;
    bool good;

    config_errors_init(&errs);
    good = point_list_load(path, &at, &errs, out);
    config_errors_print(&errs, stderr);
    config_errors_free(&errs);
    return good;
}

void cli_points_put(FILE *out, const struct point_names *names, uint16_t ca, uint32_t ioa,
                    uint8_t type)
{
    const char *name = point_names_find(names, ca, ioa, type);

    if (!name)
        return;
    (void)fputs(" \"", out);
    cli_put_safe(out, name, 0, false);
    (void)fputc('"', out);
}
