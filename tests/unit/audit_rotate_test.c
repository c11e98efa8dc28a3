/* The log over many files: rotation by size and time, retention, and what the next start
 * finds.  What stands in the folder is judged by tests/lib/chain_check.c. */
#include "proxy/audit_log.h"
#include "tests/lib/chain_check.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct stage {
    char dir[64];
    int dir_fd;
    struct audit_log log;
    struct audit_sender sender;
    char said[512];
};

static const struct audit_place place = {.boot = "00000000"};

static void say(void *ctx, const char *text)
{
    struct stage *s = ctx;

    (void)snprintf(s->said, sizeof s->said, "%s", text);
}

static void start(struct stage *s)
{
    assert_true(audit_log_init(&s->log, s->dir_fd, &place, "audit-0"));
    assert_true(audit_shelf_scan(&s->log.shelf, s->dir_fd));
    s->log.files.rotate_size = 4096;
    s->log.say = say;
    s->log.say_ctx = s;
    assert_true(audit_log_open(&s->log));
}

static void end(struct stage *s)
{
    audit_log_free(&s->log);
}

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);

    assert_non_null(s);
    (void)snprintf(s->dir, sizeof s->dir, "/tmp/gate104-rotate-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
    (void)snprintf(command, sizeof command, "rm -rf %s", s->dir);
    assert_int_equal(system(command), 0);
    free(s);
    return 0;
}

static void put(struct stage *s, unsigned int n)
{
    const uint8_t *payload;
    struct record r;

    for (unsigned int i = 0; i < n; i++) {
        size_t size;

        record_begin(&r, EVENT_COMMAND, 1, true);
        record_text(&r, RECORD_RULE, "feeder breakers");
        size = record_end(&r, &payload);
        audit_log_add(&s->log, &s->sender, payload, size, true);
        assert_true(audit_log_commit(&s->log));
        audit_rotate_due(&s->log);
    }
}

static void whole(const struct stage *s, struct chain *c)
{
    chain_check(s->dir, c);
    if (c->wrong[0] != '\0')
        fail_msg("%s", c->wrong);
}

static bool exists(const struct stage *s, const char *name)
{
    return faccessat(s->dir_fd, name, F_OK, 0) == 0;
}

/* ---- names ---- */

static void names_of_older_files(void **state)
{
    char name[AUDIT_OLD_NAME_SIZE];
    uint64_t seq = 0;
    static const char *const none[] = {
        "gate104.jsonl",
        "gate104-0000000000000000001.jsonl",
        "gate104-000000000000000000001.jsonl",
        "gate104-99999999999999999999.jsonl",
        "gate104-0000000000000000000x.jsonl",
        "gate104-00000000000000000001.json1",
        "torn-00000000000000000000001.jsonl",
        "",
    };

    (void)state;
    audit_shelf_name(42, name);
    assert_string_equal(name, "gate104-00000000000000000042.jsonl");
    assert_true(audit_shelf_is_name(name, &seq));
    assert_int_equal(seq, 42);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        if (audit_shelf_is_name(none[i], &seq))
            fail_msg("%s", none[i]);
    }
}

/* ---- rotation ---- */

static void the_chain_runs_over_files(void **state)
{
    struct stage *s = *state;
    struct chain c;

    start(s);
    put(s, 100);
    whole(s, &c);
    assert_true(c.files > 5);
    assert_int_equal(c.files, s->log.shelf.count + 1);
    /* log.opened, and one log.rotated in each file but the first */
    assert_int_equal(c.last_seq, 101 + c.files - 1);
    assert_int_equal(chain_count(s->dir, "\"event\":\"log.rotated\""), c.files - 1);
    assert_true(exists(s, "gate104-00000000000000000001.jsonl"));
}

