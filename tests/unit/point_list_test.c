/* Lists of points: every error with its line and remedy, what spreadsheets write, many.
 */
#include "proxy/point_list.h"
#include "proxy/point_names.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/point_list_test.XXXXXX";
static char path[64];
static struct config_errors errs;
static struct point_list list;

static int setup(void **state)
{
    (void)state;
    config_errors_init(&errs);
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/points.csv", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    config_errors_free(&errs);
    return rmdir(folder);
}

static bool load_octets(const void *octets, size_t n)
{
    const struct config_place at = {"gate104.conf", 7, "points"};
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(octets, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    config_errors_free(&errs);
    config_errors_init(&errs);
    return point_list_load(path, &at, &errs, &list);
}

static bool load(const char *text)
{
    return load_octets(text, strlen(text));
}

/* ---- what spreadsheets write ---- */

static void expect_two(const char *text)
{
    const struct point *p;

    if (!load(text)) {
        config_errors_print(&errs, stderr);
        fail();
    }
    assert_int_equal(errs.count, 0);
    assert_int_equal(list.count, 2);
    p = point_list_by_name(&list, "Feeder 1 \xC3\xBC");
    assert_non_null(p);
    assert_int_equal(p->ca, 1);
    assert_int_equal(p->ioa, 1001);
    assert_int_equal(p->type, 45);
    assert_int_equal(p->select, POINT_SELECT_YES);
    assert_string_equal(point_list_text(&list, p->unit), "");
    assert_string_equal(point_list_text(&list, p->role), "OPERATOR");
    assert_false(p->has_min || p->has_max);
    p = point_list_by_name(&list, "Set \"U\", bus");
    assert_non_null(p);
    assert_int_equal(p->type, 50);
    assert_int_equal(p->select, POINT_SELECT_UNSAID);
    assert_string_equal(point_list_text(&list, p->unit), "kV");
    assert_true(p->has_min && p->has_max);
    assert_float_equal(p->min, -0.5, 0);
    assert_float_equal(p->max, 110.25, 0);
    assert_null(point_list_by_name(&list, "Feeder 1"));
    point_list_free(&list);
}

static void test_forms(void **state)
{
    (void)state;
    expect_two("name,ca,ioa,type,unit,min,max,select,role\n"
               "Feeder 1 \xC3\xBC,1,1001,C_SC_NA_1,,,,yes,OPERATOR\n"
               "\"Set \"\"U\"\", bus\",1,1301,C_SE_NC_1,kV,-0.5,110.25,,\n");
    expect_two("\xEF\xBB\xBFName;CA;IOA;Type;Unit;Min;Max;Select;Role\r\n"
               "Feeder 1 \xC3\xBC;1;1001;C_SC_NA_1;;;;TRUE;OPERATOR\r\n"
               ";;;;;;;;\r\n"
               "\"Set \"\"U\"\", bus\";1;1301;C_SE_NC_1;kV;-0,5;110,25;;\r\n"
               "\r\n;;;\r\n");
    expect_two("role\tselect\tmax\tmin\tunit\ttype\tioa\tca\tname\r"
               "OPERATOR\t1\t\t\t\t45\t1001\t1\t  Feeder 1 \xC3\xBC \r\r"
               "\t\t110.25\t-5e-1\tkV\t50\t01301\t1\t\"Set \"\"U\"\", bus\"  ");
    expect_two("sep=;\r\nIOA;\"name\";type;ca;;min;max;role;select;unit;;\r\n"
               "1301;\"Set \"\"U\"\", bus\";C_SE_NC_1;1;;-.5;110,25;;;kV\r\n"
               "1001;Feeder 1 \xC3\xBC;C_SC_NA_1;1;;;;OPERATOR;Yes\r\n");
}

static void test_other_columns(void **state)
{
    (void)state;
    assert_true(load("name;ca;ioa;type;Cable;IEC\na;1;2;M_SP_NA_1;\"1\n2\";x\n"
                     "b;1;3;M_SP_NA_1;;\n"));
    assert_int_equal(errs.warnings, 2);
    assert_string_equal(errs.item[0].what, "the column \"Cable\" is not read");
    assert_int_equal(list.count, 2);
    assert_int_equal(point_list_by_name(&list, "b")->line, 4);
    point_list_free(&list);
}

/* ---- errors ---- */

static void expect(const char *text, unsigned int line, const char *what,
                   const char *remedy)
{
    assert_false(load(text));
    assert_true(errs.count > 0);
    const struct config_finding *f = &errs.item[errs.count - 1];
    assert_string_equal(f->what, what);
    assert_string_equal(f->remedy, remedy);
    assert_int_equal(f->line, line);
    assert_string_equal(f->file, path);
    assert_int_equal(errs.errors, 1);
    assert_int_equal(list.count, 0);
    assert_null(list.point);
}

#define HEAD "name,ca,ioa,type,min,max,select,unit,role\n"

static void test_header(void **state)
{
    static const char first[] = "write a first row with name, ca, ioa and type";

    (void)state;
    expect("", 0, "the list is empty", first);
    expect("\n\n;;\n", 0, "the list is empty", first);
    expect(HEAD, 0, "the list has no points", "write a row for each point");
    expect("name,ca,type\n", 1, "the column is missing", first);
    assert_string_equal(errs.item[0].key, "ioa");
    expect("name,ca,ioa,type,ca\n", 1, "the column is there twice", "remove one of them");
}

static void test_misspelt_column(void **state)
{
    (void)state;
    expect("name,ca,ioa,type,slect\na,1,1,45,yes\n", 1, "unknown column \"slect\"",
           "did you mean \"select\"?");
    expect("name,ca,ioa,type,rol\n", 1, "unknown column \"rol\"",
           "did you mean \"role\"?");
}

static void test_cells(void **state)
{
    static const char address[] = "write 1 to 65534";
    static const char object[] = "write 1 to 16777215";
    static const char select[] = "write \"yes\", \"no\" or nothing";

    (void)state;
    expect(HEAD ",1,1,45\n", 2, "\"\" is no name", "give each point a name");
    expect(HEAD "a*,1,1,45\n", 2,
           "\"a*\" has an asterisk, which stands for any letters in rules",
           "choose another letter");
    expect(HEAD "a,0,1,45\n", 2, "\"0\" is out of range", address);
    expect(HEAD "\na,65535,1,45\n", 3, "\"65535\" is out of range", address);
    expect(HEAD "a,,1,45\n", 2, "\"\" is no address", address);
    expect(HEAD "a,1.0,1,45\n", 2, "\"1.0\" is no address", address);
    expect(HEAD "a,-1,1,45\n", 2, "\"-1\" is no address", address);
    expect(HEAD "a,4294967297,1,45\n", 2, "\"4294967297\" is out of range", address);
    expect(HEAD "a,18446744073709551617,1,45\n", 2,
           "\"18446744073709551617\" is no address", address);
    expect(HEAD "a,1,16777216,45\n", 2, "\"16777216\" is out of range", object);
    expect(HEAD "a,1,0,45\n", 2, "\"0\" is out of range", object);
    expect(HEAD "a,1,1,C_SC_NB_1\n", 2, "\"C_SC_NB_1\" is no type of IEC 60870-5-104",
           "did you mean \"C_SC_NA_1\"?");
    expect(HEAD "a,1,1,301\n", 2, "\"301\" is no type of IEC 60870-5-104",
           "write a name such as \"M_SP_NA_1\" or its number");
    expect(HEAD "a,1,1,C_IC_NA_1\n", 2, "\"C_IC_NA_1\" is about no single point",
           "remove the row");
    expect(HEAD "a,1,1,50,x,\n", 2, "\"x\" is no number",
           "write a number such as 110 or 0.5, without blanks");
    expect(HEAD "a,1,1,50,\"1,5\",\n", 2, "\"1,5\" is no number",
           "write a number such as 110 or 0.5, without blanks");
    expect(HEAD "a,1,1,50,1e999,\n", 2, "\"1e999\" is no number",
           "write a number such as 110 or 0.5, without blanks");
    expect(HEAD "a,1,1,50,2,1\n", 2, "\"2\" is larger than what stands under max",
           "write the smaller number under min");
    expect(HEAD "a,1,1,49,,40000\n", 2, "\"40000\" is outside the type",
           "numbers of C_SE_NB_1 go from -32768 to 32767");
    expect(HEAD "a,1,1,30,-1,\n", 2, "\"-1\" is outside the type",
           "numbers of M_SP_TB_1 go from 0 to 1");
    expect(HEAD "a,1,1,70,1,\n", 2, "\"70\" is about no single point", "remove the row");
    expect(HEAD "a,1,1,102,1,\n", 2, "\"1\" limits a type without numbers",
           "leave the cell empty");
    expect(HEAD "a,1,1,45,,,maybe\n", 2, "\"maybe\" is neither", select);
    expect(HEAD "a,1,1,1,,,yes\n", 2, "\"yes\" asks for a select, and the type has none",
           "write \"no\"");
}

static void test_texts(void **state)
{
    char text[400];

    (void)state;
    for (unsigned int n = 63; n <= 64; n++) {
        (void)snprintf(text, sizeof text, HEAD "%0*d,1,1,45\n", n, 1);
        assert_int_equal(load(text), n == 63);
        point_list_free(&list);
    }
    assert_string_equal(errs.item[0].remedy, "use at most 63 octets");
    expect(HEAD "a,1,1,45,,,,01234567890123456789012345678901\n", 2,
           "\"01234567890123456789012345678901\" is too long", "use at most 31 octets");
    static const char *const unseen[] = {"a\tb",
                                         "a\x01",
                                         "a\x7F",
                                         "a\xC2\x85",
                                         "a\xE2\x80\xAE"
                                         "b",
                                         "a\xE2\x81\xA7"
                                         "b",
                                         "\"a\nb\"",
                                         "a\xC2\xA0"
                                         "b",
                                         "a\xC2\xAD"
                                         "b",
                                         "a\xE3\x80\x80"
                                         "b",
                                         "a\xEF\xBB\xBF"};
    for (size_t i = 0; i < sizeof unseen / sizeof unseen[0]; i++) {
        (void)snprintf(text, sizeof text, HEAD "%s,1,1,45\n", unseen[i]);
        assert_false(load(text));
        assert_int_equal(errs.item[0].line, 2);
        assert_string_equal(errs.item[0].remedy,
                            "write letters that can be seen, and ordinary blanks");
    }
    assert_true(load(
        HEAD
        "\xC2\xB0 \xE2\x80\x93 \xE2\x82\xAC \xEF\xBC\xA1 \xF0\x9F\x94\x8C,1,1,45\n"));
    point_list_free(&list);
}

static void test_csv(void **state)
{
    static const char close[] = "close it, and write \"\" for a quote within quotes";
    static const char separator[] = "put a cell that contains the separator in quotes";

    (void)state;
    expect(HEAD "a,1,1,45\n\"b,1,2,45\nc,1,3,45\n", 3, "a quote is not closed", close);
    expect(HEAD "\"a\"b,1,1,45\n", 2, "something follows a quoted cell",
           "write \"\" for a quote within quotes");
    expect(HEAD "a\"b,1,1,45\n", 2, "a quote stands within a cell",
           "put the whole cell in quotes and write \"\" for the quote");
    expect(HEAD "a,1,1,45,,,,,,x\n", 2, "the row has 10 cells and the first one 9",
           separator);
    assert_true(load(HEAD "a,1,1,45,,,,,,,\n"));
    point_list_free(&list);
}

static void test_octets(void **state)
{
    static const char save[] = "save it as \"CSV UTF-8\"";
    static const char utf16[] = "\xFF\xFEn\0a\0m\0e\0";
    static const char utf16_bare[] = "\0n\0a";

    (void)state;
    assert_false(load_octets(utf16, sizeof utf16 - 1));
    assert_string_equal(errs.item[0].what, "this is UTF-16, not UTF-8");
    assert_string_equal(errs.item[0].remedy, save);
    assert_false(load_octets(utf16_bare, sizeof utf16_bare - 1));
    assert_string_equal(errs.item[0].what, "this is UTF-16, not UTF-8");
    expect(HEAD "a,1,1,45\nL\xFC"
                "cke,1,2,45\n",
           3, "octet 0xFC is not UTF-8", save);
    assert_false(load_octets(HEAD "a,1,1,45\na\0b,1,2,45\n", sizeof HEAD + 9 + 11));
    assert_string_equal(errs.item[0].what, "the octet 0 is no letter of a text");
    assert_int_equal(errs.item[0].line, 3);
}

static void test_duplicates(void **state)
{
    (void)state;
    expect(HEAD "a,1,1,45\nb,1,2,45\n\na,1,3,45\n", 5, "\"a\" is the name of line 2, too",
           "give each point a name of its own");
    expect(HEAD "a,1,1,45\nb,1,2,45\nc,1,1,C_SC_NA_1\n", 4,
           "CA 1, IOA 1, C_SC_NA_1 is the point of line 2, too", "remove one of them");
    assert_true(load(HEAD "a,1,1,45\nA,1,1,1\nb,2,1,45\n"));
    point_list_free(&list);
}

/* ---- files ---- */

static void expect_file(const char *name, const char *what)
{
    const struct config_place at = {"gate104.conf", 7, "points"};
    char text[200] = "";
    const char *at_name = strstr(what, "%s");

    assert_non_null(at_name);
    config_errors_free(&errs);
    config_errors_init(&errs);
    assert_false(point_list_load(name, &at, &errs, &list));
    assert_int_equal(errs.errors, 1);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at_name - what), what, name,
                   at_name + 2);
    assert_string_equal(errs.item[0].what, text);
    assert_int_equal(errs.item[0].line, 7);
    assert_string_equal(errs.item[0].file, "gate104.conf");
}

