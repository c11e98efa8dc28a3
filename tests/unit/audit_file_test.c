/* The log on a real file system: chain over restarts, torn tails, full and failing disks,
 * files that vanish.  What stands in the file afterwards is judged by the verifier. */
#include "proxy/audit_log.h"
#include "proxy/audit_verify.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct stage {
    char dir[64];
    int dir_fd;
    bool mounted;
    struct audit_log log;
    struct audit_sender sender;
};

static const struct audit_place place = {.boot = "00000000"};

static void log_begin(struct stage *s)
{
    assert_true(audit_log_init(&s->log, s->dir_fd, &place, "audit-0"));
}

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);

    assert_non_null(s);
    (void)snprintf(s->dir, sizeof s->dir, "/tmp/gate104-audit-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(s->dir_fd >= 0);
    (void)snprintf(s->sender.name, sizeof s->sender.name, "gate-0");
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    char command[128];

    audit_log_free(&s->log);
    (void)close(s->dir_fd);
    if (s->mounted)
        assert_int_equal(umount2(s->dir, MNT_DETACH), 0);
    (void)snprintf(command, sizeof command, "rm -rf %s", s->dir);
    assert_int_equal(system(command), 0);
    free(s);
    return 0;
}

static void add(struct stage *s, bool sync)
{
    static uint64_t ticket;
    const uint8_t *payload;
    struct record r;
    size_t n;

    record_begin(&r, EVENT_COMMAND, ++ticket, sync);
    record_text(&r, RECORD_RULE, "feeder breakers");
    n = record_end(&r, &payload);
    audit_log_add(&s->log, &s->sender, payload, n, sync);
}

/* One record, acknowledged. */
static void put(struct stage *s)
{
    add(s, true);
    assert_true(audit_log_commit(&s->log));
}

