#include "proxy/cli/cli.h"

void cli_put_safe(FILE *out, const char *text, size_t width, bool pad)
{
    size_t used = 0;

    for (const char *p = text; *p; p++) {
        bool plain = *p >= 0x20 && *p < 0x7F;
        size_t need = plain ? 1 : 4;

        if (width > 0 && used + need + (p[1] ? 1 : 0) > width) {
            (void)fputc('~', out);
            used++;
            break;
        }
        used += need;
        if (plain)
            (void)fputc(*p, out);
        else
            (void)fprintf(out, "\\x%02X", (unsigned int)(unsigned char)*p);
    }
    for (; pad && used < width; used++)
        (void)fputc(' ', out);
}
