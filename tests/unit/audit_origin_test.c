/* Who may tell of what in the log. */
#include "proxy/audit_origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct audit_route routes[] = {
    {.name = "a", .gate = 0}, {.name = "b", .gate = 1}, {.name = "c", .gate = 1}};
static const struct audit_config config = {.route_count = 3, .route = routes};

static bool may(enum role sender, uint32_t id, enum event event, uint64_t route,
                const char *process)
{
    const uint8_t *payload;
    struct record_head head;
    struct record r;
    size_t n;

    record_begin(&r, event, 0, false);
    if (route != UINT64_MAX)
        record_u64(&r, RECORD_ROUTE, route);
    record_text(&r, RECORD_WHY, "a test");
    if (process)
        record_text(&r, RECORD_PROCESS, process);
    n = record_end(&r, &payload);
    assert_true(record_check(payload, n, &head));
    return audit_origin_good(&config, sender, id, &head, payload, n);
}

static void test_subjects(void **state)
{
    static const struct {
        enum event event;
        bool broker, gate;
    } rows[] = {
        {EVENT_SESSION_OPEN, true, true},
        {EVENT_SESSION_CLOSE, true, true},
        {EVENT_COMMAND, false, true},
        {EVENT_REFUSED, false, true},
        {EVENT_TLS_FAILED, false, true},
        {EVENT_ROLE, false, true},
        {EVENT_APCI, false, true},
        {EVENT_ASDU, false, true},
        {EVENT_MONITOR_ONLY_ON, false, true},
        {EVENT_LOG_GAP, false, true},
        {EVENT_MONITOR_ONLY_OFF, false, true},
        {EVENT_SYSTEM_START, false, false},
        {EVENT_SYSTEM_STOP, false, false},
        {EVENT_PROCESS_DIED, false, false},
        {EVENT_OPERATOR, false, false},
        {EVENT_IPC_VIOLATION, false, false},
        {EVENT_LOG_OPENED, false, false},
        {EVENT_LOG_CLOSED, false, false},
        {EVENT_LOG_RECOVERED, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(may(ROLE_BROKER, 0, rows[i].event, 0, NULL), rows[i].broker);
        assert_int_equal(may(ROLE_GATE, 0, rows[i].event, 0, NULL), rows[i].gate);
        assert_true(may(ROLE_MONITOR, 0, rows[i].event, 0, NULL));
        assert_false(may(ROLE_TLS, 0, rows[i].event, 0, NULL));
        assert_false(may(ROLE_SIGNER, 0, rows[i].event, 0, NULL));
    }
}

static void test_routes(void **state)
{
    (void)state;
    assert_true(may(ROLE_GATE, 1, EVENT_COMMAND, 1, NULL));
    assert_true(may(ROLE_GATE, 1, EVENT_COMMAND, 2, NULL));
    assert_true(may(ROLE_GATE, 1, EVENT_LOG_GAP, UINT64_MAX, NULL));
    assert_false(may(ROLE_GATE, 1, EVENT_COMMAND, 0, NULL));
    assert_false(may(ROLE_GATE, 0, EVENT_COMMAND, 1, NULL));
    assert_false(may(ROLE_GATE, 0, EVENT_COMMAND, 3, NULL));
    assert_false(may(ROLE_GATE, 2, EVENT_COMMAND, 0, NULL));
    assert_true(may(ROLE_BROKER, 0, EVENT_SESSION_REFUSED, 2, NULL));
    assert_false(may(ROLE_BROKER, 0, EVENT_SESSION_REFUSED, 3, NULL));
}

/* Whom a record is about says the monitor alone. */
static void test_processes(void **state)
{
    (void)state;
    assert_true(may(ROLE_MONITOR, 0, EVENT_PROCESS_DIED, UINT64_MAX, "gate-1"));
    assert_false(may(ROLE_GATE, 0, EVENT_COMMAND, 0, "gate-1"));
    assert_false(may(ROLE_BROKER, 0, EVENT_SESSION_CLOSE, 0, "gate-1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_processes),
    };

    return cmocka_run_group_tests_name("audit origin", tests, NULL, NULL);
}
