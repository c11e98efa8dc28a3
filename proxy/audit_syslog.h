/* A log line as syslog message: RFC 5424, with one structured data element modelled on
 * the events of IEC 62351-14, and the line itself, without its newline, as the text.
 * doc/shipping.md is its definition.
 *
 * Everything is taken from the raw line, whose form audit_envelope_parse() has found
 * good.  Pure; audit process. */
#ifndef GATE104_PROXY_AUDIT_SYSLOG_H
#define GATE104_PROXY_AUDIT_SYSLOG_H

#include "proxy/audit_envelope.h"
#include "proxy/role_config_ship.h"

/* Room for the longest line and all that stands in front of it. */
#define AUDIT_SYSLOG_MAX  (AUDIT_LINE_MAX + 2048u)
#define AUDIT_SYSLOG_HOST 256u

/* A log line of n octets, newline included. */
struct audit_syslog_line {
    const char *text;
    size_t n;
    struct audit_envelope head;
};

/* Whether the configuration wants this record shipped. */
bool audit_syslog_wanted(enum ship_what what, const struct audit_syslog_line *line);

/* Writes the message, at most `most` octets of it (1024 and more): a line that does not
 * fit is cut, and the structured data then has its size and SHA-256.  `host` is the
 * HOSTNAME.  Gives its size. */
size_t audit_syslog_format(const struct audit_syslog_line *line, const char *host,
                           uint32_t enterprise, size_t most, char out[AUDIT_SYSLOG_MAX]);

/* The value of a member of the line's own object, unescaped, cut to cap - 1 octets; false
 * when there is none.  Numbers as they stand. */
bool audit_syslog_member(const struct audit_syslog_line *line, const char *key, char *out,
                         size_t cap);

#endif
