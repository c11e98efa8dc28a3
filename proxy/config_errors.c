#include "proxy/config_errors.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void config_errors_init(struct config_errors *e)
{
    memset(e, 0, sizeof *e);
}

void config_errors_free(struct config_errors *e)
{
    free(e->item);
    config_errors_init(e);
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t config_utf8_size(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char lead_first, lead_last, second_first, second_last;
        uint8_t size;
    } row[] = {
        {0x00, 0x7F, 0x00, 0xFF, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        if (p[0] < row[i].lead_first || p[0] > row[i].lead_last)
            continue;
        if (row[i].size > n)
            return 0;
        if (row[i].size > 1 && (p[1] < row[i].second_first || p[1] > row[i].second_last))
            return 0;
        for (size_t k = 2; k < row[i].size; k++) {
            if ((p[k] & 0xC0u) != 0x80)
                return 0;
        }
        return row[i].size;
    }
    return 0;
}

void config_text_clean(char *out, size_t cap, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = strlen(text);
    size_t used = 0;

    while (left > 0 && used + 5 <= cap) {
        size_t n = config_utf8_size(p, left);

        if (n == 0 || p[0] < 0x20 || p[0] == 0x7F) {
            used += (size_t)snprintf(out + used, cap - used, "\\x%02X", p[0]);
            n = 1;
        } else {
            memcpy(out + used, p, n);
            used += n;
        }
        p += n;
        left -= n;
    }
    out[used] = '\0';
}

/* A setting that several routes share is looked at once for each. */
static bool is_known(const struct config_errors *e, const struct config_finding *f)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct config_finding *k = &e->item[i];

        if (k->severity == f->severity && k->line == f->line &&
            strcmp(k->file, f->file) == 0 && strcmp(k->key, f->key) == 0 &&
            strcmp(k->what, f->what) == 0)
            return true;
    }
    return false;
}

static struct config_finding *finding_new(struct config_errors *e)
{
    struct config_finding *item;

    if (e->count >= CONFIG_FINDINGS_MAX)
        return NULL;
    item = realloc(e->item, (e->count + 1) * sizeof *item);
    if (!item)
        return NULL;
    e->item = item;
    return &e->item[e->count++];
}

void config_errors_vadd(struct config_errors *e, enum config_severity severity,
                        const struct config_place *at, const char *remedy,
                        const char *what, va_list ap)
{
    struct config_finding new = {.severity = severity, .line = at->line};
    struct config_finding *f;
    char text[sizeof new.what];

    (void)vsnprintf(text, sizeof text, what, ap);
    config_text_clean(new.file, sizeof new.file, at->file);
    config_text_clean(new.key, sizeof new.key, at->key ? at->key : "");
    config_text_clean(new.what, sizeof new.what, text);
    config_text_clean(new.remedy, sizeof new.remedy, remedy);
    if (is_known(e, &new))
        return;
    if (severity == CONFIG_ERROR)
        e->errors++;
    else
        e->warnings++;
    f = finding_new(e);
    if (f)
        *f = new;
}

void config_errors_add(struct config_errors *e, enum config_severity severity,
                       const struct config_place *at, const char *remedy,
                       const char *what, ...)
{
    va_list ap;

    va_start(ap, what);
    config_errors_vadd(e, severity, at, remedy, what, ap);
    va_end(ap);
}

void config_errors_print(const struct config_errors *e, FILE *out)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct config_finding *f = &e->item[i];

        (void)fprintf(out, "%s:", f->file);
        if (f->line > 0)
            (void)fprintf(out, "%u:", f->line);
        (void)fprintf(out, " %s: ", f->severity == CONFIG_ERROR ? "error" : "warning");
        if (f->key[0] != '\0')
            (void)fprintf(out, "%s: ", f->key);
        (void)fprintf(out, "%s; %s\n", f->what, f->remedy);
    }
    if (e->errors + e->warnings > e->count)
        (void)fprintf(out, "... and %zu more\n", e->errors + e->warnings - e->count);
}
