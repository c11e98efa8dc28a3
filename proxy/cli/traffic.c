#include "proxy/cli/traffic.h"

#include "proxy/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool traffic_complain(const struct traffic *t, const char *path, const char *what)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s: ", t->program);
    cli_put_safe(stderr, path, 0, false);
    (void)fprintf(stderr, ": %s\n", what);
    return false;
}

bool traffic_tell(struct traffic *t, struct traffic_apdu *apdu)
{
    struct traffic_counts *c = &t->counts;

    /* Neither a clock that was set back nor an older input may make a select or a rate
     * run backwards. */
    if (c->apdus > 0 && apdu->time_ms > c->before_ms)
        c->clock_ms += apdu->time_ms - c->before_ms;
    c->before_ms = apdu->time_ms;
    apdu->clock_ms = c->clock_ms;
    if (c->apdus == 0 || apdu->time_ms < c->first_ms)
        c->first_ms = apdu->time_ms;
    if (apdu->time_ms > c->last_ms)
        c->last_ms = apdu->time_ms;
    c->apdus++;
    return t->apdu(t->ctx, apdu);
}

void traffic_end(struct traffic *t, uint32_t slot, uint64_t session)
{
    if (t->ended)
        t->ended(t->ctx, slot, session, t->counts.clock_ms);
}

/* What a file is, by its first octets. */
enum kind { KIND_CAPTURE, KIND_LOG, KIND_EMPTY, KIND_OTHER, KIND_UNREADABLE };

static enum kind kind_of(const char *path)
{
    static const uint8_t magic[][4] = {{0xA1, 0xB2, 0xC3, 0xD4},
                                       {0xD4, 0xC3, 0xB2, 0xA1},
                                       {0xA1, 0xB2, 0x3C, 0x4D},
                                       {0x4D, 0x3C, 0xB2, 0xA1},
                                       {0x0A, 0x0D, 0x0D, 0x0A}};
    uint8_t head[4] = {0};
    FILE *f = fopen(path, "rbe");
    size_t n;

    if (!f)
        return KIND_UNREADABLE;
    n = fread(head, 1, sizeof head, f);
    if (ferror(f) != 0) {
        const int error = errno;

        (void)fclose(f);
        errno = error;
        return KIND_UNREADABLE;
    }
    (void)fclose(f);
    for (size_t i = 0; i < sizeof magic / sizeof magic[0]; i++) {
        if (n == sizeof head && memcmp(head, magic[i], sizeof head) == 0)
            return KIND_CAPTURE;
    }
    if (n == 0)
        return KIND_EMPTY;
    return head[0] == '{' ? KIND_LOG : KIND_OTHER;
}

static bool read_one(struct traffic *t, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return traffic_complain(t, path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return traffic_log(t, path);
    if (!S_ISREG(st.st_mode))
        return traffic_complain(t, path, "is no file; save a capture or a log first");
    switch (kind_of(path)) {
    case KIND_CAPTURE: return traffic_capture(t, path);
    case KIND_LOG: return traffic_log(t, path);
    case KIND_EMPTY: return traffic_complain(t, path, "is empty");
    case KIND_UNREADABLE: return traffic_complain(t, path, strerror(errno));
    case KIND_OTHER: break;
    }
    return traffic_complain(t, path,
                            "is neither a session log nor a capture (pcap, pcapng)");
}

bool traffic_read(struct traffic *t, char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!read_one(t, paths[i]))
            return false;
    }
    return true;
}

bool traffic_number(const char *word, uint32_t least, uint32_t most, uint32_t *out)
{
    char *end;
    const unsigned long n = strtoul(word, &end, 10);

    if (word[0] < '0' || word[0] > '9' || *end != '\0' || n < least || n > most)
        return false;
    *out = (uint32_t)n;
    return true;
}

bool traffic_size(const char *word, uint32_t most, uint8_t *out)
{
    uint32_t n;

    if (!traffic_number(word, 1, most, &n))
        return false;
    *out = (uint8_t)n;
    return true;
}
