/* What stands at the end of a log file that this process did not write.  Audit process.
 */
#ifndef GATE104_PROXY_AUDIT_RECOVER_H
#define GATE104_PROXY_AUDIT_RECOVER_H

#include "proxy/audit_envelope.h"
#include "proxy/audit_file.h"

/* Looks at the end of a file of `pos->size` octets.  Octets after the last newline are
 * copied to torn-<seq>.jsonl, synced and cut from the file.  A last line that is no
 * record: the file is renamed to damaged-<n>.jsonl.  *pos is where the chain stands
 * afterwards (of a renamed file: as it was).  False with errno: nothing was cut. */
bool audit_recover_tail(int dir_fd, int fd, struct audit_position *pos,
                        struct audit_found *found);

/* Copies the octets [from, to), the end of the file, to torn-<number>.jsonl, brings them
 * to disk and cuts them from the file.  False with errno: nothing was cut. */
bool audit_recover_cut(int dir_fd, int fd, uint64_t from, uint64_t to, uint64_t number,
                       struct audit_found *found);

/* True if a file of `size` octets holds, up to known->size, what `known` says. */
bool audit_recover_matches(int fd, uint64_t size, const struct audit_position *known);

/* Renames a file of `size` octets whose last line is no record to damaged-<n>.jsonl. */
bool audit_recover_aside(int dir_fd, const char *name, int fd, uint64_t size,
                         struct audit_found *found);

/* Reads the record that ends (newline included) at `end`: its number and hash into *pos.
 * False with errno, which is EBADMSG when the line is no record. */
bool audit_recover_last(int fd, uint64_t end, struct audit_position *pos,
                        struct audit_envelope *e);
/* Reads the first record of a file. */
bool audit_recover_first(int fd, uint64_t size, struct audit_envelope *e);

#endif