static void a_record_tells_the_hash_of_the_file(void **state)
{
    struct stage *s = *state;
    char hex[AUDIT_HASH_HEX_SIZE + 1];
    char text[200];
    uint8_t hash[AUDIT_HASH_SIZE];
    struct stat st;
    int fd;

    start(s);
    put(s, 30);
    fd = openat(s->dir_fd, "gate104-00000000000000000001.jsonl", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(audit_hash_range(fd, 0, (uint64_t)st.st_size, hash));
    (void)close(fd);
    audit_hex(hash, sizeof hash, hex);
    (void)snprintf(text, sizeof text,
                   "\"detail\":\"gate104-00000000000000000001.jsonl\",\"size\":%d,"
                   "\"sha256\":\"%s\"",
                   (int)st.st_size, hex);
    assert_int_equal(chain_count(s->dir, text), 1);
}

static void the_chain_goes_on_over_restarts(void **state)
{
    struct stage *s = *state;
    struct chain c;
    size_t files;

    for (unsigned int run = 1; run <= 5; run++) {
        start(s);
        put(s, 25);
        files = s->log.shelf.count + 1;
        end(s);
        whole(s, &c);
        assert_int_equal(c.files, files);
    }
    assert_int_equal(chain_count(s->dir, "op.command"), 125);
}

/* Makes the file in use one that holds only this. */
static void leave_in_use(const struct stage *s, const char *text)
{
    int fd;

    assert_int_equal(unlinkat(s->dir_fd, AUDIT_FILE_NAME, 0), 0);
    fd = openat(s->dir_fd, AUDIT_FILE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void a_start_without_a_file_in_use(void **state)
{
    struct stage *s = *state;
    struct chain c;

    start(s);
    put(s, 30);
    assert_true(audit_rotate(&s->log));
    end(s);
    /* As an end between the rename and the next file leaves it: */
    assert_int_equal(unlinkat(s->dir_fd, AUDIT_FILE_NAME, 0), 0);
    start(s);
    put(s, 3);
    whole(s, &c);
    end(s);
    /* ... or with the next file empty, or with a piece of a line in it. */
    leave_in_use(s, "");
    start(s);
    put(s, 3);
    whole(s, &c);
    end(s);
    leave_in_use(s, "{\"v\":1,\"se");
    start(s);
    put(s, 3);
    whole(s, &c);
    assert_int_equal(chain_count(s->dir, "\"detail\":\"the chain goes on\""), 1);
    assert_int_equal(chain_count(s->dir, "\"why\":\"torn\""), 1);
}

static void rotation_by_time(void **state)
{
    struct stage *s = *state;
    struct chain c;

    start(s);
    s->log.files.rotate_size = 0;
    s->log.files.rotate_interval_s = 3600;
    put(s, 3);
    assert_int_equal(s->log.shelf.count, 0);
    s->log.turn.began_ms -= 3599 * 1000;
    put(s, 1);
    assert_int_equal(s->log.shelf.count, 0);
    s->log.turn.began_ms -= 1001;
    put(s, 1);
    assert_int_equal(s->log.shelf.count, 1);
    /* One record alone is not turned over. */
    s->log.turn.began_ms -= 3600 * 1000;
    audit_rotate_due(&s->log);
    assert_int_equal(s->log.shelf.count, 1);
    whole(s, &c);
}

static void a_name_that_is_taken(void **state)
{
    struct stage *s = *state;
    struct chain c;
    int fd;

    start(s);
    fd = openat(s->dir_fd, "gate104-00000000000000000001.jsonl",
                O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)close(fd);
    put(s, 30);
    assert_int_equal(s->log.shelf.count, 0);
    assert_non_null(strstr(s->said, "ALARM: the log cannot go on in a new file"));
    assert_int_equal(unlinkat(s->dir_fd, "gate104-00000000000000000001.jsonl", 0), 0);
    put(s, 1);
    assert_int_equal(s->log.shelf.count, 0);
    /* It is tried again a minute later. */
    s->log.turn.failed_ms -= 60000;
    put(s, 1);
    assert_int_equal(s->log.shelf.count, 1);
    whole(s, &c);
}

static void a_damaged_older_file_is_put_aside(void **state)
{
    struct stage *s = *state;
    char name[AUDIT_OLD_NAME_SIZE];
    uint64_t last;
    int fd;

    start(s);
    put(s, 30);
    assert_true(audit_rotate(&s->log));
    last = s->log.shelf.old[s->log.shelf.count - 2].last_seq;
    audit_shelf_name(s->log.shelf.old[s->log.shelf.count - 1].first_seq, name);
    end(s);
    assert_int_equal(unlinkat(s->dir_fd, AUDIT_FILE_NAME, 0), 0);
    fd = openat(s->dir_fd, name, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "no record\n", 10), 10);
    (void)close(fd);
    start(s);
    assert_false(exists(s, name));
    assert_true(exists(s, "damaged-1.jsonl"));
    assert_int_equal(s->log.turn.first_seq, last + 1);
    assert_int_equal(chain_count(s->dir, "\"why\":\"damaged\""), 1);
}

/* ---- retention ---- */

static void keep(struct stage *s)
{
    for (unsigned int i = 0; i < 1000 && audit_retain_step(&s->log); i++)
        ;
}

static void retention_by_size(void **state)
{
    struct stage *s = *state;
    struct chain c;

    start(s);
    put(s, 100);
    keep(s);
    whole(s, &c);
    assert_int_equal(c.first_seq, 1);
    s->log.files.retain_size = 20000;
    keep(s);
    whole(s, &c);
    assert_true(c.first_seq > 1);
    assert_in_range(s->log.shelf.octets + s->log.file.written.size, 12000, 20000);
    assert_int_equal(s->log.shelf.count + 1, c.files);
    /* After a restart nothing is known of the files but their names. */
    s->log.files.retain_size = 11000;
    end(s);
    start(s);
    s->log.files.retain_size = 11000;
    keep(s);
    whole(s, &c);
    assert_true(s->log.shelf.octets + s->log.file.written.size <= 11000);
}

static void the_two_newest_files_stay(void **state)
{
    struct stage *s = *state;
    struct chain c;

    start(s);
    put(s, 40);
    s->log.files.retain_size = 1;
    s->log.files.retain_days = 1;
    s->log.files.rotate_size = 0;
    keep(s);
    put(s, 40);
    keep(s);
    whole(s, &c);
    assert_int_equal(c.files, 2);
    assert_true(exists(s, AUDIT_FILE_NAME));
}

static void retention_by_days(void **state)
{
    struct stage *s = *state;
    struct chain c;

    start(s);
    put(s, 60);
    s->log.files.retain_days = 30;
    keep(s);
    whole(s, &c);
    assert_int_equal(c.first_seq, 1);
    s->log.shelf.old[0].utc_ms -= INT64_C(86400000) * 30 - 60000;
    keep(s);
    whole(s, &c);
    assert_int_equal(c.first_seq, 1);
    s->log.shelf.old[0].utc_ms -= 61000;
    /* A younger one behind it that is old, too, by a wrong clock: still one by one. */
    keep(s);
    whole(s, &c);
    assert_int_equal(c.first_seq, s->log.shelf.old[0].first_seq);
    assert_true(c.first_seq > 1);
}

static void what_is_not_shipped_stays(void **state)
{
    struct stage *s = *state;
    uint64_t second;

    start(s);
    put(s, 60);
    s->log.files.retain_size = 1;
    second = s->log.shelf.old[1].first_seq;
    s->log.retain.keep_from_seq = second + 1;
    keep(s);
    assert_int_equal(s->log.shelf.old[0].first_seq, second);
    s->log.retain.keep_from_seq = UINT64_MAX;
    keep(s);
    assert_int_equal(s->log.shelf.count, 1);
}

static void the_record_names_what_goes(void **state)
{
    struct stage *s = *state;
    struct audit_old old;
    char hash[65], last[65], text[400];

    start(s);
    put(s, 45);
    old = s->log.shelf.old[0];
    audit_hex(old.hash, sizeof old.hash, hash);
    audit_hex(old.last_hash, sizeof old.last_hash, last);
    (void)snprintf(
        text, sizeof text,
        "\"event\":\"log.deleted\",\"severity\":\"notice\",\"detail\":"
        "\"gate104-00000000000000000001.jsonl\",\"count\":%d,\"size\":%d,"
        "\"sha256\":\"%s\",\"first_seq\":1,\"last_seq\":%d,\"last_sha256\":\"%s\"",
        (int)old.last_seq, (int)old.size, hash, (int)old.last_seq, last);
    end(s);
    start(s);
    s->log.files.retain_size = 1;
    keep(s);
    if (chain_count(s->dir, text) != 1)
        fail_msg("%s", text);
}

static void a_file_that_others_took(void **state)
{
    struct stage *s = *state;
    struct chain c;

    start(s);
    put(s, 60);
    end(s);
    start(s);
    assert_int_equal(unlinkat(s->dir_fd, "gate104-00000000000000000001.jsonl", 0), 0);
    s->log.files.retain_size = 1 << 20;
    keep(s);
    assert_non_null(strstr(s->said, "ALARM: gate104-00000000000000000001.jsonl is gone"));
    chain_check(s->dir, &c);
    assert_string_not_equal(c.wrong, "");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_older_files),
        T(the_chain_runs_over_files),
        T(a_record_tells_the_hash_of_the_file),
        T(the_chain_goes_on_over_restarts),
        T(a_start_without_a_file_in_use),
        T(rotation_by_time),
        T(a_name_that_is_taken),
        T(a_damaged_older_file_is_put_aside),
        T(retention_by_size),
        T(the_two_newest_files_stay),
        T(retention_by_days),
        T(what_is_not_shipped_stays),
        T(the_record_names_what_goes),
        T(a_file_that_others_took),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
