/* The files of a log in their order, also while a writer rotates and deletes them. */
#include "proxy/audit_verify.h"
#include "proxy/audit_verify_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/gate104-files-XXXXXX";
static int dir = -1;

static void empty_folder(void)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -f %s/*", folder);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    empty_folder();
    (void)close(dir);
    return rmdir(folder);
}

/* ---- names ---- */

static void closed_name(uint64_t number, char out[64])
{
    (void)snprintf(out, 64, "gate104-%020" PRIu64 ".jsonl", number);
}

static void names_have_twenty_digits(void **state)
{
    static const struct {
        const char *name;
        uint64_t number;
    } table[] = {
        {"gate104-00000000000000000010.jsonl", 10},
        {"gate104-00009007199254740991.jsonl", UINT64_C(9007199254740991)},
        {"gate104-18446744073709551616.jsonl", 0},
        {"gate104-00000000000000000000.jsonl", 0},
        {"gate104-0000000000000000010.jsonl", 0},
        {"gate104-000000000000000000010.jsonl", 0},
        {"gate104-0000000000000000001x.jsonl", 0},
        {"gate104-00000000000000000010.jsonx", 0},
        {"gate104.jsonl", 0},
        {"torn-5.jsonl", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(audit_file_number(table[i].name), table[i].number);
}

/* ---- order ---- */

static void make_file(const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void rename_file(const char *from, uint64_t number)
{
    char name[64];

    closed_name(number, name);
    assert_int_equal(renameat(dir, from, dir, name), 0);
}

/* The next file holds this text; NULL: there is none. */
static void expect(struct audit_files *f, const char *text)
{
    struct audit_file_name name;
    char got[64] = "";
    int fd = audit_files_next(f, &name);

    if (!text) {
        assert_int_equal(fd, -1);
        assert_int_equal(errno, 0);
        return;
    }
    assert_true(fd >= 0);
    assert_true(read(fd, got, sizeof got - 1) >= 0);
    assert_string_equal(got, text);
    (void)close(fd);
}

static void start(struct audit_files *f)
{
    assert_true(audit_files_open(f, fcntl(dir, F_DUPFD_CLOEXEC, 0)));
}

static void files_come_by_number(void **state)
{
    struct audit_files f;

    (void)state;
    empty_folder();
    make_file("gate104.jsonl", "current");
    make_file("gate104-00000000000000000100.jsonl", "hundred");
    make_file("gate104-00000000000000000020.jsonl", "twenty");
    make_file("torn-7.jsonl", "torn");
    start(&f);
    assert_int_equal(audit_files_size(&f), strlen("currenthundredtwenty"));
    expect(&f, "twenty");
    expect(&f, "hundred");
    expect(&f, "current");
    audit_files_first(&f, 200);
    expect(&f, NULL);
    expect(&f, NULL);
    audit_files_close(&f);
}

static void a_rotation_behind_the_reader(void **state)
{
    struct audit_files f;

    (void)state;
    empty_folder();
    make_file("gate104.jsonl", "one");
    start(&f);
    expect(&f, "one");
    audit_files_first(&f, 1);
    rename_file("gate104.jsonl", 1);
    expect(&f, NULL); /* the new one is not there yet */
    make_file("gate104.jsonl", "two");
    expect(&f, "two");
    audit_files_first(&f, 2);
    rename_file("gate104.jsonl", 2);
    make_file("gate104.jsonl", "three");
    rename_file("gate104.jsonl", 3);
    make_file("gate104.jsonl", "four");
    expect(&f, "three");
    expect(&f, "four");
    audit_files_first(&f, 4);
    expect(&f, NULL);
    audit_files_close(&f);
}

static void a_file_that_was_empty_when_it_was_opened(void **state)
{
    struct audit_files f;

    (void)state;
    empty_folder();
    make_file("gate104.jsonl", "");
    start(&f);
    expect(&f, "");
    audit_files_first(&f, 0);
    rename_file("gate104.jsonl", 1);
    make_file("gate104.jsonl", "two");
    expect(&f, "two");
    audit_files_close(&f);
}

static void retention_in_front_of_the_reader(void **state)
{
    struct audit_files f;

    (void)state;
    empty_folder();
    make_file("gate104-00000000000000000001.jsonl", "one");
    make_file("gate104-00000000000000000002.jsonl", "two");
    make_file("gate104.jsonl", "three");
    start(&f);
    assert_false(f.gone);
    assert_int_equal(unlinkat(dir, "gate104-00000000000000000001.jsonl", 0), 0);
    expect(&f, "two");
    assert_true(f.gone);
    audit_files_close(&f);
}

static void what_is_no_file_is_not_waited_for(void **state)
{
    struct audit_files f;
    struct audit_file_name name;

    (void)state;
    empty_folder();
    assert_int_equal(mkfifoat(dir, "gate104.jsonl", 0600), 0);
    start(&f);
    assert_int_equal(audit_files_next(&f, &name), -1);
    assert_int_not_equal(errno, 0);
    audit_files_close(&f);
}

/* ---- a log that is written meanwhile ---- */

#define LINES_OF_A_FILE 40u

struct writer {
    int fd;
    uint64_t seq, first;
    size_t octets;
    uint8_t prev[AUDIT_HASH_SIZE];
};

static void add(struct writer *w, const char *from, const char *event, const char *body)
{
    char line[1024], prev[AUDIT_HASH_HEX_SIZE + 1];
    size_t n;

    audit_hex(w->prev, sizeof w->prev, prev);
    w->seq++;
    n = (size_t)snprintf(
        line, sizeof line,
        "{\"v\":1,\"seq\":%" PRIu64 ",\"time\":\"2026-11-21T12:00:00.000Z\","
        "\"mono_ms\":5000,\"boot\":\"7d1daca7\",\"from\":\"%s\",\"event\":\"%s\","
        "\"severity\":\"notice\"%s,\"prev\":\"%s\"}\n",
        w->seq, from, event, body, prev);
    /* A line may be seen when half of it is written. */
    if (write(w->fd, line, n / 2) < 0 || write(w->fd, line + n / 2, n - n / 2) < 0)
        _exit(1);
    w->octets += n;
    if (!audit_hash(line, n, w->prev))
        _exit(1);
}

static void rotate(struct writer *w)
{
    char name[64], body[256];

    (void)close(w->fd);
    closed_name(w->first, name);
    if (w->first > 0 && renameat(dir, "gate104.jsonl", dir, name) != 0)
        _exit(1);
    w->fd = openat(dir, "gate104.jsonl",
                   O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    (void)snprintf(body, sizeof body, ",\"detail\":\"%s\",\"size\":%zu", name, w->octets);
    w->octets = 0;
    if (w->first > 0)
        add(w, "audit-0", "log.rotated", body);
    else
        add(w, "audit-0", "log.opened", "");
    w->first = w->seq;
}

static void write_for_ever(void)
{
    struct writer w = {.fd = -1};

    for (;;) {
        rotate(&w);
        for (unsigned int i = 0; i < LINES_OF_A_FILE; i++)
            add(&w, "gate-0", "op.command", ",\"ioa\":1001");
    }
}

static void a_log_that_is_written_and_rotated_is_whole(void **state)
{
    const struct audit_verify_options o = {.n_keys = 0};
    uint64_t records = 0, files = 0;
    pid_t child;

    (void)state;
    empty_folder();
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_for_ever();
    for (unsigned int i = 0; i < 1000000 && files < 300; i++) {
        struct audit_verdict v;

        audit_verify_path(folder, &o, &v);
        if (v.state == AUDIT_STATE_UNUSABLE && records == 0)
            continue; /* the writer has not begun */
        if (v.state != AUDIT_STATE_OK &&
            !(v.state == AUDIT_STATE_INCOMPLETE && v.records == 0))
            fail_msg("%s, line %u: %s", v.bad.file, (unsigned int)v.bad.line, v.why);
        assert_true(v.records >= records);
        records = v.records;
        files = v.files;
    }
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(files >= 300);
}

static uint64_t second; /* first record of the second file */

/* Called in the middle of the first file. */
static void delete_two(void *ctx, uint64_t octets)
{
    char name[64];

    (void)octets;
    ++*(unsigned int *)ctx;
    closed_name(1, name);
    (void)unlinkat(dir, name, 0);
    closed_name(second, name);
    (void)unlinkat(dir, name, 0);
}

static void retention_overtakes_the_reader(void **state)
{
    unsigned int calls = 0;
    const struct audit_verify_options o = {.progress = delete_two, .ctx = &calls};
    struct writer w = {.fd = -1};
    struct audit_verdict v;
    char body[256], hex[AUDIT_HASH_HEX_SIZE + 1];

    (void)state;
    empty_folder();
    rotate(&w);
    while (w.octets < (size_t)9 << 20)
        add(&w, "gate-0", "op.command", ",\"ioa\":1001");
    rotate(&w);
    second = w.first;
    add(&w, "gate-0", "op.command", ",\"ioa\":1002");
    audit_hex(w.prev, sizeof w.prev, hex);
    (void)snprintf(body, sizeof body, ",\"last_seq\":%" PRIu64 ",\"last_sha256\":\"%s\"",
                   w.seq, hex);
    rotate(&w);
    add(&w, "audit-0", "log.deleted", body);
    (void)close(w.fd);
    audit_verify_path(folder, &o, &v);
    assert_int_equal(calls, 1);
    assert_string_equal(v.why, "");
    assert_int_equal(v.state, AUDIT_STATE_OK);
    assert_int_equal(v.files, 1);
    assert_int_equal(v.records, 2);
    assert_true(v.head_deleted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_twenty_digits),
        cmocka_unit_test(files_come_by_number),
        cmocka_unit_test(a_rotation_behind_the_reader),
        cmocka_unit_test(a_file_that_was_empty_when_it_was_opened),
        cmocka_unit_test(retention_in_front_of_the_reader),
        cmocka_unit_test(what_is_no_file_is_not_waited_for),
        cmocka_unit_test(retention_overtakes_the_reader),
        cmocka_unit_test(a_log_that_is_written_and_rotated_is_whole),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
