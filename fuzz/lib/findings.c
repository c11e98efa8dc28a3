#include "fuzz/lib/findings.h"

#include "fuzz/lib/fuzz.h"

#include <string.h>

static void check_text(const char *text, size_t cap)
{
    const size_t n = strnlen(text, cap);
    size_t size;

    FUZZ_CHECK(n < cap);
    for (size_t i = 0; i < n; i += size) {
        const unsigned char c = (unsigned char)text[i];
        size = config_utf8_size((const unsigned char *)text + i, n - i);
        FUZZ_CHECK(size > 0 && c >= ' ' && c != 0x7F);
    }
}

void findings_check(const struct config_errors *e, unsigned int lines, struct sink *sink)
{
    size_t errors = 0, printed = 0;

    FUZZ_CHECK(e->count <= CONFIG_FINDINGS_MAX && e->count <= e->errors + e->warnings);
    for (size_t i = 0; i < e->count; i++) {
        const struct config_finding *f = &e->item[i];
        check_text(f->file, sizeof f->file);
        check_text(f->key, sizeof f->key);
        check_text(f->what, sizeof f->what);
        check_text(f->remedy, sizeof f->remedy);
        FUZZ_CHECK(f->what[0] != '\0' && f->line <= lines);
        errors += f->severity == CONFIG_ERROR;
    }
    FUZZ_CHECK(errors <= e->errors);
    sink_clear(sink);
    config_errors_print(e, sink->file);
    sink_read(sink);
    for (size_t i = 0; i < sink->n; i++)
        printed += sink->text[i] == '\n';
    FUZZ_CHECK(printed >= e->count);
}

unsigned int findings_lines(const void *text, size_t n)
{
    const char *p = text;
    unsigned int lines = 1;

    for (size_t i = 0; i < n; i++)
        lines += p[i] == '\n';
    return lines;
}
