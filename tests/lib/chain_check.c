#include "tests/lib/chain_check.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define LINE  8192

struct walk {
    struct chain *c;
    char prev[65]; /* SHA-256 of the line before */
    char first_prev[65];
    uint64_t deleted_seq; /* as the last log.deleted says */
    char deleted_hash[65];
    bool in_first_line;
};

static void bad(struct walk *w, const char *file, const char *what, uint64_t seq)
{
    if (w->c->wrong[0] == '\0')
        (void)snprintf(w->c->wrong, sizeof w->c->wrong, "%s, behind record %llu: %s",
                       file, (unsigned long long)seq, what);
}

static uint64_t number(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void text(const char *line, const char *key, char out[65])
{
    const char *at = strstr(line, key);

    out[0] = '\0';
    if (at && strlen(at) > strlen(key) + 64)
        (void)snprintf(out, 65, "%.64s", at + strlen(key));
}

static void hash(const char *line, size_t n, char out[65])
{
    uint8_t md[32];

    (void)EVP_Digest(line, n, md, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < sizeof md; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", md[i]);
}

static void take(struct walk *w, const char *file, const char *line, size_t n)
{
    struct chain *c = w->c;
    uint64_t seq = number(line, "{\"v\":1,\"seq\":");
    char prev[65];

    text(line, ",\"prev\":\"", prev);
    if (line[n - 1] != '\n')
        bad(w, file, "a line has no end", c->last_seq);
    if (c->last_seq == 0) {
        c->first_seq = seq;
        memcpy(w->first_prev, prev, sizeof prev);
    } else if (seq != c->last_seq + 1) {
        bad(w, file, "the number does not follow", c->last_seq);
    } else if (strcmp(prev, w->prev) != 0) {
        bad(w, file, "the hash does not fit", c->last_seq);
    }
    if (w->in_first_line && c->last_seq != 0 && !strstr(line, "\"log.rotated\""))
        bad(w, file, "it does not begin with log.rotated", c->last_seq);
    w->in_first_line = false;
    c->last_seq = seq;
    hash(line, n, w->prev);
    if (strstr(line, "\"event\":\"log.deleted\"")) {
        w->deleted_seq = number(line, "\"last_seq\":");
        text(line, "\"last_sha256\":\"", w->deleted_hash);
        if (w->deleted_seq + 1 == c->first_seq &&
            strcmp(w->deleted_hash, w->first_prev) == 0)
            w->first_prev[0] = '\0';
    }
}

static void each(const char *dir,
                 void (*line_of)(void *, const char *, const char *, size_t),
                 void (*file_of)(void *), void *ctx)
{
    struct dirent **list;
    int n = scandir(dir, &list, NULL, alphasort);

    /* "gate104-..." sorts in front of "gate104.jsonl". */
    for (int i = 0; i < n; i++) {
        char path[512];
        char *line = NULL;
        size_t room = 0;
        ssize_t got;
        FILE *f = NULL;

        (void)snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        if (strncmp(list[i]->d_name, "gate104", 7) == 0)
            f = fopen(path, "re");
        if (f && file_of)
            file_of(ctx);
        while (f && (got = getline(&line, &room, f)) > 0)
            line_of(ctx, list[i]->d_name, line, (size_t)got);
        if (f)
            (void)fclose(f);
        free(line);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

static void walk_line(void *ctx, const char *file, const char *line, size_t n)
{
    take(ctx, file, line, n);
}

static void walk_file(void *ctx)
{
    struct walk *w = ctx;

    w->c->files++;
    w->in_first_line = true;
}

void chain_check(const char *dir, struct chain *c)
{
    struct walk w = {.c = c};

    memset(c, 0, sizeof *c);
    each(dir, walk_line, walk_file, &w);
    if (w.first_prev[0] != '\0' &&
        (c->first_seq != 1 || strcmp(w.first_prev, ZEROS) != 0))
        bad(&w, "the first file", "nothing says what was in front of it", 0);
}

struct count {
    const char *text;
    size_t n;
};

static void count_line(void *ctx, const char *file, const char *line, size_t n)
{
    struct count *c = ctx;

    (void)file;
    (void)n;
    c->n += strstr(line, c->text) != NULL;
}

size_t chain_count(const char *dir, const char *text_sought)
{
    struct count c = {text_sought, 0};

    each(dir, count_line, NULL, &c);
    return c.n;
}
