/* SIGINT and SIGTERM end the loop; SIGPIPE is ignored. */
#ifndef GATE104_SIM_SIGNALS_H
#define GATE104_SIM_SIGNALS_H

#include <poll.h>
#include <stdbool.h>

void sim_signals_init(void);
/* Was the program told to stop? */
bool sim_signals_stop(void);
/* poll() that a signal ends at once; then and on error every revents is 0.
 * timeout in milliseconds, below 0: none. */
void sim_signals_poll(struct pollfd *fds, unsigned int n, int timeout);

#endif
