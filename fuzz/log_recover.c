/* What the audit process does with the end of a log file it finds: no octet is lost, what
 * remains ends with a whole record, and the chain goes on from there.
 *
 * Target functions: audit_recover_tail audit_recover_cut audit_recover_matches
 *   audit_hash_range audit_envelope_parse
 * Options: -max_len=4096
 *
 * Input: as of fuzz/log_verify.c.  Works in a folder of its own in $TMPDIR. */
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/log_chain.h"

#include "proxy/audit_recover.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct log_chain chain;
static char folder[4096];
static int dir_fd;

static void remove_folder(void)
{
    (void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *tmp = getenv("TMPDIR");

    (void)argc;
    (void)argv;
    (void)snprintf(folder, sizeof folder, "%s/log_recover.XXXXXX", tmp ? tmp : "/tmp");
    FUZZ_CHECK(mkdtemp(folder) != NULL);
    dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_CHECK(dir_fd >= 0 && atexit(remove_folder) == 0);
    log_chain_make(&chain);
    return 0;
}

/* Octets of a file in the folder, at most LOG_CHAIN_MAX. */
static void read_file(const char *name, struct log_text *out)
{
    const int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

    FUZZ_CHECK(fd >= 0);
    const ssize_t n = read(fd, out->octets, LOG_CHAIN_MAX);
    FUZZ_CHECK(n >= 0);
    out->n = (size_t)n;
    (void)close(fd);
}

static bool same(const struct log_text *t, const char *octets, size_t n)
{
    return t->n == n && memcmp(t->octets, octets, n) == 0;
}

static void check_hash(const struct audit_found *found, const struct log_text *aside)
{
    uint8_t hash[AUDIT_HASH_SIZE];

    FUZZ_CHECK(audit_hash(aside->octets, aside->n, hash));
    FUZZ_CHECK(memcmp(hash, found->hash, sizeof hash) == 0 && found->size == aside->n);
    FUZZ_CHECK(unlinkat(dir_fd, found->name, 0) == 0);
}

/* Where the last line begins, in front of `end`, which is behind a newline. */
static size_t last_line(const struct log_text *t, size_t end)
{
    const char *nl = memrchr(t->octets, '\n', end - 1);

    return nl != NULL ? (size_t)(nl - t->octets) + 1 : 0;
}

/* The chain goes on behind a record: its number and its hash. */
static void check_position(const struct log_text *t, const struct audit_position *pos)
{
    const size_t at = last_line(t, pos->size), n = pos->size - at;
    uint8_t hash[AUDIT_HASH_SIZE];
    struct audit_envelope e;

    FUZZ_CHECK(n <= AUDIT_LINE_MAX && !audit_envelope_parse(t->octets + at, n, &e));
    FUZZ_CHECK(e.seq == pos->seq && audit_hash(t->octets + at, n, hash));
    FUZZ_CHECK(memcmp(hash, pos->prev, sizeof hash) == 0);
}

static void check_left(int fd, const struct log_text *t, struct audit_position *pos,
                       const struct audit_found *found)
{
    static struct log_text left, aside;
    const char *nl = t->n > 0 ? memrchr(t->octets, '\n', t->n) : NULL;
    const size_t end = nl != NULL ? (size_t)(nl - t->octets) + 1 : 0;

    if (found->kind == AUDIT_FOUND_DAMAGED) {
        FUZZ_CHECK(end > 0);
        read_file(found->name, &aside);
        FUZZ_CHECK(same(&aside, t->octets, t->n));
        check_hash(found, &aside);
        return;
    }
    read_file(AUDIT_FILE_NAME, &left);
    FUZZ_CHECK(pos->size == end && same(&left, t->octets, end));
    FUZZ_CHECK((found->kind == AUDIT_FOUND_TORN) == (end < t->n));
    FUZZ_CHECK((found->kind == AUDIT_FOUND_NEW) == (t->n == 0));
    if (end < t->n) {
        read_file(found->name, &aside);
        FUZZ_CHECK(same(&aside, t->octets + end, t->n - end));
        check_hash(found, &aside);
    }
    if (end > 0)
        check_position(t, pos);
    else
        FUZZ_CHECK(pos->seq == 0);
    FUZZ_CHECK(audit_recover_matches(fd, pos->size, pos));
    pos->seq++;
    FUZZ_CHECK(end == 0 || !audit_recover_matches(fd, pos->size, pos));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct log_text text;
    struct fuzz_input in = {data, size};
    struct audit_position pos = {0};
    struct audit_found found = {0};

    if (fuzz_u8(&in) % 2 == 1) {
        (void)log_chain_break(&chain, &in, &text);
    } else {
        text.n = in.left;
        memcpy(text.octets, in.p, in.left);
    }
    const int fd = openat(dir_fd, AUDIT_FILE_NAME,
                          O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, text.octets, text.n) == (ssize_t)text.n);
    pos.size = text.n;
    FUZZ_CHECK(audit_recover_tail(dir_fd, fd, &pos, &found));
    check_left(fd, &text, &pos, &found);
    (void)close(fd);
    (void)unlinkat(dir_fd, AUDIT_FILE_NAME, 0);
    return 0;
}
