#include "proxy/cli/cli.h"
#include "proxy/cli/decode.h"
#include "proxy/cli/points.h"

#include <inttypes.h>
#include <time.h>

#define ROW 16u /* octets in a row */

void decode_time_text(uint64_t time_us, char out[32])
{
    const time_t seconds = (time_t)(time_us / 1000000u);
    struct tm tm;
    char date[24] = "";

    if (gmtime_r(&seconds, &tm))
        (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out, 32, "%s.%06uZ", date, (unsigned int)(time_us % 1000000u));
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void put_flow(FILE *out, const struct decode_flow *flow)
{
    char from[CAPTURE_ENDPOINT_TEXT], to[CAPTURE_ENDPOINT_TEXT], when[32];

    capture_endpoint_text(&flow->source, from);
    capture_endpoint_text(&flow->destination, to);
    decode_time_text(flow->time_us, when);
    (void)fprintf(out, "packet %" PRIu64 ", ", flow->number);
    if (flow->whole)
        (void)fprintf(out, "interface %" PRIu32 ", ", flow->interface);
    (void)fprintf(out, "%s, %s > %s, ", when, from, to);
}

/* ---- octets ------------------------------------------------------------------------ */

/* A caret under octet `mark`, if it is in the row that begins at `from`; n is the place
 * behind the last octet, which may be what is wrong. */
static void put_caret(FILE *out, size_t from, size_t mark, size_t n)
{
    const bool behind = mark == n && mark == from + ROW;

    if (mark < from || (mark >= from + ROW && !behind))
        return;
    (void)fprintf(out, "       %*s^^ octet %zu\n", (int)((mark - from) * 3), "", mark);
}

static void put_octets(FILE *out, const struct decode_apdu *a)
{
    const bool wrong = a->outcome != DECODE_ACCEPTED && a->outcome != DECODE_REFUSED;
    const size_t mark = a->outcome == DECODE_INCOMPLETE ? a->n : a->verdict.offset;

    for (size_t from = 0; from < a->n; from += ROW) {
        (void)fprintf(out, "  %3zu ", from);
        for (size_t i = from; i < a->n && i < from + ROW; i++)
            (void)fprintf(out, " %02x", a->octets[i]);
        (void)fputc('\n', out);
        if (wrong)
            put_caret(out, from, mark, a->n);
    }
}

/* ---- fields ------------------------------------------------------------------------ */

static void put_field(FILE *out, const struct decode_field *f)
{
    const char *unit = f->unit, *gap = unit[0] ? " " : "";

    switch (f->kind) {
    case DECODE_FLAG: (void)fprintf(out, "%s %s", f->name, f->text); break;
    case DECODE_TIME: (void)fputs(f->text, out); break;
    case DECODE_REAL: (void)fprintf(out, "%s %s", f->name, f->text); break;
    case DECODE_HEX: (void)fprintf(out, "%s 0x%" PRIx64, f->name, f->number); break;
    case DECODE_NUMBER:
        (void)fprintf(out, "%s %" PRId64 "%s%s", f->name, f->number, gap, unit);
        if (f->text[0])
            (void)fprintf(out, " %s", f->text);
        break;
    }
}

static void put_element(FILE *out, enum element element, const uint8_t *p)
{
    struct decode_field fields[DECODE_FIELDS_MAX];
    const size_t n = decode_element(element, p, fields), size = element_size(element);
    size_t told = 0;

    (void)fprintf(out, "    %-5s", decode_element_name(element));
    for (size_t i = 0; i < size; i++)
        (void)fprintf(out, " %02x", p[i]);
    (void)fprintf(out, "%*s ", size < 7 ? (int)(7 - size) * 3 : 0, "");
    for (size_t i = 0; i < n; i++) {
        if (fields[i].quiet)
            continue;
        (void)fputs(told++ == 0 ? " " : ", ", out);
        put_field(out, &fields[i]);
    }
    (void)fputs(told == 0 && n > 0 ? " no flag set\n" : "\n", out);
}

static void put_objects(FILE *out, const struct decode_apdu *a)
{
    struct decode_object o;

    for (unsigned int i = 0; decode_object(a, i, &o); i++) { /* 127 at most */
        const uint8_t *p = o.elements;

        (void)fprintf(out, "  object %u: IOA %u%s", i + 1, o.ioa,
                      o.has_ioa ? "" : " (counted on)");
        cli_points_put(out, a->rules->names, a->asdu.ca, o.ioa, o.type->id);
        (void)fputc('\n', out);
        for (size_t k = 0; k < ELEMENT_LIST_MAX; k++) {
            const enum element element = (enum element)o.type->elements[k];
            if (element == ELEMENT_NONE)
                break;
            put_element(out, element, p);
            p += element_size(element);
        }
        if (o.segment > 0)
            (void)fprintf(out, "    segment of %zu octet%s\n", o.segment,
                          plural(o.segment));
    }
}

static void put_rest(FILE *out, const struct decode_apdu *a)
{
    const size_t from = decode_objects_end(a);

    if (from >= a->n)
        return;
    (void)fprintf(out, "  rest    %zu octet%s not read:", a->n - from,
                  plural(a->n - from));
    for (size_t i = from; i < a->n; i++)
        (void)fprintf(out, " %02x", a->octets[i]);
    (void)fputc('\n', out);
}

/* 60870-5-7: the ASDU that an aggressive mode request protects. */
static void put_inner(FILE *out, const struct decode_apdu *a)
{
    struct asdu d;

    if (!a->asdu.inner)
        return;
    (void)asdu_parse(a->asdu.inner, a->asdu.inner_size, a->dir, &a->rules->profile, &d);
    (void)fprintf(out, "  within  type %u %s, %s%s, CA %u, IOA %u\n", d.type_id,
                  d.type ? d.type->name : "unknown", cot_name(d.cause),
                  d.negative ? " negative" : "", d.ca, d.ioa);
}

static void put_asdu(FILE *out, const struct decode_apdu *a)
{
    const struct asdu *d = &a->asdu;

    (void)fprintf(out, "  type    %u %s", d->type_id,
                  d->type ? d->type->name : "unknown");
    (void)fprintf(out, d->type ? ": %s\n" : "%s\n", decode_type_text(d->type_id));
    if ((d->has & ASDU_HAS_VSQ) != 0)
        (void)fprintf(out, "  VSQ     SQ %d, N %u object%s%s\n", d->sq, d->count,
                      plural(d->count), d->sq ? " from one address on" : "");
    if ((d->has & ASDU_HAS_CAUSE) != 0)
        (void)fprintf(out, "  cause   %u %s, P/N %d %s, T %d%s\n", d->cause,
                      cot_name(d->cause), d->negative,
                      d->negative ? "negative" : "positive", d->test,
                      d->test ? " test" : "");
    if ((d->has & ASDU_HAS_OA) != 0)
        (void)fprintf(out, "  OA      %u\n", d->oa);
    if ((d->has & ASDU_HAS_CA) != 0)
        (void)fprintf(out, "  CA      %u%s\n", d->ca,
                      d->ca == ASDU_CA_ALL ? " (all stations)" : "");
    put_inner(out, a);
    put_objects(out, a);
    if ((d->has & ASDU_HAS_CA) != 0)
        put_rest(out, a);
}

static void put_apci(FILE *out, const struct decode_apdu *a)
{
    const struct apci *c = &a->apci;

    (void)fprintf(out, "  APCI    ");
    switch (c->format) {
    case APCI_I: (void)fprintf(out, "I-format, N(S) %u, N(R) %u", c->ns, c->nr); break;
    case APCI_S: (void)fprintf(out, "S-format, N(R) %u", c->nr); break;
    case APCI_U:
        (void)fprintf(out, "U-format, %s", apci_function_name(c->function));
        break;
    }
    (void)fprintf(out, ", length %u\n", a->octets[1]);
}

/* ---- the verdict ------------------------------------------------------------------- */

static void put_decision(FILE *out, const struct decode_apdu *a)
{
    const struct policy_decision *d = &a->decision;

    (void)fprintf(out, "  policy  %s", policy_action_name(d->action));
    if (d->rule == POLICY_NO_ROLE) {
        (void)fprintf(out, ": the master has no role, object %u\n", d->object + 1);
        return;
    }
    if (d->rule == POLICY_DEFAULT) {
        (void)fprintf(out, " by default: no rule matches object %u\n", d->object + 1);
        return;
    }
    (void)fprintf(out, " by rule %d", d->rule + 1);
    if (d->name[0]) {
        (void)fputs(" \"", out);
        cli_put_safe(out, d->name, 0, false);
        (void)fputc('"', out);
    }
    (void)fprintf(out, ", object %u\n", d->object + 1);
}

static void put_verdict(FILE *out, const struct decode_apdu *a)
{
    const struct reason_info *why = reason_info((unsigned int)a->verdict.reason);

    (void)fprintf(out, "  verdict %s", decode_outcome_name(a->outcome));
    if (a->outcome == DECODE_INCOMPLETE && a->n >= 2)
        (void)fprintf(out, ": %zu octets of %u", a->n, a->octets[1] + 2u);
    if (a->verdict.reason != REASON_OK && why)
        (void)fprintf(out, ": %s (%s), octet %u: %s [%s]", why->name,
                      reason_class_name(why->class), a->verdict.offset, why->text,
                      why->clause);
    (void)fputc('\n', out);
    if (a->verdict.quirk != QUIRK_NONE)
        (void)fprintf(out, "          the quirk %s lets it through\n",
                      quirk_name(a->verdict.quirk));
    for (unsigned int q = 1; q <= QUIRK_MAX; q++)
        if ((a->asdu.tolerated & QUIRK_BIT(q)) != 0)
            (void)fprintf(out, "          by the quirk %s\n", quirk_name(q));
}

static void print_brief(FILE *out, const struct decode_apdu *a)
{
    const struct asdu *d = &a->asdu;

    if (a->has_apci && a->apci.format == APCI_S)
        (void)fprintf(out, ": S %u", a->apci.nr);
    if (a->has_apci && a->apci.format == APCI_U)
        (void)fprintf(out, ": %s", apci_function_name(a->apci.function));
    if (a->has_asdu)
        (void)fprintf(out, ": type %u %s", d->type_id,
                      d->type ? d->type->name : "unknown");
    if (a->has_asdu && (d->has & ASDU_HAS_CA) != 0)
        (void)fprintf(out, ", %s%s, CA %u, %u object%s", cot_name(d->cause),
                      d->negative ? " negative" : "", d->ca, d->count, plural(d->count));
    if (a->has_asdu && (d->has & ASDU_HAS_IOA) != 0)
        (void)fprintf(out, ", IOA %u", d->ioa);
    if (a->has_asdu && (d->has & ASDU_HAS_IOA) != 0)
        cli_points_put(out, a->rules->names, d->ca, d->ioa, d->type_id);
    (void)fprintf(out, ": %s", decode_outcome_name(a->outcome));
    if (a->verdict.reason != REASON_OK)
        (void)fprintf(out, " %s, octet %u", reason_name((unsigned int)a->verdict.reason),
                      a->verdict.offset);
    (void)fputc('\n', out);
}

void decode_print_text(struct decode_run *run, const struct decode_apdu *a,
                       uint64_t offset, const struct decode_flow *flow)
{
    FILE *out = run->out;

    (void)fprintf(out, "APDU %" PRIu64 ": ", run->apdus);
    if (flow)
        put_flow(out, flow);
    (void)fprintf(out, "octet %" PRIu64 ", %zu octet%s", offset, a->n, plural(a->n));
    if (!a->either)
        (void)fprintf(out, ", %s direction", direction_name(a->dir));
    if (run->brief) {
        print_brief(out, a);
        return;
    }
    (void)fputc('\n', out);
    put_octets(out, a);
    if (a->has_apci)
        put_apci(out, a);
    if (a->has_asdu)
        put_asdu(out, a);
    put_verdict(out, a);
    if (a->has_policy)
        put_decision(out, a);
}
