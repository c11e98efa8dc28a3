/* Asking the running gate104d. */
#ifndef GATE104_PROXY_CLI_CONTROL_H
#define GATE104_PROXY_CLI_CONTROL_H

#include <jansson.h>

/* The answer to one line, which ends with a newline.  NULL, after a line to the user:
 * there is none, or it says that what was asked for failed. */
json_t *control_ask(const char *line);

#endif
