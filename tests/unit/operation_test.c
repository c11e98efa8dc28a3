/* The table of operations: scripts of what passes, and what it makes of them. */
#include "proxy/operation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TIMEOUT_MS 30000u
#define START      7000u
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

/* One letter, a point ('a' to 'h', 'z': another type at a's address) and a time in ms:
 *
 *   s x d   select, execute, deactivate      S X D T   their confirmations, termination
 *                                            Y that of another station
 *   ! stopped execute                        - _ = ~   the same, negative
 *   v state   i intermediate state           u U       execute, select sent back (47)
 *   w a value of another type   o of none    p of another station
 *   . time                      $ end of the session */
static struct operations table;
static uint64_t ticket;
static char told[4096];

static const struct kind {
    uint8_t type;
    bool has_termination;
    bool promised;
    uint8_t state_kind;
} kinds[] = {
    {45, true, false, VALUE_SINGLE}, /* a: C_SC_NA_1 */
    {45, true, false, VALUE_SINGLE}, /* b */
    {45, true, true, VALUE_SINGLE},  /* c: state at 2000 + */
    {100, true, false, VALUE_NONE},  /* d: C_IC_NA_1, to all stations */
    {103, false, false, VALUE_NONE}, /* e: C_CS_NA_1 */
    {51, false, false, VALUE_BSI},   /* f: a type without a termination */
};

static struct operation_point point_of(char name)
{
    const size_t i = name == 'z' ? 0 : (size_t)(name - 'a') % COUNT(kinds);

    return (struct operation_point){.ioa = 1000 + (uint32_t)i,
                                    .ca = name == 'd' ? 65535 : 1,
                                    .type = name == 'z' ? 46 : kinds[i].type};
}

static void command(enum operation_step step, char name, uint64_t now)
{
    const struct kind *k = &kinds[name == 'z' ? 0 : (size_t)(name - 'a')];
    const struct operation_point p = point_of(name);
    const struct operation_command c = {
        .point = p,
        .step = step,
        .ticket = ++ticket,
        .has_termination = k->has_termination,
        .state_kind = k->state_kind,
        .promised = k->promised,
        .state_ioa = k->promised ? p.ioa + 1000 : p.ioa,
        .has_value = true,
        .value = 1,
    };

    if (!operations_command(&table, &c, now))
        (void)strcat(told, "full ");
}

static void answer(char name, uint8_t cause, bool negative, bool select, uint64_t now)
{
    struct operation_answer a = {
        .point = point_of(name), .cause = cause, .negative = negative, .select = select};
    char text[16];

    if (a.point.ca == 65535 || cause == 0)
        a.point.ca = 3;
    if (cause == 0)
        a.cause = 7;
    (void)snprintf(text, sizeof text, ">%llu ",
                   (unsigned long long)operations_answer(&table, &a, now));
    (void)strcat(told, text);
}

static void value(char name, uint8_t type, bool settled, uint16_t ca, uint64_t now)
{
    const struct kind *k = &kinds[(size_t)(name - 'a')];
    struct operation_value v = {.ioa = point_of(name).ioa,
                                .ca = ca,
                                .type = type,
                                .cause = 11,
                                .settled = settled,
                                .value = settled};

    if (k->promised)
        v.ioa += 1000;
    operations_value(&table, &v, now);
}

static void put_ms(const char *name, uint32_t ms)
{
    char text[32];

    if (ms == OPERATION_NO_TIME)
        return;
    (void)snprintf(text, sizeof text, " %s%u", name, ms);
    (void)strcat(told, text);
}

static void take(void)
{
    struct operation o;

    while (operations_take(&table, &o)) {
        const char *why = operation_why_name(o.why);
        char text[128];

        (void)snprintf(text, sizeof text, "[%u:%llu,%llu,%llu %s%s%s", o.point.ioa,
                       (unsigned long long)o.ticket[0], (unsigned long long)o.ticket[1],
                       (unsigned long long)o.ticket[2], operation_outcome_name(o.outcome),
                       why ? "/" : "", why ? why : "");
        (void)strcat(told, text);
        put_ms("s", o.answer_ms[OPERATION_SELECT]);
        put_ms("x", o.answer_ms[OPERATION_EXECUTE]);
        put_ms("d", o.answer_ms[OPERATION_CANCEL]);
        put_ms("t", o.termination_ms);
        put_ms("v", o.state_ms);
        (void)strcat(told, "] ");
    }
}

