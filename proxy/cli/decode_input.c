#include "proxy/cli/cli.h"
#include "proxy/cli/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEX_OCTETS_MAX (16u << 20) /* of hex; a file of raw octets has no limit */

/* What may stand between two octets. */
static const char SEPARATORS[] = " \t\r\n:,;-_.";

struct octets {
    uint8_t *item;
    size_t n, room;
    bool half;   /* item[n] has its first digit */
    uint64_t at; /* characters read */
};

static bool grow(struct octets *o)
{
    const size_t room = o->room == 0 ? 512 : o->room * 2;
    uint8_t *item;

    if (o->n < o->room)
        return true;
    item = room <= HEX_OCTETS_MAX ? realloc(o->item, room) : NULL;
    if (!item)
        return false;
    o->item = item;
    o->room = room;
    return true;
}

static int digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static const char *take_digit(struct octets *o, int value)
{
    if (!grow(o))
        return "is more hex than fits; give the octets as a file with --raw";
    if (!o->half)
        o->item[o->n] = (uint8_t)(value << 4);
    else
        o->item[o->n++] |= (uint8_t)value;
    o->half = !o->half;
    return NULL;
}

/* NULL, or what is wrong with the character and what to do about it. */
static const char *take(struct octets *o, int c)
{
    const int value = digit(c);

    o->at++;
    if (value >= 0)
        return take_digit(o, value);
    if ((c == 'x' || c == 'X') && o->half && o->item[o->n] == 0) {
        o->half = false; /* the prefix 0x */
        return NULL;
    }
    if (c == '\0' || !strchr(SEPARATORS, c))
        return "is no hex digit; for a file use --raw FILE or --pcap FILE";
    return o->half ? "stands between the two hex digits of an octet" : NULL;
}

static bool complain(const struct octets *o, const char *what)
{
    (void)fprintf(stderr, "gate104 decode: character %llu of the hex %s\n",
                  (unsigned long long)o->at, what);
    return false;
}

static bool finish(struct octets *o, struct decode_stream *s)
{
    if (o->half)
        return complain(o, "is the last and half an octet; add its second digit");
    if (o->n == 0) {
        (void)fprintf(stderr, "gate104 decode: there are no octets; give an APDU in hex, "
                              "such as 680443000000\n");
        return false;
    }
    decode_stream_add(s, o->item, o->n);
    decode_stream_end(s);
    return true;
}

bool decode_hex_words(struct decode_stream *s, char *const *words, size_t n)
{
    struct octets o = {.n = 0};
    const char *wrong = NULL;
    bool good;

    for (size_t i = 0; i < n && !wrong; i++)
        for (const char *p = words[i]; *p && !wrong; p++)
            wrong = take(&o, (unsigned char)*p);
    good = wrong ? complain(&o, wrong) : finish(&o, s);
    free(o.item);
    return good;
}

bool decode_hex_stdin(struct decode_stream *s)
{
    struct octets o = {.n = 0};
    const char *wrong = NULL;
    bool good;
    int c;

    while (!wrong && (c = getc(stdin)) != EOF) { /* grow() bounds what is kept */
        wrong = take(&o, c);
        if (o.at > 16u * HEX_OCTETS_MAX)
            wrong = "is too far from the first; give the octets as a file with --raw";
    }
    good = wrong ? complain(&o, wrong) : finish(&o, s);
    free(o.item);
    return good;
}

static bool complain_file(const char *path, const char *what)
{
    (void)fprintf(stderr, "gate104 decode: ");
    cli_put_safe(stderr, path, 0, false);
    (void)fprintf(stderr, ": %s\n", what);
    return false;
}

bool decode_raw(struct decode_stream *s, const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    uint8_t some[4096];
    uint64_t total = 0;
    size_t n;
    bool good = f != NULL;

    /* A stream that lost its framing is not read on, so that one without an end ends. */
    while (f && !s->lost && !s->run->failed && (n = fread(some, 1, sizeof some, f)) > 0) {
        total += n;
        decode_stream_add(s, some, n);
    }
    if (!f || ferror(f))
        good = complain_file(path, strerror(errno));
    else if (total == 0)
        good = complain_file(path, "empty: there is nothing to decode");
    decode_stream_end(s);
    if (f && f != stdin)
        (void)fclose(f);
    return good;
}
