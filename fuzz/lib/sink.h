/* A FILE that keeps what is written, and one that forgets it. */
#ifndef GATE104_FUZZ_LIB_SINK_H
#define GATE104_FUZZ_LIB_SINK_H

#include <stdio.h>

#define SINK_MAX ((size_t)4 << 20)

struct sink {
    FILE *file;
    size_t n;
    char *text; /* SINK_MAX octets, of which n are valid after sink_read() */
};

void sink_init(struct sink *s);
void sink_clear(struct sink *s);
/* Brings everything written into s->text. */
void sink_read(struct sink *s);

/* From now on nobody hears what the program under test says on standard error; what the
 * sanitizers and fuzz_fail() say is still heard. */
void sink_silence(void);

#endif
