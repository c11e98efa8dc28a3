/* What happens when a role makes a system call that its table does not have. */
#ifndef GATE104_SANDBOX_TRAP_H
#define GATE104_SANDBOX_TRAP_H

#include <stdbool.h>

/* "sandbox: forbidden system call " and the number: the last NOTE of such a process. */
#define TRAP_NOTE "sandbox: forbidden system call "

/* From now on SIGSYS sends TRAP_NOTE with the number to `fd`, a control channel, and then
 * ends the process by SIGSYS.  The call was not made, and nothing of the role runs any
 * more; if saying so fails, the process ends all the same.  -1: ends without a word. */
bool trap_install(int fd);

#endif