static void test_files(void **state)
{
    (void)state;
    expect_file(folder, "\"%s\" is a directory");
    expect_file("/nonexistent/x.csv", "cannot open \"%s\": No such file or directory");
    (void)load("");
    assert_int_equal(truncate(path, 100 << 20), 0);
    expect_file(path, "\"%s\" is larger than 67108864 octets");
    if (geteuid() == 0)
        return;
    assert_int_equal(chmod(path, 0), 0);
    expect_file(path, "cannot open \"%s\": Permission denied");
    assert_int_equal(chmod(path, 0600), 0);
}

/* A row of a megabyte, with and without quotes. */
static void test_long_rows(void **state)
{
    const size_t n = 1 << 20;
    char *text = malloc(n + 100);

    (void)state;
    assert_non_null(text);
    for (int quoted = 0; quoted < 2; quoted++) {
        memset(text, 'x', n + 100);
        memcpy(text, HEAD, sizeof HEAD - 1);
        if (quoted)
            text[sizeof HEAD - 1] = '"';
        (void)strcpy(text + n, quoted ? "\",1,1,45\n" : ",1,1,45\n");
        expect(text, 2,
               quoted ? "a quote is not closed" : "the row has more than 65536 octets",
               quoted ? "close it, and write \"\" for a quote within quotes"
                      : "look whether this is the list of points");
    }
    memset(text, ',', 300);
    memcpy(text + 300, "\n", 2);
    text[0] = 'x';
    expect(text, 1, "the row has more than 256 cells",
           "keep only the columns that are read");
    free(text);
}