static void step(char what, char name, uint64_t now)
{
    const struct operation_point p = point_of(name);

    switch (what) {
    case 's': command(OPERATION_SELECT, name, now); break;
    case 'x': command(OPERATION_EXECUTE, name, now); break;
    case 'd': command(OPERATION_CANCEL, name, now); break;
    case 'S': answer(name, 7, false, true, now); break;
    case 'X': answer(name, 7, false, false, now); break;
    case 'D': answer(name, 9, false, true, now); break;
    case 'Y': answer(name, 0, false, false, now); break;
    case 'T': answer(name, 10, false, false, now); break;
    case '-': answer(name, 7, true, true, now); break;
    case '_': answer(name, 7, true, false, now); break;
    case '=': answer(name, 9, true, false, now); break;
    case '~': answer(name, 10, true, false, now); break;
    case 'u': answer(name, 47, false, false, now); break;
    case 'U': answer(name, 44, true, true, now); break;
    case 'v': value(name, 1, true, 1, now); break;
    case 'i': value(name, 30, false, 1, now); break;
    case 'w': value(name, 3, true, 1, now); break;
    case 'o': value(name, 0, true, 1, now); break;
    case 'p': value(name, 1, true, 2, now); break;
    case '!': (void)operations_stopped(&table, &p, ++ticket); break;
    case '.': operations_expire(&table, now); break;
    case '$': operations_end(&table); break;
    default: fail();
    }
}

/* Plays "sa0 Sa5 ...". */
static const char *play(const char *script)
{
    int used = 0;

    operations_init(&table, TIMEOUT_MS);
    ticket = 0;
    told[0] = '\0';
    while (*script) {
        unsigned int ms = 0;
        char what;
        char name;

        assert_int_equal(sscanf(script, " %c%c%u%n", &what, &name, &ms, &used), 3);
        script += used;
        step(what, name, START + ms);
        take();
    }
    if (told[0])
        told[strlen(told) - 1] = '\0';
    return told;
}

