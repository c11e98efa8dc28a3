#include "proxy/cli/log_operations.h"

#include "proxy/cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *key, *words;
} steps[LOG_STEPS] = {
    [LOG_SELECT] = {"select_confirm_ms", "select confirmed"},
    [LOG_CONFIRM] = {"confirm_ms", "execute confirmed"},
    [LOG_TERMINATE] = {"termination_ms", "terminated"},
    [LOG_STATE] = {"state_ms", "state returned"},
};

static struct log_person *person_of(struct log_operations *o, const char *who)
{
    struct log_person *p = o->person;

    for (size_t i = 0; i < o->people; i++) {
        if (strncmp(p[i].name, who, sizeof p[i].name - 1) == 0)
            return &p[i];
    }
    if (o->people == LOG_PEOPLE)
        return &o->others;
    p = &o->person[o->people++];
    (void)snprintf(p->name, sizeof p->name, "%s", who);
    return p;
}

/* A word that this version does not know counts as open. */
static unsigned int outcome_of(const json_t *record)
{
    const char *word = log_text(record, "outcome");

    for (unsigned int i = 0; word && i < OPERATION_OUTCOMES; i++) {
        if (strcmp(word, operation_outcome_name(i)) == 0)
            return i;
    }
    return OPERATION_IS_OPEN;
}

void log_operations_add(struct log_operations *o, const json_t *record, const char *who)
{
    const char *event = log_text(record, "event");
    long long ms;

    if (!event || strcmp(event, "op.closed") != 0)
        return;
    o->closed++;
    person_of(o, who)->n[outcome_of(record)]++;
    for (int i = 0; i < LOG_STEPS; i++) {
        if (log_number(record, steps[i].key, &ms) && ms >= 0)
            log_latency_add(&o->latency[i], (uint64_t)ms);
    }
}

static uint64_t total_of(const struct log_person *p)
{
    uint64_t n = 0;

    for (unsigned int i = 0; i < OPERATION_OUTCOMES; i++)
        n += p->n[i];
    return n;
}

static void print_person(const struct log_person *p, const char *name)
{
    const uint64_t total = total_of(p);
    bool first = true;

    if (total == 0)
        return;
    (void)printf("  %8llu  ", (unsigned long long)total);
    cli_put_safe(stdout, name, 0, false);
    for (unsigned int i = 0; i < OPERATION_OUTCOMES; i++) {
        if (p->n[i] == 0)
            continue;
        (void)printf("%s%s %llu", first ? ": " : ", ", operation_outcome_name(i),
                     (unsigned long long)p->n[i]);
        first = false;
    }
    (void)printf("\n");
}

void log_operations_print(const struct log_operations *o)
{
    if (o->closed == 0)
        return;
    (void)printf("\noperations by person and outcome\n");
    for (size_t i = 0; i < o->people; i++)
        print_person(&o->person[i], o->person[i].name);
    print_person(&o->others, "others (more names than fit)");
    for (int i = 0; i < LOG_STEPS; i++) {
        const struct log_latency *l = &o->latency[i];

        if (l->n > 0)
            (void)printf("  %-17s %6llu times, half within %llu ms, 99 %% within %llu "
                         "ms, the last after %llu ms\n",
                         steps[i].words, (unsigned long long)l->n,
                         (unsigned long long)log_latency_percentile(l, 50),
                         (unsigned long long)log_latency_percentile(l, 99),
                         (unsigned long long)l->max);
    }
}

static json_t *person_json(const struct log_person *p)
{
    json_t *out = json_object();

    for (unsigned int i = 0; i < OPERATION_OUTCOMES; i++) {
        if (p->n[i] > 0)
            (void)json_object_set_new(out, operation_outcome_name(i),
                                      json_integer((json_int_t)p->n[i]));
    }
    return out;
}

json_t *log_operations_json(const struct log_operations *o)
{
    json_t *out = json_pack("{s:I, s:{}, s:o}", "closed", (json_int_t)o->closed, "people",
                            "others", person_json(&o->others));
    json_t *people = json_object_get(out, "people");

    for (size_t i = 0; i < o->people; i++)
        (void)json_object_set_new(people, o->person[i].name, person_json(&o->person[i]));
    for (int i = 0; i < LOG_STEPS; i++)
        (void)json_object_set_new(out, steps[i].key, log_latency_json(&o->latency[i]));
    return out;
}