/* ---- many ---- */

static char *make_many(size_t n, const char *type)
{
    char *text = malloc(64 + n * 64);
    size_t used;

    assert_non_null(text);
    used = (size_t)sprintf(text, "name;ca;ioa;type\r\n");
    for (size_t i = 0; i < n; i++)
        used += (size_t)sprintf(text + used, "Feeder %zu;%zu;%zu;%s\r\n", i, i % 1000 + 1,
                                (i * 7919) % 16000000 + 1, type);
    return text;
}

static void test_many(void **state)
{
    char *text = make_many(100000, "C_SC_NA_1");
    struct point_names names;

    (void)state;
    assert_true(load(text));
    assert_int_equal(list.count, 100000);
    for (size_t i = 1; i < list.count; i++) {
        const struct point *p = &list.point[i], *q = p - 1;
        assert_true(p->ca > q->ca || (p->ca == q->ca && p->ioa > q->ioa));
    }
    assert_true(point_list_names(&list, &names));
    for (size_t i = 0; i < list.count; i++) {
        const struct point *p = &list.point[i];
        const char *name = point_list_text(&list, p->name);
        assert_ptr_equal(point_list_by_name(&list, name), p);
        assert_int_equal(point_list_from(&list, p->ca, p->ioa), i);
        assert_string_equal(point_names_find(&names, p->ca, p->ioa, p->type), name);
        assert_null(point_names_find(&names, p->ca, p->ioa, 50));
    }
    assert_int_equal(point_list_from(&list, 65534, 1), list.count);
    point_names_free(&names);
    point_list_free(&list);
    free(text);
    text = make_many(POINT_LIST_MAX + 1, "C_SC_NA_1");
    expect(text, POINT_LIST_MAX + 2, "the list has more than 200000 points",
           "split it over several routes");
    free(text);
}