static const struct script {
    const char *what, *script, *told;
} scripts[] = {
    {"select, execute, confirm, terminate, state", "sa0 Sa5 xa10 Xa20 Ta40 va90",
     ">1 >2 >2 [1000:1,2,0 executed s5 x10 t30 v80]"},
    {"the state before the termination", "xa0 Xa1 va2 Ta9",
     ">1 >1 [1000:0,1,0 executed x1 t9 v2]"},
    {"the state before the confirmation", "xa0 va2 Xa3 Ta9",
     ">1 >1 [1000:0,1,0 executed x3 t9 v2]"},
    {"a state before the execute is none of it", "sa0 Sa1 va2 xa3 Xa4 Ta5 .a1004 .a1005",
     ">1 >2 >2 [1000:1,2,0 executed s1 x1 t2]"},
    {"no state: closed after a second", "xa0 Xa1 Ta9 .a1008 .a1009",
     ">1 >1 [1000:0,1,0 executed x1 t9]"},
    {"on its way, then there", "xa0 Xa1 ia2 Ta3 va7",
     ">1 >1 [1000:0,1,0 executed x1 t3 v7]"},
    {"on its way, and never there", "xa0 Xa1 ia2 Ta3 .a2000",
     ">1 >1 [1000:0,1,0 executed x1 t3 v2]"},
    {"a second state changes nothing", "xa0 va1 va2 Xa3 Ta4",
     ">1 >1 [1000:0,1,0 executed x3 t4 v1]"},
    {"a value of another type is none", "xa0 wa1 Xa3 Ta4 .a2000",
     ">1 >1 [1000:0,1,0 executed x3 t4]"},
    {"a promised state is waited for", "xc0 Xc1 Tc2 .c29999 vc29999",
     ">1 >1 [1002:0,1,0 executed x1 t2 v29999]"},
    {"of any type", "xc0 Xc1 Tc2 wc5", ">1 >1 [1002:0,1,0 executed x1 t2 v5]"},
    {"and missed", "xc0 Xc1 Tc2 .c30000", ">1 >1 [1002:0,1,0 executed/no-state x1 t2]"},
    {"rejected at the select", "sa0 -a5", ">1 [1000:1,0,0 rejected/select s5]"},
    {"rejected at the execute", "sa0 Sa1 xa2 _a5",
     ">1 >2 [1000:1,2,0 rejected/execute s1 x3]"},
    {"unknown to the station", "xa0 ua5", ">1 [1000:0,1,0 rejected/execute x5]"},
    {"the select, too", "sa0 Ua5", ">1 [1000:1,0,0 rejected/select s5]"},
    {"a deactivation, too", "da0 ua5", ">1 [1000:0,0,1 rejected/deselect d5]"},
    {"terminated negatively", "xa0 Xa1 ~a5",
     ">1 >1 [1000:0,1,0 rejected/termination x1 t5]"},
    {"terminated without confirmation", "xa0 Ta5 va6",
     ">1 [1000:0,1,0 executed/no-confirmation t5 v6]"},
    {"and confirmed afterwards", "xa0 Ta5 Xa6 va8",
     ">1 >1 [1000:0,1,0 executed x6 t5 v8]"},
    {"never confirmed", "xa0 .a29999 .a30000", "[1000:0,1,0 timed-out/no-confirmation]"},
    {"never terminated", "xa0 Xa1 .a30000",
     ">1 [1000:0,1,0 timed-out/no-termination x1]"},
    {"never terminated, but the state came", "xa0 Xa1 va2 .a30000",
     ">1 [1000:0,1,0 executed/no-termination x1 v2]"},
    {"an intermediate state proves nothing", "xa0 Xa1 ia2 .a30000",
     ">1 [1000:0,1,0 timed-out/no-termination x1 v2]"},
    {"never executed", "sa0 Sa1 .a30000", ">1 [1000:1,0,0 timed-out/no-execute s1]"},
    {"select never confirmed", "sa0 .a30000", "[1000:1,0,0 timed-out/no-confirmation]"},
    {"time runs from the last command", "sa0 Sa1 xa20000 .a49999 .a50000",
     ">1 [1000:1,2,0 timed-out/no-confirmation s1]"},
    {"executed before the select was confirmed", "sa0 xa1 Xa2 Sa3 Ta4 va5",
     ">2 >1 >2 [1000:1,2,0 executed s3 x1 t3 v4]"},
    {"confirmed before it was asked for", "Xa0 Sa1 Ta2 xa3 Xa4 Ta5 va6",
     ">0 >0 >0 >1 >1 [1000:0,1,0 executed x1 t2 v3]"},
    {"the confirmation of the other step is none", "sa0 Xa1 .a30000",
     ">0 [1000:1,0,0 timed-out/no-confirmation]"},
    {"two points at once", "sa0 sb1 Sb2 Sa3 xb4 xa5 Xa6 Xb7 Tb8 Ta9 vb10 va11",
     ">2 >1 >4 >3 >3 >4 [1001:2,3,0 executed s1 x3 t4 v6] "
     "[1000:1,4,0 executed s3 x1 t4 v6]"},
    {"two types at one address", "xa0 xz1 Xz2 Xa3 Tz4 va5 Ta6 .a1005",
     ">2 >1 >2 >1 [1000:0,1,0 executed x3 t6 v5] [1000:0,2,0 executed x1 t3]"},
    {"executed twice before an answer", "xa0 xa1 Xa2 Xa3 Ta4 va5 Ta6 va7",
     ">1 >2 >1 [1000:0,1,0 executed x2 t4 v5] >2 [1000:0,2,0 executed x2 t5 v6]"},
    {"the second rejected", "xa0 xa1 Xa2 _a3 Ta4 va5",
     ">1 >2 [1000:0,2,0 rejected/execute x2] >1 [1000:0,1,0 executed x2 t4 v5]"},
    {"a termination goes to the one that is confirmed", "xa0 xa1 Xa2 _a3 xa4 Ta5 va6 $a9",
     ">1 >2 [1000:0,2,0 rejected/execute x2] >1 [1000:0,1,0 executed x2 t5 v6] "
     "[1000:0,3,0 session-ended/no-confirmation]"},
    {"a new execute ends the wait for the old one's state", "xa0 Xa1 Ta2 xa3 Xa4 Ta5 va6",
     ">1 >1 [1000:0,1,0 executed x1 t2] >2 >2 [1000:0,2,0 executed x1 t2 v3]"},
    {"selected twice: the later is executed", "sa0 sa1 Sa2 Sa3 xa4 Xa5 Ta6 va7 .a30000",
     ">1 >2 >3 >3 [1000:2,3,0 executed s2 x1 t2 v3] "
     "[1000:1,0,0 timed-out/no-execute s2]"},
    {"deselected", "sa0 Sa1 da2 Da5", ">1 >2 [1000:1,0,2 cancelled s1 d3]"},
    {"deselected before the confirmation", "sa0 da2 Da5", ">2 [1000:1,0,2 cancelled d3]"},
    {"the deselect refused, then executed", "sa0 Sa1 da2 =a3 xa4 Xa5 Ta6 va7",
     ">1 >2 >3 >3 [1000:1,3,2 executed s1 x1 d1 t2 v3]"},
    {"not confirmed deselect", "sa0 Sa1 da2 .a30002",
     ">1 [1000:1,0,2 timed-out/no-confirmation s1]"},
    {"stopped while it runs", "xa0 Xa1 da2 Da3", ">1 >2 [1000:0,1,2 cancelled x1 d1]"},
    {"a deactivation alone", "da0 Da1", ">1 [1000:0,0,1 cancelled d1]"},
    {"refused alone", "da0 =a1", ">1 [1000:0,0,1 rejected/deselect d1]"},
    {"after the end there is nothing to deactivate", "xa0 Xa1 Ta2 da3 Da4 .a1002",
     ">1 >1 >2 [1000:0,0,2 cancelled d1] [1000:0,1,0 executed x1 t2]"},
    {"deactivated twice", "xa0 da1 da2 Da3 Da4 $a5",
     ">2 [1000:0,1,2 cancelled d2] >3 [1000:0,0,3 cancelled d2]"},
    {"an execute behind a deselect is its own", "sa0 Sa1 da2 xa3 Da4 Xa5 Ta6 va7",
     ">1 >2 [1000:1,0,2 cancelled s1 d2] >3 >3 [1000:0,3,0 executed x2 t3 v4]"},
    {"the execute was stopped here", "sa0 Sa1 !a2", ">1 [1000:1,2,0 not-forwarded s1]"},
    {"nothing was selected for it", "!a2 xa3 !a4 $a5",
     "[1000:0,2,0 session-ended/no-confirmation]"},
    {"the session ends", "sa0 Sa1 xb2 xc3 Xc4 Tc5 $a9",
     ">1 >3 >3 [1000:1,0,0 session-ended/no-execute s1] "
     "[1001:0,2,0 session-ended/no-confirmation] [1002:0,3,0 executed/no-state x1 t2]"},
    {"places are used again: the older is answered first",
     "xb0 xa1 _b2 xa3 Xa4 Xa5 va6 Ta7 Ta8 va9",
     ">1 [1001:0,1,0 rejected/execute x2] >2 >3 >2 [1000:0,2,0 executed x3 t6 v5] "
     ">3 [1000:0,3,0 executed x2 t5 v6]"},
    {"the confirmed is terminated first", "xb0 xa1 _b2 Xa3 xa4 Ta5 $a9",
     ">1 [1001:0,1,0 rejected/execute x2] >2 >2 [1000:0,2,0 executed x2 t4] "
     "[1000:0,3,0 session-ended/no-confirmation]"},
    {"the later select is executed", "xb0 sa1 _b2 sa3 xa4 $a9",
     ">1 [1001:0,1,0 rejected/execute x2] [1000:2,0,0 session-ended/no-confirmation] "
     "[1000:3,4,0 session-ended/no-confirmation]"},
    {"an execute elsewhere ends no wait", "xa0 Xa1 Ta2 xb3 va4 $b9",
     ">1 >1 [1000:0,1,0 executed x1 t2 v4] "
     "[1001:0,2,0 session-ended/no-confirmation]"},
    {"a value of no type, and one of another station", "xa0 Xa1 Ta2 oa3 pa4 .a1002",
     ">1 >1 [1000:0,1,0 executed x1 t2]"},
    {"another station's confirmation", "xa0 Ya1 $a9",
     ">0 [1000:0,1,0 session-ended/no-confirmation]"},
    {"an interrogation of all stations", "xd0 Xd5 Td9",
     ">1 >1 [1003:0,1,0 executed x5 t9]"},
    {"a clock command has no termination", "xe0 Xe5", ">1 [1004:0,1,0 executed x5]"},
    {"nor has this one, but a state", "xf0 Xf5 .f1004 .f1005",
     ">1 [1005:0,1,0 executed x5]"},
};

