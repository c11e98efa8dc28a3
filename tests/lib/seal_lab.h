/* A folder with a log that is sealed, for tests of what seals it. */
#ifndef GATE104_TESTS_SEAL_LAB_H
#define GATE104_TESTS_SEAL_LAB_H

#include "proxy/audit_log.h"

#include <sys/resource.h>

struct seal_lab {
    char dir[64];
    char key_path[80];
    int dir_fd;
    struct audit_seal_state first; /* what keygen would write */
    char said[512];                /* to the operator, last */
};
extern struct seal_lab seal_lab;

/* Group and case fixtures of cmocka: folder and key; nothing in it but the first state.
 */
int seal_lab_open(void **state);
int seal_lab_close(void **state);
int seal_lab_fresh(void **state);

/* Files of the folder. */
void seal_lab_forget(const char *name);
void seal_lab_write(const char *name, const char *text, size_t n);
size_t seal_lab_read(const char *name, char *out, size_t cap);
/* No file grows beyond this. */
void seal_lab_limit(rlim_t size);

/* The log, not opened yet; or opened.  To be freed with audit_log_free(). */
struct audit_log *seal_lab_begin(void);
struct audit_log *seal_lab_start(void);
/* Adds and commits a record; a reload tells of a configuration AB 00 00 ... */
void seal_lab_record(struct audit_log *l, enum event event, const char *from);
/* The epochs in the log, "1 2 3". */
const char *seal_lab_epochs(void);
/* What a seal says, as it stands there. */
const char *seal_lab_member(const char *key, unsigned int epoch);

#endif
