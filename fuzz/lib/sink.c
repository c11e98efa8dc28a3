#include "fuzz/lib/sink.h"

#include "fuzz/lib/fuzz.h"

#include <stdlib.h>
#include <string.h>

static ssize_t take(void *cookie, const char *octets, size_t n)
{
    struct sink *s = cookie;

    FUZZ_CHECK(n <= SINK_MAX - s->n);
    memcpy(s->text + s->n, octets, n);
    s->n += n;
    return (ssize_t)n;
}

void sink_init(struct sink *s)
{
    s->n = 0;
    s->text = malloc(SINK_MAX);
    s->file = fopencookie(s, "w", (cookie_io_functions_t){.write = take});
    FUZZ_CHECK(s->text != NULL && s->file != NULL);
}

void sink_clear(struct sink *s)
{
    sink_read(s);
    s->n = 0;
}

void sink_read(struct sink *s)
{
    FUZZ_CHECK(fflush(s->file) == 0);
}

void sink_silence(void)
{
    /* libFuzzer and the sanitizers took their copy at the start. */
    stderr = fopen("/dev/null", "we");
    FUZZ_CHECK(stderr != NULL);
}