static void test_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scripts); i++) {
        if (strcmp(play(scripts[i].script), scripts[i].told) == 0)
            continue;
        print_error("%s:\n  %s\n  %s\n", scripts[i].what, scripts[i].told, told);
        fail();
    }
}

/* Fills the table with executes of one point. */
static void fill(void)
{
    operations_init(&table, TIMEOUT_MS);
    ticket = 0;
    told[0] = '\0';
    for (unsigned int i = 0; i < OPERATIONS_OPEN; i++)
        command(OPERATION_EXECUTE, 'a', START + i);
}

static void test_bounded(void **state)
{
    (void)state;
    fill();
    assert_string_equal(told, "");
    command(OPERATION_EXECUTE, 'b', START + 50);
    command(OPERATION_CANCEL, 'b', START + 50);
    assert_string_equal(told, "full full ");
    /* Those that are there still get what is theirs, and a deactivation finds them. */
    command(OPERATION_CANCEL, 'a', START + 50);
    answer('a', 7, false, false, START + 51);
    assert_string_equal(told, "full full >1 ");
    operations_end(&table);
    told[0] = '\0';
    take();
    assert_non_null(strstr(told, "[1000:0,1,0 session-ended/no-termination x51] "));
    assert_non_null(strstr(told, "[1000:0,16,19 session-ended/no-confirmation] "));
    assert_int_equal(operations_due(&table), UINT64_MAX);
    assert_false(operations_await_value(&table));
}

