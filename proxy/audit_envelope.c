#include "proxy/audit_envelope.h"

#include "proxy/audit_scan.h"

#include <string.h>

static bool time_good(const char *s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    for (size_t i = 0; i < AUDIT_TIME_SIZE; i++) {
        bool digit = s[i] >= '0' && s[i] <= '9';

        if (form[i] == 'd' ? !digit : s[i] != form[i])
            return false;
    }
    return s[AUDIT_TIME_SIZE] == '\0';
}

static const char *parse_head(struct audit_scan *c, struct audit_envelope *e)
{
    uint8_t boot[AUDIT_BOOT_SIZE / 2];

    if (!AUDIT_SKIP(c, "{\"v\":"))
        return "not a log record";
    if (!AUDIT_SKIP(c, "1,"))
        return "unknown format version";
    if (!AUDIT_SKIP(c, "\"seq\":") || !audit_scan_number(c, &e->seq) || e->seq == 0)
        return "no sequence number";
    if (!AUDIT_SKIP(c, ",\"time\":\"") || !audit_scan_word(c, e->time, sizeof e->time) ||
        !time_good(e->time))
        return "no time";
    if (!AUDIT_SKIP(c, ",\"mono_ms\":") || !audit_scan_number(c, &e->mono_ms))
        return "no monotonic time";
    if (!AUDIT_SKIP(c, ",\"boot\":\"") || !audit_scan_word(c, e->boot, sizeof e->boot) ||
        strlen(e->boot) != AUDIT_BOOT_SIZE || !audit_unhex(e->boot, boot, sizeof boot))
        return "no boot id";
    if (!AUDIT_SKIP(c, ",\"from\":\"") || !audit_scan_word(c, e->from, sizeof e->from))
        return "no sender";
    if (!AUDIT_SKIP(c, ",\"event\":\"") || !audit_scan_word(c, e->event, sizeof e->event))
        return "no event";
    if (!AUDIT_SKIP(c, ",\"severity\":\"") ||
        !audit_scan_word(c, e->severity, sizeof e->severity))
        return "no severity";
    return NULL;
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Eight octets at a time.  Subtracting takes an octet below 0x20 over the top, adding 1
 * brings 0x7F there; what one octet borrows of the next does not matter, as then the line
 * is bad already. */
static bool printable(const char *s, size_t n)
{
    uint64_t bad = 0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t x;

        memcpy(&x, s + i, sizeof x);
        bad |= (x - EACH(0x20)) | x | (x + EACH(0x01));
    }
    for (; i < n; i++)
        bad |= (unsigned char)s[i] - 0x20u < 0x5Fu ? 0 : EACH(0x80);
    return (bad & EACH(0x80)) == 0;
}

const char *audit_envelope_parse(const char *line, size_t n, struct audit_envelope *e)
{
    static const size_t tail =
        sizeof ",\"prev\":\"" - 1 + AUDIT_HASH_HEX_SIZE + sizeof "\"}\n" - 1;
    struct audit_scan c = {line, line + n};
    const char *fault;

    if (n > AUDIT_LINE_MAX)
        return "longer than a record may be";
    if (n < tail || line[n - 1] != '\n')
        return "not a whole line";
    if (!printable(line, n - 1))
        return "an octet that is not printable ASCII";
    c.end = line + n - tail;
    fault = parse_head(&c, e);
    if (fault)
        return fault;
    if (c.p < c.end && *c.p != ',')
        return "not a log record";
    c.p = c.end;
    c.end = line + n;
    if (!AUDIT_SKIP(&c, ",\"prev\":\"") || !audit_unhex(c.p, e->prev, AUDIT_HASH_SIZE))
        return "no hash of the record before";
    c.p += AUDIT_HASH_HEX_SIZE;
    return AUDIT_SKIP(&c, "\"}\n") ? NULL : "no hash of the record before";
}
