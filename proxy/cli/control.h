/* Asking the running gate104d, and showing what it answers. */
#ifndef GATE104_PROXY_CLI_CONTROL_H
#define GATE104_PROXY_CLI_CONTROL_H

#include <jansson.h>

/* The answer to one line, which ends with a newline.  NULL, after a line to the user:
 * there is none, or it says that what was asked for failed. */
json_t *control_ask(const char *line);

/* A member of an answer; "" or 0 if it is not there, or of another type. */
const char *control_text(const json_t *o, const char *key);
long long control_number(const json_t *o, const char *key);
/* Prints such a text and two blanks, padded and cut to the width; 0: as long as it is. */
void control_put(const json_t *o, const char *key, size_t width);

#endif
