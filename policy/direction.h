/* Which way an ASDU goes.  Usable in any process. */
#ifndef GATE104_POLICY_DIRECTION_H
#define GATE104_POLICY_DIRECTION_H

/* Control direction: from the controlling station (master).  Monitor direction: from the
 * controlled station (RTU). */
enum direction { DIR_CONTROL, DIR_MONITOR };
#define DIRECTIONS 2

/* "control" or "monitor". */
const char *direction_name(enum direction direction);

#endif
