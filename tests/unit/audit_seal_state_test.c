/* The state of the seals on disk. */
#include "tests/lib/seal_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_comes_back(void **state)
{
    struct audit_seal_state s = seal_lab.first;
    struct audit_seal_state got;
    struct stat st;

    (void)state;
    s.epoch = UINT64_C(9007199254740991);
    assert_true(audit_seal_state_store(seal_lab.dir_fd, &s));
    assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &got), AUDIT_SEAL_FOUND);
    assert_int_equal(got.epoch, s.epoch);
    assert_memory_equal(got.key_id, s.key_id, sizeof s.key_id);
    assert_memory_equal(got.mac_key, s.mac_key, sizeof s.mac_key);
    assert_int_equal(fstatat(seal_lab.dir_fd, AUDIT_SEAL_STATE_NAME, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(fstatat(seal_lab.dir_fd, AUDIT_SEAL_STATE_NEW, &st, 0), -1);
}

/* The file that is replaced holds nothing of its key afterwards. */
static void test_old_key_is_gone(void **state)
{
    struct audit_seal_state s = seal_lab.first;
    char hex[2 * AUDIT_MAC_KEY_SIZE + 1];
    char text[256];
    int old = openat(seal_lab.dir_fd, AUDIT_SEAL_STATE_NAME, O_RDONLY);
    ssize_t n;

    (void)state;
    assert_true(old >= 0);
    audit_hex(seal_lab.first.mac_key, sizeof seal_lab.first.mac_key, hex);
    n = pread(old, text, sizeof text, 0);
    assert_true(n > 0 && memmem(text, (size_t)n, hex, sizeof hex - 1));
    assert_true(audit_seal_next(s.mac_key));
    s.epoch = 2;
    assert_true(audit_seal_state_store(seal_lab.dir_fd, &s));
    n = pread(old, text, sizeof text, 0);
    assert_true(n > 0);
    assert_null(memmem(text, (size_t)n, hex, sizeof hex - 1));
    (void)close(old);
}

/* Each octet counts, and nothing may be missing or too much. */
static void test_damaged(void **state)
{
    struct audit_seal_state got;
    char text[256];
    size_t n = seal_lab_read(AUDIT_SEAL_STATE_NAME, text, sizeof text);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        text[i] ^= 1;
        seal_lab_write(AUDIT_SEAL_STATE_NAME, text, n);
        assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &got),
                         AUDIT_SEAL_DAMAGED);
        text[i] ^= 1;
    }
    for (size_t i = 0; i < n; i++) {
        seal_lab_write(AUDIT_SEAL_STATE_NAME, text, i);
        assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &got),
                         AUDIT_SEAL_DAMAGED);
    }
    text[n] = '\n';
    seal_lab_write(AUDIT_SEAL_STATE_NAME, text, n + 1);
    assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &got), AUDIT_SEAL_DAMAGED);
    seal_lab_write(AUDIT_SEAL_STATE_NAME, text, n);
    assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &got), AUDIT_SEAL_FOUND);
    assert_int_equal(fchmodat(seal_lab.dir_fd, AUDIT_SEAL_STATE_NAME, 0604, 0), 0);
    assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &got), AUDIT_SEAL_OPEN);
    seal_lab_forget(AUDIT_SEAL_STATE_NAME);
    assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &got), AUDIT_SEAL_MISSING);
}

/* What a writer that died left is no hindrance. */
static void test_half_written(void **state)
{
    struct audit_seal_state s = seal_lab.first;

    (void)state;
    seal_lab_write(AUDIT_SEAL_STATE_NEW, "half", 4);
    s.epoch = 2;
    assert_true(audit_seal_state_store(seal_lab.dir_fd, &s));
    assert_int_equal(audit_seal_state_load(seal_lab.dir_fd, &s), AUDIT_SEAL_FOUND);
    assert_int_equal(s.epoch, 2);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup(f, seal_lab_fresh)
    const struct CMUnitTest tests[] = {
        CASE(test_comes_back),
        CASE(test_old_key_is_gone),
        CASE(test_damaged),
        CASE(test_half_written),
    };
#undef CASE

    return cmocka_run_group_tests(tests, seal_lab_open, seal_lab_close);
}
