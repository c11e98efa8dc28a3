/* The index of a CA: what is added is read back, whatever end an interruption leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "certs/ca_file.h"
#include "certs/ca_index.h"

static char folder[] = "/tmp/gate104-ca-index-XXXXXX";
static char path[64];
static char err[256];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/index", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void write_text(const char *text, size_t n)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static struct ca_index *must_open(void)
{
    struct ca_index *ix = ca_index_open(path, err, sizeof err);

    if (!ix)
        fail_msg("%s", err);
    return ix;
}

static void test_adds(void **state)
{
    struct ca_index *ix;
    struct stat st;

    (void)state;
    (void)unlink(path);
    assert_true(ca_index_create(path, err, sizeof err));
    assert_false(ca_index_create(path, err, sizeof err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    ix = must_open();
    assert_int_equal(ca_index_count(ix), 0);
    assert_true(ca_index_add_issued(ix, "0A", 2000, "CN=a b", 1000, err, sizeof err));
    assert_true(ca_index_add_issued(ix, "0B", 2000, "", 1000, err, sizeof err));
    assert_false(ca_index_add_issued(ix, "0A", 2000, "CN=c", 1000, err, sizeof err));
    assert_true(
        ca_index_add_revoked(ix, "0A", CA_REASON_SUPERSEDED, 1500, err, sizeof err));
    assert_false(ca_index_add_revoked(ix, "0A", CA_REASON_SUPERSEDED, 1500, err, 1));
    assert_false(ca_index_add_revoked(ix, "0C", CA_REASON_SUPERSEDED, 1500, err, 1));
    assert_true(ca_index_add_list(ix, 7, 3000, 1500, err, sizeof err));
    assert_false(ca_index_add_list(ix, 7, 3000, 1500, err, sizeof err));
    assert_null(ca_index_open(path, err, sizeof err)); /* locked */
    ca_index_close(ix);

    ix = must_open();
    assert_int_equal(ca_index_count(ix), 2);
    assert_string_equal(ca_index_entry(ix, 0)->subject, "CN=a b");
    assert_true(ca_index_entry(ix, 0)->revoked);
    assert_int_equal(ca_index_entry(ix, 0)->reason, CA_REASON_SUPERSEDED);
    assert_int_equal(ca_index_entry(ix, 0)->revoked_at, 1500);
    assert_int_equal(ca_index_entry(ix, 1)->until, 2000);
    assert_int_equal(ca_index_entry(ix, 1)->issued, 1000);
    assert_false(ca_index_find(ix, "0B")->revoked);
    assert_null(ca_index_find(ix, "0C"));
    assert_int_equal(ca_index_list_number(ix), 7);
    assert_false(ca_index_was_torn(ix));
    ca_index_close(ix);
}

/* Cut anywhere, it opens with the lines that are whole, and can be added to. */
static void test_torn(void **state)
{
    static const char text[] =
        "# head\n"
        "2026-11-21T09:08:08Z issued 0A 2027-11-21T09:08:08Z CN=a\n"
        "2026-11-21T09:08:09Z revoked 0A keyCompromise\n"
        "2026-11-21T09:08:09Z list 1 2026-11-28T09:08:09Z\n";

    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        struct ca_index *ix;
        size_t lines = 0;

        for (size_t i = 0; i < n; i++)
            lines += text[i] == '\n';
        write_text(text, n);
        ix = must_open();
        assert_int_equal(ca_index_was_torn(ix), n > 0 && text[n - 1] != '\n');
        assert_int_equal(ca_index_count(ix), lines >= 2);
        assert_int_equal(lines >= 2 && ca_index_entry(ix, 0)->revoked, lines >= 3);
        assert_int_equal(ca_index_list_number(ix), lines >= 4);
        assert_true(ca_index_add_issued(ix, "0F", 9, "CN=f", 8, err, sizeof err));
        ca_index_close(ix);
        ix = must_open();
        assert_non_null(ca_index_find(ix, "0F"));
        assert_false(ca_index_was_torn(ix));
        ca_index_close(ix);
    }
}

