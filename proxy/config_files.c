/* How large the files of the session log get, and how much of them is kept. */
#include "proxy/config_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "64M": octets, or with K, M, G or T behind them 2^10, 2^20 ... of them. */
static bool parse(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    const char *unit;
    char *end;
    unsigned int shift;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0)
        return false;
    if (*end == '\0')
        return true;
    unit = strchr(units, *end);
    if (!unit || end[1] != '\0')
        return false;
    shift = 10u * (unsigned int)(unit - units + 1);
    if (*out > UINT64_MAX >> shift)
        return false;
    *out <<= shift;
    return true;
}

void config_size_read(struct config_build *b, const config_setting_t *group,
                      const char *key, uint64_t least, uint64_t most, uint64_t *out)
{
    const char *text = config_member_string(&b->r, group, key);
    uint64_t v;

    if (!text)
        return;
    if (!parse(text, &v))
        config_report_key(&b->r, CONFIG_ERROR, group, key,
                          "write a number with K, M, G or T, such as \"64M\"",
                          "\"%s\" is no size", text);
    else if (v != 0 && (v < least || v > most))
        config_report_key(&b->r, CONFIG_ERROR, group, key,
                          "write \"0\" for none, or a size in the range",
                          "\"%s\" is not between %lluK and %lluG", text,
                          (unsigned long long)least >> 10,
                          (unsigned long long)most >> 30);
    else
        *out = v;
}

void config_files_read(struct config_build *b, const config_setting_t *group)
{
    struct files_settings *f = &b->c->files;

    config_size_read(b, group, "rotate_size", FILES_ROTATE_SIZE_MIN, FILES_SIZE_MAX,
                     &f->rotate_size);
    config_size_read(b, group, "retain_size", FILES_ROTATE_SIZE_MIN, FILES_SIZE_MAX,
                     &f->retain_size);
    config_size_read(b, group, "reserve", FILES_RESERVE_MIN, FILES_RESERVE_MAX,
                     &f->reserve);
    if (f->retain_size != 0 && f->retain_size <= f->rotate_size)
        config_report_key(&b->r, CONFIG_ERROR, group, "retain_size",
                          "make it several times rotate_size",
                          "less would be kept than one file holds");
    if (f->rotate_size == 0 && f->rotate_interval_s == 0 &&
        (f->retain_size != 0 || f->retain_days != 0))
        config_report_key(&b->r, CONFIG_ERROR, group, "rotate_size",
                          "give rotate_size or rotate_interval",
                          "whole files are deleted, and there would be one only");
}
