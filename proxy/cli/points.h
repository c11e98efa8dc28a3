/* Lists of points on the command line. */
#ifndef GATE104_PROXY_CLI_POINTS_H
#define GATE104_PROXY_CLI_POINTS_H

#include "proxy/point_list.h"

#include <stdio.h>

/* Reads the list that --points names; findings go to stderr.  False: nothing to free. */
bool cli_points_read(const char *path, struct point_list *out);
/* Prints ` "NAME"` if an object has a name. */
void cli_points_put(FILE *out, const struct point_names *names, uint16_t ca, uint32_t ioa,
                    uint8_t type);

#endif
