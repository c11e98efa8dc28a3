#include "proxy/cli/log_report.h"

#include <string.h>

static const char *text_of(const json_t *record, const char *key)
{
    const char *text = log_text(record, key);

    return text ? text : "";
}

#define COPY(to, text) ((void)snprintf((to), sizeof(to), "%s", (text)))

static void count(struct report_counts *t, const char *name)
{
    size_t i = 0;

    while (i < t->count && strncmp(t->row[i].name, name, sizeof t->row[i].name - 1) != 0)
        i++;
    if (i == REPORT_NAMES) {
        t->cut++;
        return;
    }
    if (i == t->count) {
        COPY(t->row[i].name, name);
        t->count++;
    }
    t->row[i].n++;
}

/* What a record says, or one of its parts, cut to the room. */
static void words(const json_t *record, void (*say)(FILE *, const json_t *), char *out,
                  size_t room)
{
    FILE *f = fmemopen(out, room, "w");

    out[0] = '\0';
    if (!f)
        return;
    say(f, record);
    (void)fclose(f);
    out[room - 1] = '\0';
}

static struct report_session *session_of(struct report *r, const json_t *record)
{
    long long id;

    if (!log_number(record, "session", &id))
        return NULL;
    for (size_t i = r->sessions; i > 0; i--) {
        if (r->session[i - 1].id == id)
            return &r->session[i - 1];
    }
    return NULL;
}

static void open_session(struct report *r, const json_t *record, const char *who)
{
    struct report_session *s;
    long long id;

    if (!log_number(record, "session", &id) || session_of(r, record))
        return;
    if (r->sessions == REPORT_SESSIONS) {
        r->sessions_cut++;
        return;
    }
    s = &r->session[r->sessions++];
    *s = (struct report_session){.id = id};
    COPY(s->route, text_of(record, "route"));
    COPY(s->who, who);
    COPY(s->begin, text_of(record, "time"));
}

/* Type, point and value; the words of the verdict stand in columns of their own. */
static void put_point(char out[REPORT_TEXT_MAX], const json_t *record)
{
    char all[512];
    char *end;

    words(record, log_what, all, sizeof all);
    end = strstr(all, " -> ");
    if (end)
        *end = '\0';
    (void)snprintf(out, REPORT_TEXT_MAX, "%.*s", (int)REPORT_TEXT_MAX - 1, all);
}

static void add_operation(struct report *r, const json_t *record, const char *who,
                          const char *result)
{
    struct report_operation *o;

    if (r->operations == REPORT_OPERATIONS) {
        r->operations_cut++;
        return;
    }
    o = &r->operation[r->operations++];
    *o = (struct report_operation){.latency_ms = -1};
    (void)log_number(record, "seq", &o->seq);
    COPY(o->time, text_of(record, "time"));
    COPY(o->who, who);
    COPY(o->route, text_of(record, "route"));
    put_point(o->point, record);
    COPY(o->verdict, text_of(record, "verdict"));
    COPY(o->rule, text_of(record, "rule"));
    COPY(o->result, result);
}

