/* Clocks of the simulator: monotonic time for timers, wall time for time tags. */
#ifndef GATE104_SIM_SIMCLOCK_H
#define GATE104_SIM_SIMCLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX

/* Milliseconds that only go forward. */
uint64_t sim_clock_ms(void);
/* Milliseconds since 1970, UTC. */
int64_t sim_clock_wall_ms(void);

/* CP56Time2a (101 clause 7.2.6.18) in UTC.  The year is written modulo 100. */
void sim_clock_to_cp56(int64_t wall_ms, uint8_t out[7]);
/* The inverse for the years 1970..2069.  False when a field is out of its range or the
 * invalid bit is set; *wall_ms is then untouched. */
bool sim_clock_from_cp56(const uint8_t in[7], int64_t *wall_ms);

#endif
