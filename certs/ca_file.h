/* Files of the CA commands: read whole, written whole or not at all.  For the program
 * gate104-pki alone. */
#ifndef GATE104_CERTS_CA_FILE_H
#define GATE104_CERTS_CA_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CA_FILE_MAX    (1024u * 1024u)
#define CA_PATH_CAP    1024u
#define CA_MODE_SECRET 0600
#define CA_MODE_PUBLIC 0644

/* "DIR/NAME" or "PREFIXNAME" put together by the format; false if it does not fit. */
bool ca_path(char out[CA_PATH_CAP], char *err, size_t cap, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The whole of a regular file of at most CA_FILE_MAX octets, with a NUL behind it that
 * *size does not count.  NULL with a sentence in `err`.  Free with ca_file_free(). */
char *ca_file_read(const char *path, size_t *size, char *err, size_t cap);
/* The same for a file that nobody but its owner may read or change. */
char *ca_file_read_secret(const char *path, size_t *size, char *err, size_t cap);
/* Wipes. */
void ca_file_free(char *text);

bool ca_file_exists(const char *path);
/* Makes a file that must not exist.  It is there complete and on disk, or not at all. */
bool ca_file_create(const char *path, const void *data, size_t n, mode_t mode, char *err,
                    size_t cap);
/* The same in place of what may be there: whoever opens it finds the old or the new. */
bool ca_file_replace(const char *path, const void *data, size_t n, mode_t mode, char *err,
                     size_t cap);

#endif
