#include "tests/sim/print.h"

#include "tests/sim/simclock.h"
#include "tests/sim/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Single-threaded, and too big for the stack. */
static struct sim_text line;

static void stamp(bool json)
{
    int64_t now = sim_clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    char s[32];

    gmtime_r(&seconds, &tm);
    strftime(s, sizeof s, json ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
    sim_text_add(&line, json ? "{\"time\":\"%s.%03dZ\"," : "%s.%03d ", s,
                 (int)(now % 1000));
}

static void out(void)
{
    fwrite(line.s, 1, line.n, stdout);
    fputc('\n', stdout);
}

void sim_print_frame(const struct sim_print *p, unsigned int id, bool sent,
                     const uint8_t *apdu, size_t n)
{
    bool data = n > 2 && (apdu[2] & 1u) == 0;

    if (p->quiet || (!p->verbose && (sent || !data) && !p->json))
        return;
    sim_text_clear(&line);
    stamp(p->json);
    if (p->json) {
        sim_text_add(&line, "\"event\":\"apdu\",\"connection\":%u,\"sent\":%s,", id,
                     sent ? "true" : "false");
        sim_json_apdu(&line, apdu, n);
        sim_text_add(&line, "}");
    } else {
        if (id != 0)
            sim_text_add(&line, "#%u ", id);
        sim_text_add(&line, sent ? "sent     " : "received ");
        sim_words_apdu(&line, apdu, n, p->verbose);
    }
    out();
}

void sim_print_event(const struct sim_print *p, const char *name, unsigned int id,
                     const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sim_text_clear(&line);
    stamp(p->json);
    if (p->json) {
        sim_text_add(&line, "\"event\":\"%s\",\"connection\":%u,\"text\":", name, id);
        sim_text_json_string(&line, text);
        sim_text_add(&line, "}");
    } else {
        if (id != 0)
            sim_text_add(&line, "#%u ", id);
        sim_text_add(&line, "%s", text);
    }
    out();
}

void sim_print_line(const struct sim_print *p, const char *json, const char *words)
{
    sim_text_clear(&line);
    stamp(p->json);
    sim_text_add(&line, "%s", p->json ? json : words);
    out();
}

void sim_print_error(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fputs("gate104-sim: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}
