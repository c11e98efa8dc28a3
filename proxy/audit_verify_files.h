/* The files of a log in their order, while they may be rotated and deleted.  CLI. */
#ifndef GATE104_PROXY_AUDIT_VERIFY_FILES_H
#define GATE104_PROXY_AUDIT_VERIFY_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUDIT_FILES_MAX 1000000u

struct audit_files {
    int dir;           /* descriptor of the directory */
    uint64_t *numbers; /* in the names of closed files not opened yet, in order */
    size_t n, at, cap;
    uint64_t last; /* number that the file opened last has, or will have; 0: none */
    bool current;  /* that is the one which is being written */
    dev_t dev;     /* of the file opened last */
    ino_t ino;
    bool gone; /* a file was deleted between looking and opening */
};

struct audit_file_name {
    char text[64];
    uint64_t number; /* 0: the file that is being written */
};

/* The number in the name of a closed file, 0 for any other name. */
uint64_t audit_file_number(const char *name);

/* Takes a descriptor of the directory.  False: errno. */
bool audit_files_open(struct audit_files *f, int dir);
void audit_files_close(struct audit_files *f);
/* Opens the next file.  -1 with errno 0: there is none (yet), the log is whole. */
int audit_files_next(struct audit_files *f, struct audit_file_name *name);
/* The file opened last begins with this record. */
void audit_files_first(struct audit_files *f, uint64_t seq);
/* Octets of all files as they are now. */
uint64_t audit_files_size(struct audit_files *f);

#endif