static void test_damaged(void **state)
{
    static const char *const rows[] = {
        "\n",
        "x\n",
        "2026-11-21T09:08:08Z issued 0A 2027-11-21T09:08:08Z\n",
        "2026-11-21T09:08:08Z issued 0a 2027-11-21T09:08:08Z CN=a\n",
        "2026-11-21T09:08:08Z issued 0A 2027-11-21 CN=a\n",
        "2026-11-21 issued 0A 2027-11-21T09:08:08Z CN=a\n",
        "2026-11-21T09:08:08Z sold 0A 2027-11-21T09:08:08Z CN=a\n",
        "2026-11-21T09:08:08Z revoked 0A keyCompromise\n",
        "2026-11-21T09:08:08Z list 0 2027-11-21T09:08:08Z\n",
        "2026-11-21T09:08:08Z list 1x 2027-11-21T09:08:08Z\n",
        "2026-11-21T09:08:08Z issued "
        "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF "
        "2027-11-21T09:08:08Z CN=a\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_text(rows[i], strlen(rows[i]));
        assert_null(ca_index_open(path, err, sizeof err));
        assert_non_null(strstr(err, "line 1 is damaged"));
    }
}

/* A subject cannot bring a line of its own: names come in RFC 2253, and a line end that
 * got here all the same is refused. */
static void test_injection(void **state)
{
    struct ca_index *ix;
    char wide[600];

    (void)state;
    (void)unlink(path);
    assert_true(ca_index_create(path, err, sizeof err));
    ix = must_open();
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    assert_false(ca_index_add_issued(ix, "0A", 2, wide, 1, err, sizeof err));
    assert_false(ca_index_add_issued(ix, "0B", 2, "CN=a\nx", 1, err, sizeof err));
    ca_index_close(ix);
    ix = must_open();
    assert_int_equal(ca_index_count(ix), 0);
    ca_index_close(ix);
}

static void test_reasons(void **state)
{
    static const enum ca_reason reasons[] = {0, 1, 2, 3, 4, 5, 9};
    enum ca_reason got;

    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        assert_true(ca_reason_parse(ca_reason_name(reasons[i]), &got));
        assert_int_equal(got, reasons[i]);
        assert_non_null(strstr(CA_REASON_WORDS, ca_reason_name(reasons[i])));
    }
    assert_false(ca_reason_parse("removeFromCRL", &got));
    assert_false(ca_reason_parse("", &got));
}

/* ---- files ---- */

static void test_files(void **state)
{
    struct stat st;
    size_t n = 0;
    char *text;

    (void)state;
    (void)unlink(path);
    assert_true(ca_file_create(path, "one", 3, CA_MODE_SECRET, err, sizeof err));
    assert_false(ca_file_create(path, "two", 3, CA_MODE_SECRET, err, sizeof err));
    assert_non_null(strstr(err, "nothing is overwritten"));
    text = ca_file_read_secret(path, &n, err, sizeof err);
    assert_non_null(text);
    assert_int_equal(n, 3);
    assert_string_equal(text, "one");
    ca_file_free(text);
    assert_true(ca_file_replace(path, "three", 5, CA_MODE_PUBLIC, err, sizeof err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(st.st_size, 5);
    assert_null(ca_file_read_secret(path, &n, err, sizeof err));
    assert_null(ca_file_read(folder, &n, err, sizeof err));
    assert_false(ca_file_create("/nowhere/at/all", "", 0, 0600, err, sizeof err));
    (void)unlink(path);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_false(ca_file_create(path, "four", 4, CA_MODE_SECRET, err, sizeof err));
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adds),    cmocka_unit_test(test_torn),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_injection),
        cmocka_unit_test(test_reasons), cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
