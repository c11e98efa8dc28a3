#include "sandbox/layers.h"

#include <stdio.h>
#include <string.h>

static const char *const names[LAYER_COUNT] = {
    "own-user",       "system-call-filter", "empty-root",       "no-network",
    "ipc-namespace",  "uts-namespace",      "landlock-files",   "landlock-network",
    "landlock-scope", "locked-memory",      "descriptor-check", "pid-namespace",
};

const char *layer_name(unsigned int number)
{
    return number < LAYER_COUNT ? names[number] : NULL;
}

void layers_text(unsigned int set, char out[LAYERS_TEXT_MAX])
{
    out[0] = '\0';
    for (unsigned int i = 0; i < LAYER_COUNT; i++) {
        size_t used = strlen(out);

        if (set >> i & 1u)
            (void)snprintf(out + used, LAYERS_TEXT_MAX - used, "%s%s",
                           used > 0 ? ", " : "", names[i]);
    }
}
