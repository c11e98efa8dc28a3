/* A QR code for a terminal: two rows of modules to a line, by half blocks. */
#include "proxy/cli/log.h"

#include <qrencode.h>
#include <stdlib.h>

/* Light modules around it (ISO/IEC 18004). */
#define QUIET 4

static bool dark(const QRcode *qr, int x, int y)
{
    return x >= 0 && y >= 0 && x < qr->width && y < qr->width &&
           (qr->data[y * qr->width + x] & 1) != 0;
}

bool log_qr(FILE *out, const char *text)
{
    /* Light modules are drawn, for terminals are dark as a rule; the colours are given
     * for those that are not. */
    static const char *const cell[2][2] = {{"\xE2\x96\x88", "\xE2\x96\x80"},
                                           {"\xE2\x96\x84", " "}};
    QRcode *qr = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);

    if (!qr)
        return false;
    for (int y = -QUIET; y < qr->width + QUIET; y += 2) {
        (void)fputs("\033[37;40m", out);
        for (int x = -QUIET; x < qr->width + QUIET; x++)
            (void)fputs(cell[dark(qr, x, y)][dark(qr, x, y + 1)], out);
        (void)fputs("\033[0m\n", out);
    }
    QRcode_free(qr);
    return true;
}