static void test_room_from_those_that_only_wait(void **state)
{
    (void)state;
    fill();
    for (unsigned int i = 0; i < 2; i++) {
        answer('a', 7, false, false, START + 51);
        answer('a', 10, false, false, START + 52 + i);
    }
    told[0] = '\0';
    command(OPERATION_SELECT, 'b', START + 60);
    take();
    assert_string_equal(told, "[1000:0,1,0 executed x51 t52] ");
    told[0] = '\0';
    command(OPERATION_SELECT, 'b', START + 60);
    take();
    assert_string_equal(told, "[1000:0,2,0 executed x50 t52] ");
    told[0] = '\0';
    command(OPERATION_SELECT, 'b', START + 60);
    take();
    assert_string_equal(told, "full ");
}

static void test_the_oldest_makes_room(void **state)
{
    (void)state;
    fill();
    answer('a', 7, true, false, START + 51);
    take();
    command(OPERATION_EXECUTE, 'a', START + 52); /* in the place of the oldest */
    for (unsigned int i = 0; i < OPERATIONS_OPEN; i++) {
        answer('a', 7, false, false, START + 60);
        answer('a', 10, false, false, START + 60);
    }
    told[0] = '\0';
    command(OPERATION_SELECT, 'b', START + 61);
    take();
    assert_string_equal(told, "[1000:0,2,0 executed x59 t59] ");
}

/* Nobody has taken what is closed: there is room for one more, and no more. */
static void test_not_taken(void **state)
{
    (void)state;
    fill();
    for (unsigned int i = 0; i < 2; i++)
        answer('a', 7, true, false, START + 51);
    command(OPERATION_EXECUTE, 'b', START + 60);
    told[0] = '\0';
    command(OPERATION_EXECUTE, 'b', START + 60);
    assert_string_equal(told, "full ");
    take();
    told[0] = '\0';
    command(OPERATION_EXECUTE, 'b', START + 60);
    assert_string_equal(told, "");
}

static void test_due(void **state)
{
    (void)state;
    (void)play("sa0 xb10 Xb20");
    assert_int_equal(operations_due(&table), START + TIMEOUT_MS);
    (void)play("xa0 Xa20 Ta30");
    assert_int_equal(operations_due(&table), START + 30 + OPERATION_GRACE_MS);
    assert_true(operations_await_value(&table));
    (void)play("xf0 Xf20");
    assert_int_equal(operations_due(&table), START + 20 + OPERATION_GRACE_MS);
    (void)play("xc0 Xc20 Tc30");
    assert_int_equal(operations_due(&table), START + TIMEOUT_MS);
    (void)play("sa0 Sa1");
    assert_false(operations_await_value(&table));
}

/* A latency that does not fit is the largest, and not "none". */
static void test_long_time(void **state)
{
    (void)state;
    operations_init(&table, TIMEOUT_MS);
    ticket = 0;
    told[0] = '\0';
    command(OPERATION_EXECUTE, 'e', START);
    answer('e', 7, false, false, START + (UINT64_C(1) << 40));
    take();
    assert_string_equal(told, ">1 [1004:0,1,0 executed x4294967294] ");
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(operation_outcome_name(OPERATION_IS_OPEN), "open");
    assert_string_equal(operation_outcome_name(OPERATION_UNTRACKED), "untracked");
    assert_string_equal(operation_outcome_name(OPERATION_OUTCOMES), "open");
    assert_null(operation_why_name(OPERATION_WHY_NONE));
    assert_null(operation_why_name(OPERATION_WHYS));
    assert_string_equal(operation_why_name(OPERATION_NO_STATE), "no-state");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_room_from_those_that_only_wait),
        cmocka_unit_test(test_the_oldest_makes_room),
        cmocka_unit_test(test_not_taken),
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_long_time),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
