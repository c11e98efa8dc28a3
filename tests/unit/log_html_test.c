/* Every octet in an HTML text: none that could be markup or turn the line comes through.
 */
#include "proxy/cli/log_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *html(const char *text)
{
    char *out = NULL;
    size_t n;
    FILE *f = open_memstream(&out, &n);

    assert_non_null(f);
    log_html(f, text);
    (void)fclose(f);
    return out;
}

static void test_octets(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        char text[2] = {(char)c, '\0'};
        char *out = html(text);

        assert_null(strpbrk(out, "<>\"'`"));
        assert_true(c == '&' || strchr("<>\"'`", c) ? out[0] == '&' : out[0] != '&');
        for (const char *p = out; *p; p++)
            assert_true(*p >= 0x20 && *p < 0x7F);
        free(out);
    }
}

static void test_text(void **state)
{
    char *out = html("<script>a('\"&')</script>\xE2\x80\xAE");

    (void)state;
    assert_string_equal(out, "&lt;script&gt;a(&#39;&quot;&amp;&#39;)&lt;/script&gt;"
                             "\\xE2\\x80\\xAE");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_octets),
                                       cmocka_unit_test(test_text)};

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
