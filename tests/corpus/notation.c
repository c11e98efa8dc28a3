#include "tests/corpus/notation.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_MAX 4096ul

struct writer {
    struct numbers *numbers;
    struct notation *out;
    bool bad;
};

static const struct {
    const char *word;
    uint8_t function;
} u_frames[] = {
    {"startdt", 0x07}, {"startcon", 0x0B}, {"stopdt", 0x13},
    {"stopcon", 0x23}, {"testfr", 0x43},   {"testcon", 0x83},
};

static void put(struct writer *w, unsigned int octet)
{
    if (w->out->size == NOTATION_MAX) {
        w->bad = true;
        return;
    }
    w->out->octets[w->out->size++] = (uint8_t)octet;
}

static void put_number(struct writer *w, unsigned int number)
{
    put(w, number % 128u * 2u);
    put(w, number / 128u % 256u);
}

static uint16_t moved(uint16_t number, long by)
{
    return (uint16_t)(((long)number + by) & 0x7FFF);
}

static const char *skip_blanks(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

static int digit(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits at p, which are there. */
static const char *put_hex(struct writer *w, const char *p)
{
    if (digit(p[0]) < 0 || digit(p[1]) < 0) {
        w->bad = true;
        return p + strlen(p);
    }
    put(w, (unsigned int)(digit(p[0]) * 16 + digit(p[1])));
    return p + 2;
}

/* How often: "*12", or once without. */
static const char *read_times(const char *p, unsigned long *times)
{
    char *end;

    *times = 1;
    if (*p != '*')
        return p;
    *times = strtoul(p + 1, &end, 10);
    return end;
}

/* "[+1,-2]" and "[-1]", or nothing. */
static const char *read_wrong(const char *p, long by[2])
{
    char *end;

    by[0] = by[1] = 0;
    if (*p != '[')
        return p;
    by[0] = strtol(p + 1, &end, 10);
    if (*end == ',')
        by[1] = strtol(end + 1, &end, 10);
    return *end == ']' ? end + 1 : end;
}

static const char *put_s(struct writer *w, const char *p)
{
    long by[2];

    p = read_wrong(p, by);
    put(w, 0x68);
    put(w, 4);
    put(w, 1);
    put(w, 0);
    put_number(w, moved(w->numbers->vr, by[0]));
    return p;
}

static const char *put_hex_repeated(struct writer *w, const char *p)
{
    const char *end = put_hex(w, p);
    unsigned long times;

    end = read_times(end, &times);
    if (times == 0 || times > REPEAT_MAX)
        w->bad = true;
    for (unsigned long i = 1; i < times && !w->bad; i++)
        (void)put_hex(w, p);
    return end;
}

static void count_sent(struct writer *w)
{
    w->numbers->vs = moved(w->numbers->vs, 1);
    w->out->i_frames++;
}

static const char *put_i(struct writer *w, const char *p)
{
    size_t at = w->out->size;
    long by[2];

    p = read_wrong(p, by);
    if (*p != '{') {
        w->bad = true;
        return p;
    }
    put(w, 0x68);
    put(w, 0);
    put_number(w, moved(w->numbers->vs, by[0]));
    put_number(w, moved(w->numbers->vr, by[1]));
    p = skip_blanks(p + 1);
    while (!w->bad && *p != '}')
        p = skip_blanks(put_hex_repeated(w, p));
    if (w->bad || w->out->size - at > 255) {
        w->bad = true;
        return p;
    }
    w->out->octets[at + 1] = (uint8_t)(w->out->size - at - 2);
    count_sent(w);
    return p + 1;
}

static const char *put_word(struct writer *w, const char *p)
{
    for (size_t i = 0; i < sizeof u_frames / sizeof u_frames[0]; i++) {
        size_t n = strlen(u_frames[i].word);

        if (strncmp(p, u_frames[i].word, n) != 0)
            continue;
        put(w, 0x68);
        put(w, 4);
        put(w, u_frames[i].function);
        put(w, 0);
        put(w, 0);
        put(w, 0);
        w->out->tests += u_frames[i].function == 0x43;
        return p + n;
    }
    w->bad = true;
    return p;
}

/* Gives where it ends. */
static const char *put_item(struct writer *w, const char *p)
{
    if (digit(p[0]) >= 0)
        return put_hex(w, p);
    if (p[0] == 'i')
        return put_i(w, p + 1);
    if (p[0] == 's' && p[1] != 't')
        return put_s(w, p + 1);
    if (p[0] == 'r') {
        put_number(w, w->numbers->vr);
        return p + 1;
    }
    if (p[0] == 'n') {
        put_number(w, w->numbers->vs);
        count_sent(w);
        return p + 1;
    }
    return put_word(w, p);
}

bool notation_expand(const char *text, struct numbers *numbers, struct notation *out)
{
    struct writer w = {.numbers = numbers, .out = out};

    out->size = 0;
    out->i_frames = out->tests = 0;
    for (const char *p = skip_blanks(text); *p != '\0' && !w.bad;) {
        const char *item = p;
        unsigned long times;

        p = read_times(put_item(&w, item), &times);
        if (times == 0 || times > REPEAT_MAX)
            w.bad = true;
        for (unsigned long i = 1; i < times && !w.bad; i++)
            (void)put_item(&w, item);
        p = skip_blanks(p);
    }
    return !w.bad;
}
