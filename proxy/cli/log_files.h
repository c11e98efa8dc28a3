/* The records of a log in the order of its chain, whatever files they lie in: of a
 * directory the rotated ones (gate104-N.jsonl, N the number of the first record in 20
 * digits) and then gate104.jsonl; or the files that were named, in that order. */
#ifndef GATE104_PROXY_CLI_LOG_FILES_H
#define GATE104_PROXY_CLI_LOG_FILES_H

#include "proxy/audit_reader.h"

struct log_file {
    char *path;
    int fd; /* -1: not opened yet, or closed again */
};

struct log_files {
    const char *dir; /* where to look for the next one; NULL: nowhere */
    struct log_file *file;
    size_t count, at;
    uint64_t last_seq; /* of the records given so far */
    bool missing;      /* a file that was there is gone; it was said */
    bool settled;      /* log_files_wait: nothing comes to this file any more */
    struct audit_reader reader;
};

/* Each path is a file or a directory.  False: it has said why. */
bool log_files_open(struct log_files *f, char **path, size_t count);
void log_files_close(struct log_files *f);

/* The next line of any of them, as audit_reader_next().  What is not whole at the end of
 * a file that is not the last counts as a line too long. */
enum audit_read log_files_next(struct log_files *f, const char **line, size_t *n);
/* Goes on to the file that took the place of this one, or waits a moment for more. */
void log_files_wait(struct log_files *f);
/* Back to the first.  False: cannot be read again. */
bool log_files_rewind(struct log_files *f);

/* The file and the line that were given last. */
const char *log_files_name(const struct log_files *f);

#endif
