/* A configuration file's text before libconfig sees it.
 *
 * libconfig takes integers modulo 2^32, joins strings between which a comma was
 * forgotten, opens whatever file an @include names and stops at a NUL.  In a whitelist
 * each of these would change what passes, so the text is scanned first.  Monitor and
 * command line only. */
#ifndef GATE104_PROXY_CONFIG_TEXT_H
#define GATE104_PROXY_CONFIG_TEXT_H

#include "proxy/config_errors.h"

#define CONFIG_FILE_MAX (64u * 1024u * 1024u)
#define CONFIG_PEM_MAX  (1024u * 1024u)
/* Brackets inside brackets. */
#define CONFIG_NESTING_MAX 16u

/* Reads a regular file of at most `max` octets: malloc'ed, a NUL behind the last of *size
 * octets.  NULL: the finding at `at` says why. */
char *config_file_read(const char *path, size_t max, size_t *size,
                       const struct config_place *at, struct config_errors *errs);

/* Scans the text of a libconfig file.  False: at least one error was added. */
bool config_text_scan(const char *file, const char *text, size_t size,
                      struct config_errors *errs);

#endif