/* The whole file in a buffer that stays until the next call. */
static const char *content(const struct stage *s, size_t *n)
{
    static char buf[1 << 20];
    int fd = openat(s->dir_fd, AUDIT_FILE_NAME, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    assert_true(fd >= 0);
    got = read(fd, buf, sizeof buf - 1);
    assert_true(got >= 0);
    (void)close(fd);
    buf[got] = '\0';
    if (n)
        *n = (size_t)got;
    return buf;
}

static void verify(const struct stage *s, enum audit_state expected, uint64_t records)
{
    struct audit_verdict v;
    int fd = openat(s->dir_fd, AUDIT_FILE_NAME, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    audit_verify(fd, &v, NULL, NULL);
    (void)close(fd);
    if (v.state != expected || v.records != records)
        fail_msg("state %d, %d records: %s\n%s", (int)v.state, (int)v.records, v.why,
                 content(s, NULL));
}

static void append_raw(const struct stage *s, const char *text)
{
    int fd = openat(s->dir_fd, AUDIT_FILE_NAME, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                    0640);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

/* ---- the good days ---- */

static void a_new_chain_begins(void **state)
{
    struct stage *s = *state;
    struct stat st;

    log_begin(s);
    assert_true(audit_log_open(&s->log));
    add(s, true);
    add(s, false);
    assert_true(audit_log_commit(&s->log));
    assert_int_equal(fstatat(s->dir_fd, AUDIT_FILE_NAME, &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true(audit_log_close(&s->log));
    verify(s, AUDIT_STATE_OK, 4);
}

static void the_chain_goes_on_over_restarts(void **state)
{
    struct stage *s = *state;

    for (unsigned int run = 1; run <= 5; run++) {
        log_begin(s);
        assert_true(audit_log_open(&s->log));
        for (unsigned int i = 0; i < 100; i++) {
            add(s, i % 10 == 0);
            if (i % 7 == 0)
                assert_true(audit_log_commit(&s->log));
        }
        assert_true(audit_log_close(&s->log));
        audit_log_free(&s->log);
        verify(s, AUDIT_STATE_OK, run * 102);
    }
}

/* Without a close, as after kill -9. */
static void the_chain_goes_on_after_a_kill(void **state)
{
    struct stage *s = *state;

    for (unsigned int run = 1; run <= 3; run++) {
        log_begin(s);
        assert_true(audit_log_open(&s->log));
        add(s, false);
        assert_true(audit_log_commit(&s->log));
        audit_log_free(&s->log);
        verify(s, AUDIT_STATE_OK, run * 2);
    }
}

static void a_full_batch_is_more_than_one_commit(void **state)
{
    struct stage *s = *state;
    unsigned int commits = 0;

    log_begin(s);
    assert_true(audit_log_open(&s->log));
    for (unsigned int i = 0; i < 3000; i++) {
        if (audit_log_full(&s->log)) {
            assert_true(audit_log_commit(&s->log));
            commits++;
        }
        add(s, false);
    }
    assert_true(audit_log_commit(&s->log));
    assert_true(commits > 0);
    verify(s, AUDIT_STATE_OK, 3001);
}

/* ---- what a crash leaves ---- */

static void a_torn_tail_is_put_aside(void **state)
{
    struct stage *s = *state;
    struct stat st;

    log_begin(s);
    assert_true(audit_log_open(&s->log));
    put(s);
    audit_log_free(&s->log);
    append_raw(s, "{\"v\":1,\"seq\":3,\"ti");
    verify(s, AUDIT_STATE_INCOMPLETE, 2);
    log_begin(s);
    assert_true(audit_log_open(&s->log));
    verify(s, AUDIT_STATE_OK, 4);
    assert_non_null(strstr(content(s, NULL), "\"event\":\"log.recovered\""));
    assert_non_null(strstr(content(s, NULL), "torn-3.jsonl\",\"size\":18,\"sha256\":\""
                                             "a30cf707a45c38c1d149045e99d74fd8"));
    assert_int_equal(fstatat(s->dir_fd, "torn-3.jsonl", &st, 0), 0);
    assert_int_equal(st.st_size, 18);
}

static void a_file_that_is_only_torn(void **state)
{
    struct stage *s = *state;

    append_raw(s, "{\"v\":1,\"seq\":1");
    append_raw(s, "");
    log_begin(s);
    assert_true(audit_log_open(&s->log));
    verify(s, AUDIT_STATE_OK, 2);
    assert_int_equal(faccessat(s->dir_fd, "torn-1.jsonl", F_OK, 0), 0);
}

static void torn_files_do_not_overwrite_each_other(void **state)
{
    struct stage *s = *state;

    append_raw(s, "x");
    log_begin(s);
    assert_true(audit_log_open(&s->log));
    audit_log_free(&s->log);
    assert_int_equal(unlinkat(s->dir_fd, AUDIT_FILE_NAME, 0), 0);
    append_raw(s, "y");
    log_begin(s);
    assert_true(audit_log_open(&s->log));
    assert_int_equal(faccessat(s->dir_fd, "torn-1.jsonl", F_OK, 0), 0);
    assert_int_equal(faccessat(s->dir_fd, "torn-1-1.jsonl", F_OK, 0), 0);
}

static void a_file_with_a_bad_last_line_is_put_aside(void **state)
{
    struct stage *s = *state;

    append_raw(s, "this is no record\n");
    log_begin(s);
    assert_true(audit_log_open(&s->log));
    assert_int_equal(faccessat(s->dir_fd, "damaged-1.jsonl", F_OK, 0), 0);
    verify(s, AUDIT_STATE_OK, 2);
    assert_non_null(strstr(content(s, NULL), "\"why\":\"damaged\""));
}

/* ---- disks that fail ---- */

/* A limit on the size of files fails like a disk that is full: first a short write, then
 * none. */
static void set_room(rlim_t room)
{
    struct rlimit l;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = room == RLIM_INFINITY ? l.rlim_max : room;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void a_full_disk_loses_no_count(void **state)
{
    struct stage *s = *state;
    size_t size;

    (void)signal(SIGXFSZ, SIG_IGN);
    log_begin(s);
    assert_true(audit_log_open(&s->log));
    (void)content(s, &size);
    /* Room for a piece of the next record. */
    set_room(size + 100);
    add(s, true);
    assert_false(audit_log_commit(&s->log));
    assert_int_equal(s->log.file.error, EFBIG);
    verify(s, AUDIT_STATE_OK, 1);
    add(s, true);
    add(s, false);
    assert_false(audit_log_commit(&s->log));
    verify(s, AUDIT_STATE_OK, 1);
    set_room(RLIM_INFINITY);
    put(s);
    verify(s, AUDIT_STATE_OK, 3);
    assert_non_null(strstr(content(s, NULL), "\"event\":\"log.gap\""));
    assert_non_null(strstr(content(s, NULL), "\"count\":3,"));
    put(s);
    verify(s, AUDIT_STATE_OK, 4);
}

static void a_small_file_system(void **state)
{
    struct stage *s = *state;
    unsigned int written = 0, lost = 0;
    char mark[32];
    int filler;

    if (mount("tmpfs", s->dir, "tmpfs", 0, "size=64k") != 0) {
        print_message("# skipped: a file system of 64 KiB needs root\n");
        skip();
    }
    s->mounted = true;
    (void)close(s->dir_fd);
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    filler = openat(s->dir_fd, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(filler, 0), 0);
    assert_int_equal(posix_fallocate(filler, 0, 16384), 0);
    log_begin(s);
    assert_true(audit_log_open(&s->log));
    for (unsigned int i = 0; i < 400; i++) {
        add(s, i % 2 == 0);
        if (audit_log_commit(&s->log))
            written++;
        else
            lost++;
    }
    assert_true(written > 50 && lost > 50);
    assert_int_equal(s->log.file.error, ENOSPC);
    assert_int_equal(ftruncate(filler, 0), 0);
    put(s);
    /* opened, the written ones, the gap, the last */
    verify(s, AUDIT_STATE_OK, written + 3);
    (void)snprintf(mark, sizeof mark, "\"count\":%u,", lost);
    assert_non_null(strstr(content(s, NULL), mark));
    (void)close(filler);
}

/* Lets fdatasync fail: on a pipe it does. */
static void break_descriptor(struct stage *s)
{
    int p[2];

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_true(dup2(p[1], s->log.file.fd) >= 0);
    (void)close(p[0]);
    (void)close(p[1]);
}

static void after_a_failed_sync_only_what_was_synced_counts(void **state)
{
    struct stage *s = *state;

    log_begin(s);
    assert_true(audit_log_open(&s->log));
    put(s);
    for (unsigned int i = 0; i < 5; i++)
        add(s, false);
    assert_true(audit_log_commit(&s->log));
    verify(s, AUDIT_STATE_OK, 7);
    break_descriptor(s);
    assert_false(audit_log_sync(&s->log));
    assert_int_equal(s->log.file.fd, -1);
    put(s);
    /* opened, one command, gap, one command: the five are told as lost */
    verify(s, AUDIT_STATE_OK, 4);
    assert_non_null(strstr(content(s, NULL), "\"count\":5,"));
}

/* ---- somebody else in the directory ---- */

static void a_removed_file_is_noticed(void **state)
{
    struct stage *s = *state;

    log_begin(s);
    assert_true(audit_log_open(&s->log));
    put(s);
    assert_int_equal(unlinkat(s->dir_fd, AUDIT_FILE_NAME, 0), 0);
    put(s);
    assert_non_null(strstr(content(s, NULL), "\"why\":\"replaced\""));
    /* The chain goes on, so that what was removed is missed. */
    assert_non_null(strstr(content(s, NULL), "\"seq\":3,"));
    verify(s, AUDIT_STATE_INCOMPLETE, 2);
}

static void what_others_append_is_put_aside(void **state)
{
    struct stage *s = *state;

    log_begin(s);
    assert_true(audit_log_open(&s->log));
    append_raw(s, "a line of somebody else\n");
    put(s);
    verify(s, AUDIT_STATE_OK, 3);
    assert_int_equal(faccessat(s->dir_fd, "torn-2.jsonl", F_OK, 0), 0);
}

static void a_cut_file_is_noticed(void **state)
{
    struct stage *s = *state;
    size_t size;

    log_begin(s);
    assert_true(audit_log_open(&s->log));
    (void)content(s, &size);
    put(s);
    assert_int_equal(ftruncate(s->log.file.fd, (off_t)size), 0);
    put(s);
    assert_non_null(strstr(content(s, NULL), "\"why\":\"replaced\""));
    verify(s, AUDIT_STATE_TAMPERED, 1);
}

/* The same octets in another file: the open descriptor would write into nowhere. */
static void a_copy_in_its_place_is_noticed(void **state)
{
    struct stage *s = *state;
    const char *text;
    size_t size;
    int fd;

    log_begin(s);
    assert_true(audit_log_open(&s->log));
    text = content(s, &size);
    fd = openat(s->dir_fd, "copy", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    assert_int_equal(write(fd, text, size), size);
    (void)close(fd);
    assert_int_equal(renameat(s->dir_fd, "copy", s->dir_fd, AUDIT_FILE_NAME), 0);
    put(s);
    verify(s, AUDIT_STATE_OK, 3);
    assert_non_null(strstr(content(s, NULL), "\"why\":\"replaced\""));
}

/* The file is opened anew after an error, and its last good record is another one. */
static void a_forged_last_record_is_noticed(void **state)
{
    struct stage *s = *state;
    size_t size;
    int fd;

    log_begin(s);
    assert_true(audit_log_open(&s->log));
    (void)content(s, &size);
    fd = openat(s->dir_fd, AUDIT_FILE_NAME, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "f", 1, (off_t)size - 4), 1);
    (void)close(fd);
    add(s, false);
    assert_true(audit_log_commit(&s->log));
    break_descriptor(s);
    assert_false(audit_log_sync(&s->log));
    put(s);
    assert_non_null(strstr(content(s, NULL), "\"why\":\"replaced\""));
    verify(s, AUDIT_STATE_TAMPERED, 0);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
    struct stage *s = *state;
    struct stat st;

    assert_int_equal(symlinkat("elsewhere", s->dir_fd, AUDIT_FILE_NAME), 0);
    log_begin(s);
    assert_false(audit_log_open(&s->log));
    assert_int_equal(s->log.file.error, ELOOP);
    assert_int_not_equal(fstatat(s->dir_fd, "elsewhere", &st, 0), 0);
    /* And as soon as it is gone, the log works. */
    add(s, true);
    assert_false(audit_log_commit(&s->log));
    assert_int_equal(unlinkat(s->dir_fd, AUDIT_FILE_NAME, 0), 0);
    put(s);
    verify(s, AUDIT_STATE_OK, 3);
    assert_non_null(strstr(content(s, NULL), "\"count\":1,"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_chain_begins),
        T(the_chain_goes_on_over_restarts),
        T(the_chain_goes_on_after_a_kill),
        T(a_full_batch_is_more_than_one_commit),
        T(a_torn_tail_is_put_aside),
        T(a_file_that_is_only_torn),
        T(torn_files_do_not_overwrite_each_other),
        T(a_file_with_a_bad_last_line_is_put_aside),
        T(a_full_disk_loses_no_count),
        T(a_small_file_system),
        T(after_a_failed_sync_only_what_was_synced_counts),
        T(a_removed_file_is_noticed),
        T(what_others_append_is_put_aside),
        T(a_cut_file_is_noticed),
        T(a_copy_in_its_place_is_noticed),
        T(a_forged_last_record_is_noticed),
        T(a_link_in_its_place_is_not_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