static void test_many_errors(void **state)
{
    char *text = make_many(100000, "C_SC_NB_1");

    (void)state;
    assert_false(load(text));
    assert_int_equal(errs.count, 51);
    assert_string_equal(errs.item[49].remedy, "did you mean \"C_SC_NA_1\"?");
    assert_string_equal(errs.item[50].what, "there may be more errors than the 50 told");
    free(text);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_true(load(HEAD "Feeder 1 breaker,1,1,45\nTransformer,1,2,45\n"));
    assert_string_equal(point_list_nearest(&list, "feeder1 braker"), "Feeder 1 breaker");
    assert_null(point_list_nearest(&list, "xyz"));
    point_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),       cmocka_unit_test(test_other_columns),
        cmocka_unit_test(test_header),      cmocka_unit_test(test_misspelt_column),
        cmocka_unit_test(test_cells),       cmocka_unit_test(test_texts),
        cmocka_unit_test(test_csv),         cmocka_unit_test(test_octets),
        cmocka_unit_test(test_duplicates),  cmocka_unit_test(test_files),
        cmocka_unit_test(test_long_rows),   cmocka_unit_test(test_many),
        cmocka_unit_test(test_many_errors), cmocka_unit_test(test_nearest),
    };

    return cmocka_run_group_tests_name("point list", tests, setup, teardown);
}
