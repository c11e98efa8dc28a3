#include "proxy/cli/log_report.h"

void log_html(FILE *out, const char *text)
{
    static const struct {
        char c;
        const char *entity;
    } table[] = {{'&', "&amp;"},  {'<', "&lt;"},   {'>', "&gt;"},
                 {'"', "&quot;"}, {'\'', "&#39;"}, {'`', "&#96;"}};

    for (const char *p = text; *p; p++) {
        const char *entity = NULL;

        for (size_t i = 0; i < sizeof table / sizeof table[0] && !entity; i++)
            entity = table[i].c == *p ? table[i].entity : NULL;
        if (entity)
            (void)fputs(entity, out);
        else if (*p >= 0x20 && *p < 0x7F)
            (void)fputc(*p, out);
        else
            (void)fprintf(out, "\\x%02X", (unsigned int)(unsigned char)*p);
    }
}
