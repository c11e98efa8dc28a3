/* The layers of the sandbox that a kernel, or a start without root, may not give.  What
 * is not listed here (descriptors, limits, capabilities, no_new_privs) is never missing:
 * a role without it does not run. */
#ifndef GATE104_SANDBOX_LAYERS_H
#define GATE104_SANDBOX_LAYERS_H

#include <stddef.h>

/* Sets of these; the order is that of their names in layers.c. */
enum layer {
    LAYER_USER = 1 << 0,         /* a user of its own */
    LAYER_FILTER = 1 << 1,       /* a table of system calls */
    LAYER_ROOT = 1 << 2,         /* an empty root */
    LAYER_NETWORK = 1 << 3,      /* a network without interfaces */
    LAYER_IPC = 1 << 4,          /* an ipc namespace */
    LAYER_UTS = 1 << 5,          /* a uts namespace */
    LAYER_FILES = 1 << 6,        /* Landlock: files */
    LAYER_TCP = 1 << 7,          /* Landlock: bind and connect */
    LAYER_SCOPE = 1 << 8,        /* Landlock: signals, abstract sockets */
    LAYER_MEMORY = 1 << 9,       /* keys are never swapped */
    LAYER_DESCRIPTORS = 1 << 10, /* they could be counted from outside */
    LAYER_PIDS = 1 << 11,        /* a process namespace */
};

#define LAYER_COUNT     12u
#define LAYERS_TEXT_MAX 220u

/* "empty-root"; NULL beyond the last. */
const char *layer_name(unsigned int number);
/* The names in a set, with commas between. */
void layers_text(unsigned int set, char out[LAYERS_TEXT_MAX]);

#endif
