/* What the commands of `gate104 log` share. */
#ifndef GATE104_PROXY_CLI_LOG_H
#define GATE104_PROXY_CLI_LOG_H

#include "proxy/audit_reader.h"
#include "proxy/cli/log_verify.h"

#include <jansson.h>

/* Exit status of `gate104 log ...`; those of verify are enum audit_state. */
#define LOG_EXIT_OK       0
#define LOG_EXIT_BAD      1 /* something in the log is no record */
#define LOG_EXIT_UNUSABLE 3 /* wrong arguments, nothing to read */

int log_show(int argc, char **argv);
int log_stats(int argc, char **argv);
int log_report(int argc, char **argv);
int log_export(int argc, char **argv);
int log_keygen(int argc, char **argv);

/* ---- log_qr.c ---- */

/* Draws a QR code of a text; false if that fails. */
bool log_qr(FILE *out, const char *text);

/* ---- log_output.c ---- */

/* A new file, or standard output for NULL; NULL if that fails, which it has then said. */
FILE *log_output(const char *name, bool binary);
/* False if not all of it was written, which it has then said. */
bool log_output_close(FILE *out, const char *name);

/* ---- log_record.c ---- */

/* A whole line as JSON object, or NULL if it is no record. */
json_t *log_record_parse(const char *line, size_t n);
/* A text field, or NULL. */
const char *log_text(const json_t *record, const char *key);
/* A number; false if it is none. */
bool log_number(const json_t *record, const char *key, long long *out);

/* Who is at the master's end of the sessions seen of late. */
#define LOG_SESSIONS 1024u
#define LOG_WHO_MAX  64u
struct log_sessions {
    struct {
        long long id;
        char who[LOG_WHO_MAX];
    } slot[LOG_SESSIONS];
};

/* Learns from a record with a subject or source. */
void log_sessions_learn(struct log_sessions *s, const json_t *record);
/* The common name of the peer, its address, or the process that wrote the record. */
const char *log_sessions_who(const struct log_sessions *s, const json_t *record);

/* ---- log_what.c ---- */

/* What a record says, in one line of words. */
void log_what(FILE *out, const json_t *record);
/* The state that an operation returned, behind a blank; nothing if there is none. */
void log_what_state(FILE *out, const json_t *record);

#endif