/* Commands are in the order of their numbers. */
static struct report_operation *operation_of(struct report *r, const json_t *record,
                                             const char *key)
{
    long long seq;
    size_t low = 0;
    size_t high = r->operations;

    if (!log_number(record, key, &seq))
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (r->operation[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->operations && r->operation[low].seq == seq ? &r->operation[low]
                                                               : NULL;
}

static void add_result(struct report *r, const json_t *record, const char *result,
                       bool good)
{
    struct report_operation *o = operation_of(r, record, "command_seq");
    long long ms;
    bool timed = log_number(record, "latency_ms", &ms) && ms >= 0;

    if (timed)
        log_latency_add(&r->latency, (uint64_t)ms);
    if (!o)
        return;
    if (timed && o->latency_ms < 0)
        o->latency_ms = ms;
    if (o->closed)
        return;
    COPY(o->result, result);
    o->good = good;
}

static void add_refusal(struct report *r, const json_t *record, const char *who,
                        const char *result)
{
    static const char *const keys[] = {"rule", "reason", "why"};
    struct report_session *s = session_of(r, record);
    const char *by = "";

    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !*by; i++)
        by = text_of(record, keys[i]);
    count(&r->by_rule, *by ? by : "no rule allows it");
    count(&r->by_person, who);
    if (s)
        s->refused++;
    if (operation_of(r, record, "command_seq"))
        add_result(r, record, result, false);
    else
        add_operation(r, record, who, result);
}

/* Its last word on an operation stands at the execute; the select leads there. */
static void add_closed(struct report *r, const json_t *record)
{
    struct report_operation *o = operation_of(r, record, "command_seq");
    struct report_operation *select = operation_of(r, record, "select_seq");
    const char *outcome = text_of(record, "outcome");
    const char *why = text_of(record, "why");
    char state[sizeof o->state] = "";

    count(&r->by_outcome, outcome);
    if (select) {
        long long seq = 0;

        (void)log_number(record, "command_seq", &seq);
        (void)snprintf(select->result, sizeof select->result, "see record %lld", seq);
        select->closed = select->good = true;
    }
    if (!o)
        return;
    COPY(o->result, outcome);
    words(record, log_what_state, state, sizeof state);
    /* A cut is shown. */
    if (snprintf(o->state, sizeof o->state, "%s%s%s", why, *why && *state ? ";" : "",
                 state) >= (int)sizeof o->state)
        o->state[sizeof o->state - 2] = '~';
    o->closed = true;
    o->good =
        !*why && (strcmp(outcome, "executed") == 0 || strcmp(outcome, "cancelled") == 0);
}

static void add_note(struct report_notes *n, const json_t *record, const char *who)
{
    struct report_note *row;

    if (n->count == REPORT_NOTES) {
        n->cut++;
        return;
    }
    row = &n->row[n->count++];
    (void)log_number(record, "seq", &row->seq);
    COPY(row->time, text_of(record, "time"));
    COPY(row->event, text_of(record, "event"));
    COPY(row->who, who);
    words(record, log_what, row->what, sizeof row->what);
}

static void add_command(struct report *r, const json_t *record, const char *who)
{
    struct report_session *s = session_of(r, record);

    add_operation(r, record, who, "no answer");
    count(&r->people, who);
    if (*text_of(record, "point"))
        count(&r->points, text_of(record, "point"));
    if (s)
        s->commands++;
}

static void close_session(struct report *r, const json_t *record)
{
    struct report_session *s = session_of(r, record);

    if (s)
        COPY(s->end, text_of(record, "time"));
}

void report_add(struct report *r, const json_t *record, const char *who)
{
    static const struct {
        const char *event, *result;
        bool good;
    } results[] = {{"op.confirmed", "confirmed", true},
                   {"op.rejected", "rejected", false},
                   {"op.terminated", "terminated", true},
                   {"op.not-forwarded", "not forwarded", false}};
    const char *event = text_of(record, "event");

    if (r->records++ == 0)
        COPY(r->first, text_of(record, "time"));
    COPY(r->last, text_of(record, "time"));
    if (strcmp(event, "session.open") == 0)
        open_session(r, record, who);
    if (strcmp(event, "session.close") == 0)
        close_session(r, record);
    if (strcmp(event, "op.command") == 0)
        add_command(r, record, who);
    if (strcmp(event, "op.closed") == 0)
        add_closed(r, record);
    if (strcmp(event, "policy.refused") == 0)
        add_refusal(r, record, who, "refused");
    if (strcmp(event, "policy.would-refuse") == 0)
        add_refusal(r, record, who, "only observed");
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        if (strcmp(event, results[i].event) == 0)
            add_result(r, record, results[i].result, results[i].good);
    }
    if (strcmp(text_of(record, "severity"), "alarm") == 0)
        add_note(&r->alarms, record, who);
    else if (strncmp(event, "tls.", 4) == 0 &&
             strcmp(text_of(record, "severity"), "warning") == 0)
        add_note(&r->certificates, record, who);
}
