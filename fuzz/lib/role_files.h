/* What roles read at their start: a key, certificates, a list; a folder for the log. */
#ifndef GATE104_FUZZ_LIB_ROLE_FILES_H
#define GATE104_FUZZ_LIB_ROLE_FILES_H

/* The folder, made with the first call and removed at the end.  In it station.key,
 * station.crt, ca.crt, ca.crl and log-0. */
const char *role_files(void);

#endif
