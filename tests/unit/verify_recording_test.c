/* What a verifier makes of the records about recordings: nothing but a file of the one
 * folder is named, the last word on each counts, and the worst is told. */
#include "proxy/audit_verify_recording.h"

#include "proxy/audit_hash.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH                                                                             \
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* "abc" */
#define TOLD(name, size)                                                                 \
    "\"why\":\"size\",\"detail\":\"" name "\",\"size\":" #size ",\"sha256\":\"" HASH "\""
#define GONE(name) "\"why\":\"deleted\",\"detail\":\"" name "\",\"size\":3"

static char folder[64];
static int dir;

static int make(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/gate104-verify-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(dir, "recordings", 0700), 0);
    return 0;
}

static int drop(void **state)
{
    char command[128];

    (void)state;
    (void)close(dir);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void put(const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static bool tell_from(struct audit_recordings *r, const char *from, const char *event,
                      const char *members)
{
    static uint64_t seq;
    const struct audit_place_in_log at = {.line = ++seq, .seq = seq};
    struct audit_envelope e;
    char line[600];
    char why[200] = "";
    bool good;

    memset(&e, 0, sizeof e);
    (void)snprintf(e.from, sizeof e.from, "%s", from);
    (void)snprintf(e.event, sizeof e.event, "%s", event);
    (void)snprintf(
        line, sizeof line,
        "{\"v\":1,\"seq\":7,\"time\":\"2026-11-21T01:00:00.000Z\",\"mono_ms\":1,"
        "\"boot\":\"00000000\",\"from\":\"%s\",\"event\":\"%s\",\"severity\":"
        "\"notice\",%s,\"prev\":\"" HASH "\"}\n",
        from, event, members);
    good = audit_recordings_take(r, &at, &e, line, strlen(line), why, sizeof why);
    assert_true(good || why[0] != '\0');
    return good;
}

static bool tell(struct audit_recordings *r, const char *members)
{
    return tell_from(r, "audit-0", "log.recorded", members);
}

static void test_what_is_named(void **state)
{
    static const char *const bad[] = {
        TOLD("recordings/../x.pcapng", 3),
        TOLD("recordings/a/b.pcapng", 3),
        TOLD("recordings/a.pcap", 3),
        TOLD("recordings/.pcapng", 3),
        TOLD("/recordings/a.pcapng", 3),
        TOLD("a.pcapng", 3),
        TOLD("recordings/a b.pcapng", 3),
        "\"why\":\"size\",\"detail\":\"recordings/a.pcapng\",\"size\":3",
        "\"why\":\"size\",\"detail\":\"recordings/a.pcapng\",\"sha256\":\"" HASH "\"",
        "\"detail\":\"recordings/a.pcapng\",\"size\":3,\"sha256\":\"" HASH "\"",
        "\"why\":\"size\",\"size\":3,\"sha256\":\"" HASH "\"",
    };
    struct audit_recordings r = {.n = 0};

    (void)state;
    assert_true(tell(&r, TOLD("recordings/r-1._A.pcapng", 3)));
    assert_true(tell(&r, GONE("recordings/r-1._A.pcapng")));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (tell(&r, bad[i]))
            fail_msg("row %zu", i);
    }
    assert_int_equal(r.n, 2);
    /* Others may say what they like. */
    assert_true(tell_from(&r, "gate-0", "log.recorded", bad[0]));
    assert_true(tell_from(&r, "audit-0", "log.rotated", bad[0]));
    assert_int_equal(r.n, 2);
    audit_recordings_free(&r);
}

static enum audit_recordings_state check(struct audit_recordings *r, uint64_t named,
                                         uint64_t good, const char *word)
{
    struct audit_recordings_summary s;
    struct audit_place_in_log at = {.seq = 0};
    char why[200] = "";
    enum audit_recordings_state state =
        audit_recordings_check(r, dir, &s, &at, why, sizeof why);

    assert_int_equal(s.named, named);
    assert_int_equal(s.good, good);
    if (word && !strstr(why, word))
        fail_msg("\"%s\" is not \"%s\"", why, word);
    assert_true((state == AUDIT_RECORDINGS_GOOD) == (at.seq == 0));
    audit_recordings_free(r);
    return state;
}

static void test_the_last_word(void **state)
{
    struct audit_recordings r = {.n = 0};

    (void)state;
    put("recordings/a.pcapng", "abc");
    put("recordings/b.pcapng.open", "abc");
    assert_true(tell(&r, TOLD("recordings/a.pcapng", 9)));
    assert_true(tell(&r, TOLD("recordings/b.pcapng", 3)));
    assert_true(tell(&r, TOLD("recordings/c.pcapng", 3)));
    assert_true(tell(&r, TOLD("recordings/a.pcapng", 3)));
    assert_true(tell(&r, GONE("recordings/c.pcapng")));
    assert_int_equal(check(&r, 2, 2, NULL), AUDIT_RECORDINGS_GOOD);
}

static void test_the_worst_is_told(void **state)
{
    struct audit_recordings r = {.n = 0};

    (void)state;
    put("recordings/a.pcapng", "abd");
    put("recordings/b.pcapng", "abcd");
    put("recordings/c.pcapng", "abc");
    assert_int_equal(symlinkat("c.pcapng", dir, "recordings/l.pcapng"), 0);
    assert_true(tell(&r, TOLD("recordings/none.pcapng", 3)));
    assert_int_equal(check(&r, 1, 0, "none.pcapng is missing"), AUDIT_RECORDINGS_MISSING);
    assert_true(tell(&r, TOLD("recordings/none.pcapng", 3)));
    assert_true(tell(&r, TOLD("recordings/b.pcapng", 3)));
    assert_true(tell(&r, TOLD("recordings/a.pcapng", 3)));
    assert_int_equal(check(&r, 3, 0, "b.pcapng has 4 octets, and had 3"),
                     AUDIT_RECORDINGS_CHANGED);
    assert_true(tell(&r, TOLD("recordings/a.pcapng", 3)));
    assert_int_equal(check(&r, 1, 0, "a.pcapng was changed"), AUDIT_RECORDINGS_CHANGED);
    assert_true(tell(&r, TOLD("recordings/l.pcapng", 3)));
    assert_int_equal(check(&r, 1, 0, "l.pcapng"), AUDIT_RECORDINGS_CHANGED);
    assert_int_equal(mkfifoat(dir, "recordings/f.pcapng", 0600), 0);
    assert_true(tell(&r, TOLD("recordings/f.pcapng", 0)));
    assert_int_equal(check(&r, 1, 0, "f.pcapng is no file"), AUDIT_RECORDINGS_CHANGED);
}

static void test_many(void **state)
{
    struct audit_recordings r = {.n = 0};
    char name[400];

    (void)state;
    for (unsigned int i = 0; i < 1000; i++) {
        (void)snprintf(
            name, sizeof name,
            "\"why\":\"size\",\"detail\":\"recordings/r-%u.pcapng\",\"size\":3,"
            "\"sha256\":\"" HASH "\"",
            (i * 7919) % 1000);
        assert_true(tell(&r, name));
        (void)snprintf(
            name, sizeof name,
            "\"why\":\"deleted\",\"detail\":\"recordings/r-%u.pcapng\",\"size\":3",
            (i * 7919) % 1000);
        assert_true(i == 500 || tell(&r, name));
    }
    assert_int_equal(check(&r, 1, 0, "missing"), AUDIT_RECORDINGS_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_named, make, drop),
        cmocka_unit_test_setup_teardown(test_the_last_word, make, drop),
        cmocka_unit_test_setup_teardown(test_the_worst_is_told, make, drop),
        cmocka_unit_test_setup_teardown(test_many, make, drop),
    };

    return audit_hash_warm_up() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
