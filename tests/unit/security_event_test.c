/* The catalogue of security events, the failures that lead to it, and the map from
 * libcrypto's verdicts, which must know every one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509_vfy.h>

#include "certs/role_set.h"
#include "certs/security_event.h"
#include "certs/tls_failure.h"
#include "certs/x509_failure.h"

#define EVENTS_MOST 1000u

static void events_are_well_formed(void **state)
{
    unsigned int n = 0;
    int last = 0;

    (void)state;
    for (; n < EVENTS_MOST && security_event_at(n); n++) {
        const struct security_event_info *e = security_event_at(n);
        int part, group, number, end = 0;

        assert_int_equal(
            sscanf(e->id, "IEC62351-%d:%d.%d%n", &part, &group, &number, &end), 3);
        assert_int_equal(end, strlen(e->id));
        assert_int_equal(e->event, SECURITY_EVENT_NUMBER(part, group, number));
        /* In order, so none twice. */
        assert_true((int)e->event > last);
        last = (int)e->event;
        /* IEC 62351-14: the widths of the fields, and the letters of a mnemonic. */
        assert_true(strlen(e->id) <= 32 && strlen(e->text) <= 128);
        assert_true(strlen(e->mnemonic) > 0 && strlen(e->mnemonic) <= 64);
        assert_int_equal(strspn(e->mnemonic, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"),
                         strlen(e->mnemonic));
        assert_non_null(strstr("notice warning error alarm", e->severity));
        assert_ptr_equal(security_event_info(e->event), e);
        assert_ptr_equal(security_event_of_id(e->id, strlen(e->id)), e);
        assert_ptr_not_equal(security_event_of_id(e->id, strlen(e->id) - 1), e);
        /* No mnemonic twice. */
        assert_int_equal(security_event_named(e->mnemonic), e->event);
    }
    assert_in_range(n, 80, EVENTS_MOST - 1);
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    assert_null(security_event_info(0));
    assert_null(security_event_info(30299));
    assert_null(security_event_of_id("IEC62351-3:2.99", 15));
    assert_null(security_event_of_id("", 0));
    assert_null(security_event_info(UINT64_MAX));
    assert_null(security_event_info((1ull << 32) + SECURITY_TLS_CERT_REVOKED));
    assert_int_equal(security_event_named(""), SECURITY_NONE);
    assert_int_equal(security_event_named("TLS_CERT"), SECURITY_NONE);
}

static void the_standard_by_hand(void **state)
{
    static const struct {
        int number;
        const char *id, *mnemonic, *severity;
    } rows[] = {
        {30101, "IEC62351-3:1.1", "TLS_HS_SUCCESS", "notice"},
        {30204, "IEC62351-3:2.4", "TLS_CERT_REVOKED", "alarm"},
        {30208, "IEC62351-3:2.8", "TLS_CERT_EXP", "alarm"},
        {30214, "IEC62351-3:2.14", "TLS_DEP_HASH", "warning"},
        {90207, "IEC62351-9:2.7", "CERT_V_PK_EARLY", "error"},
        {90212, "IEC62351-9:2.12", "CERT_V_PKCE_CEXT", "error"},
        {90404, "IEC62351-9:4.4", "CERT_V_CRL_SIG_FAIL", "warning"},
        {140403, "IEC62351-14:4.3", "COMM_SA_ESTABLISHMENT_FAIL", "error"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct security_event_info *e =
            security_event_info((unsigned long long)rows[i].number);

        assert_non_null(e);
        assert_string_equal(e->id, rows[i].id);
        assert_string_equal(e->mnemonic, rows[i].mnemonic);
        assert_string_equal(e->severity, rows[i].severity);
    }
}

/* Every failure has an event, and group and number in its row are that event's. */
static void failures_have_events(void **state)
{
    static const enum tls_failure all[] = {
#define X(symbol, id, name, event, mnemonic, text) symbol,
#include "certs/tls_failure.def"
#undef X
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct tls_failure_info *f = tls_failure_info(all[i]);
        const struct security_event_info *e =
            security_event_info(security_event_named(f->mnemonic));

        if (all[i] == TLS_FAIL_NONE)
            continue;
        if (!e || strcmp(strchr(e->id, ':') + 1, f->event) != 0)
            fail_msg("%s: no event %s %s", f->name, f->event, f->mnemonic);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(f->name, tls_failure_info(all[j])->name);
    }
}

static void role_events_have_events(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ROLE_EVENTS; i++) {
        const struct role_event_info *r = role_event_info(i);
        const struct security_event_info *e =
            security_event_info(security_event_named(r->mnemonic));
        char id[32];

        (void)snprintf(id, sizeof id, "IEC62351-8:%s", r->number);
        if (!e || strcmp(e->id, id) != 0)
            fail_msg("no event %s %s", id, r->mnemonic);
    }
}

/* ---- libcrypto's verdicts ---- */

static const struct {
    const char *name;
    int error;
} mapped[] = {
#define X(error, failure) {#error, error},
#include "certs/x509_failure.def"
#undef X
};

static bool is_mapped(const char *name)
{
    for (size_t i = 0; i < sizeof mapped / sizeof mapped[0]; i++) {
        if (strcmp(mapped[i].name, name) == 0)
            return true;
    }
    return false;
}

static FILE *open_header(void)
{
    static const char *const places[] = {
        "/usr/include/openssl/x509_vfy.h",
        "/usr/local/include/openssl/x509_vfy.h",
    };

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        FILE *f = fopen(places[i], "r");

        if (f)
            return f;
    }
    return NULL;
}

static void every_verdict_is_mapped(void **state)
{
    FILE *f = open_header();
    unsigned int n = 0;
    char line[512];

    (void)state;
    if (!f)
        skip();
    while (fgets(line, sizeof line, f)) {
        char name[128];

        if (sscanf(line, " # define %127s", name) != 1 &&
            sscanf(line, "# define %127s", name) != 1)
            continue;
        if (strncmp(name, "X509_V_ERR_", 11) != 0)
            continue;
        n++;
        if (!is_mapped(name))
            fail_msg("%s is not in x509_failure.def", name);
    }
    assert_int_equal(fclose(f), 0);
    assert_in_range(n, 90, sizeof mapped / sizeof mapped[0]);
}

static void no_verdict_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mapped / sizeof mapped[0]; i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(mapped[i].error, mapped[j].error);
        assert_int_not_equal(x509_failure(mapped[i].error), TLS_FAIL_NONE);
    }
    assert_int_equal(x509_failure(X509_V_ERR_CERT_REVOKED), TLS_FAIL_REVOKED);
    assert_int_equal(x509_failure(9999), TLS_FAIL_CHAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_well_formed),
        cmocka_unit_test(numbers_that_are_none),
        cmocka_unit_test(the_standard_by_hand),
        cmocka_unit_test(failures_have_events),
        cmocka_unit_test(role_events_have_events),
        cmocka_unit_test(every_verdict_is_mapped),
        cmocka_unit_test(no_verdict_twice),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
