/* Files that code under test may open by name although they are nowhere.  In this build
 * proxy/config_text.c opens through here, so that no input reaches the disk. */
#ifndef GATE104_FUZZ_LIB_VIRTUAL_FILE_H
#define GATE104_FUZZ_LIB_VIRTUAL_FILE_H

#include <stddef.h>

/* What a file is, whose path ends with `suffix`.  The octets are borrowed; a second call
 * with the same suffix replaces the first. */
void virtual_file(const char *suffix, const void *octets, size_t n);

/* As open(2), for reading. */
int fuzz_open(const char *path, int flags, ...);

#endif
