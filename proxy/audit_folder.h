/* The folder of the log, before the sandbox: made if it is missing, given to the user of
 * this role, and used by one process only.  Audit process. */
#ifndef GATE104_PROXY_AUDIT_FOLDER_H
#define GATE104_PROXY_AUDIT_FOLDER_H

#include "sandbox/child.h"

/* A descriptor, to be kept open; -1 after saying why. */
int audit_folder_open(struct child *c, const char *dir);
/* The folder itself was deleted: this process cannot make it anew, its successor can. */
bool audit_folder_gone(int dir_fd);

#endif
