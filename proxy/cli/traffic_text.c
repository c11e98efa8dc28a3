/* An APDU in a few words. */
#include "proxy/cli/traffic_text.h"

#include "proxy/cli/points.h"

#include <string.h>
#include <time.h>

void traffic_time_text(uint64_t ms, char out[TRAFFIC_TIME_TEXT])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    size_t n;

    (void)snprintf(out, TRAFFIC_TIME_TEXT, "?");
    if (!gmtime_r(&seconds, &tm))
        return;
    n = strftime(out, TRAFFIC_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, TRAFFIC_TIME_TEXT - n, ".%03uZ", (unsigned int)(ms % 1000));
}

void traffic_put_hex(FILE *out, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "%02x", octets[i]);
}

static void put_value(FILE *out, const struct asdu *a)
{
    static const char *const single[] = {"off", "on"};
    static const char *const dbl[] = {"0", "off", "on", "3"};
    static const char *const step[] = {"0", "lower", "higher", "3"};
    const unsigned int word = a->value >= 0 && a->value <= 3 ? (unsigned int)a->value : 0;

    if (!a->has_value || !a->type)
        return;
    switch ((enum type_value)a->type->value) {
    case VALUE_SINGLE: (void)fprintf(out, " = %s", single[word & 1]); return;
    case VALUE_DOUBLE: (void)fprintf(out, " = %s", dbl[word]); return;
    case VALUE_REGULATING: (void)fprintf(out, " = %s", step[word]); return;
    default: (void)fprintf(out, " = %.7g", a->value);
    }
}

static void put_asdu(FILE *out, const struct asdu *a)
{
    if (a->type)
        (void)fprintf(out, "%s", a->type->name);
    else
        (void)fprintf(out, "type %u", a->type_id);
    if ((a->has & ASDU_HAS_CAUSE) != 0)
        (void)fprintf(out, " %s%s%s", cot_name(a->cause), a->negative ? " negative" : "",
                      a->test ? " test" : "");
    if ((a->has & ASDU_HAS_CA) != 0)
        (void)fprintf(out, " CA %u", a->ca);
    if ((a->has & ASDU_HAS_IOA) != 0)
        (void)fprintf(out, " IOA %u", a->ioa);
    if (a->count > 1)
        (void)fprintf(out, " (%u objects)", a->count);
    put_value(out, a);
    if (a->has_select && a->select)
        (void)fputs(" (select)", out);
}

void traffic_put_apdu(FILE *out, const struct traffic_apdu *t,
                      const struct profile *profile, const struct point_names *names)
{
    struct apci apci;
    struct asdu a;

    if (t->framing.reason != REASON_OK ||
        apci_parse(t->octets, t->n, &apci).reason != REASON_OK) {
        (void)fputs("octets ", out);
        traffic_put_hex(out, t->octets, t->n);
        return;
    }
    switch (apci.format) {
    case APCI_S: (void)fprintf(out, "S %u", apci.nr); return;
    case APCI_U: (void)fputs(apci_function_name(apci.function), out); return;
    case APCI_I: break;
    }
    (void)asdu_parse(apci.asdu, apci.asdu_size, t->dir, profile, &a);
    put_asdu(out, &a);
    if ((a.has & ASDU_HAS_IOA) != 0)
        cli_points_put(out, names, a.ca, a.ioa, a.type_id);
}
