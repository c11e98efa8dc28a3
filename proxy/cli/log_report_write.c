/* The auditor's page: one file, no script, nothing fetched. */
#include "proxy/cli/log_report.h"

#include <inttypes.h>
#include <string.h>

static const char style[] =
    "@page{size:A4;margin:14mm}"
    "body{font:10pt/1.45 'DejaVu Sans',Helvetica,Arial,sans-serif;color:#1c2733;"
    "max-width:182mm;margin:10mm auto;padding:0 4mm}"
    "h1{font-size:18pt;margin:0 0 2mm}h2{font-size:12.5pt;margin:9mm 0 2mm;"
    "break-after:avoid}p{margin:1mm 0}"
    ".box{border-left:2mm solid;padding:3mm 4mm;margin:4mm 0}"
    ".ok{background:#e8f5ec;border-color:#1f7a3d}.bad{background:#fdecea;border-color:#"
    "b3261e}"
    ".box b{font-size:13pt}.small{color:#55616e;font-size:8.5pt}"
    "table{border-collapse:collapse;width:100%;font-size:8pt;margin:1mm 0}"
    "th{text-align:left;border-bottom:.5mm solid #1c2733;padding:1mm}"
    "td{border-bottom:.2mm solid #d4dae0;padding:1mm;vertical-align:top;"
    "overflow-wrap:anywhere}td:nth-child(3){min-width:18mm}"
    "tr{break-inside:avoid}thead{display:table-header-group}"
    ".n{text-align:right;white-space:nowrap}.t{white-space:nowrap}"
    ".red{color:#b3261e;font-weight:bold}svg{width:100%;height:auto}"
    "@media print{body{margin:0;padding:0;max-width:none}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

static void cell(FILE *out, const char *css, const char *text)
{
    (void)fprintf(out, "<td class=\"%s\">", css);
    log_html(out, text);
    (void)fputs("</td>", out);
}

static void number_cell(FILE *out, long long n)
{
    if (n < 0)
        (void)fputs("<td class=\"n\">-</td>", out);
    else
        (void)fprintf(out, "<td class=\"n\">%lld</td>", n);
}

/* "2026-11-21T02:59:14.009Z" as "2026-11-21 02:59:14.009". */
static void time_text(const char *time, char out[AUDIT_TIME_SIZE + 1])
{
    (void)snprintf(out, AUDIT_TIME_SIZE + 1, "%.23s", time);
    if (strlen(out) > 10)
        out[10] = ' ';
}

static void time_cell(FILE *out, const char *time)
{
    char text[AUDIT_TIME_SIZE + 1];

    time_text(time, text);
    cell(out, "t", text);
}

static void cut_line(FILE *out, uint64_t cut, const char *what)
{
    if (cut > 0)
        (void)fprintf(out,
                      "<p class=\"red\">%" PRIu64 " more %s are not shown here: the "
                      "table is full. Ask for a shorter period.</p>",
                      cut, what);
}

/* What was checked beside the chain, and what was not. */
static void write_seals(FILE *out, const struct report *r)
{
    const struct audit_seal_summary *s = &r->verdict.seal;

    if (s->seals > 0)
        (void)fprintf(out,
                      "<p>%" PRIu64 " seals, the last at record %" PRIu64 ", %s. %" PRIu64
                      " signatures and %" PRIu64 " MACs are good.</p>",
                      s->seals, s->seq, s->time, s->signatures, s->macs);
    (void)fprintf(out, "<p class=\"small\">Checked: the chain of hashes%s%s%s. ",
                  r->keys > 0 ? ", the signatures of the seals" : "",
                  r->seeds > 0 ? ", their MACs" : "",
                  r->anchors_given ? ", the anchors" : "");
    if (r->keys == 0 && r->seeds == 0)
        (void)fputs("No key was given for the seals: one who can write the whole log "
                    "anew is not found by this. ",
                    out);
    if (!r->anchors_given)
        (void)fputs("No anchors were given: records cut off at the end are not found. ",
                    out);
    (void)fputs("</p>", out);
}

static void write_integrity(FILE *out, const struct report *r)
{
    static const char *const words[] = {
        "The chain is unbroken.", "The log has been tampered with.",
        "The log is incomplete.", "The log could not be read."};
    const struct audit_verdict *v = &r->verdict;

    (void)fprintf(out, "<div class=\"box %s\"><b>%s</b>",
                  v->state == AUDIT_STATE_OK ? "ok" : "bad", words[v->state]);
    if (v->state != AUDIT_STATE_OK) {
        (void)fprintf(out, "<p>Line %" PRIu64 ", record %" PRIu64 ": ", v->bad.line,
                      v->bad.seq);
        log_html(out, v->why);
        (void)fputs("</p>", out);
    }
    (void)fprintf(out, "<p>%" PRIu64 " records in an unbroken chain", v->records);
    if (v->records > 0)
        (void)fprintf(out, ", %s to %s", v->first.time, v->last.time);
    (void)fputs(". This page shows only these.</p>", out);
    write_seals(out, r);
    (void)fputs("</div>", out);
}

#define LEFT  230
#define WIDTH 770
#define ROW   20

static double place(const struct report *r, const char *time)
{
    long long from = log_time_ms(r->first);
    long long to = log_time_ms(r->last);
    long long at = log_time_ms(*time ? time : r->last);

    if (to <= from || at <= from)
        return LEFT;
    return LEFT + WIDTH * (at >= to ? 1.0 : (double)(at - from) / (double)(to - from));
}

static void write_bar(FILE *out, const struct report *r, size_t i)
{
    const struct report_session *s = &r->session[i];
    double from = place(r, s->begin);
    double width = place(r, s->end) - from;
    size_t y = i * ROW;
    char label[30];

    (void)fprintf(out, "<text x=\"0\" y=\"%zu\" font-size=\"12\">%lld ", y + 15,
                  s->id & 0xFFFFF);
    (void)snprintf(label, sizeof label, "%.12s %s", s->route, s->who);
    log_html(out, label);
    (void)fprintf(out,
                  "</text><rect x=\"%.1f\" y=\"%zu\" width=\"%.1f\" height=\"12\" "
                  "rx=\"2\" fill=\"%s\"><title>%" PRIu64 " commands, %" PRIu64
                  " refused</title></rect>",
                  from, y + 5, width < 3 ? 3 : width, s->refused ? "#c98a1b" : "#2f6fab",
                  s->commands, s->refused);
}

static void write_timeline(FILE *out, const struct report *r)
{
    char first[AUDIT_TIME_SIZE + 1];
    char last[AUDIT_TIME_SIZE + 1];
    size_t height = r->sessions * ROW + 24;

    time_text(r->first, first);
    time_text(r->last, last);
    (void)fprintf(out,
                  "<h2>Sessions</h2><svg viewBox=\"0 0 1000 %zu\" role=\"img\" "
                  "font-family=\"DejaVu Sans,Helvetica,Arial,sans-serif\">",
                  height);
    for (int i = 0; i <= 4; i++)
        (void)fprintf(
            out, "<line x1=\"%d\" x2=\"%d\" y1=\"0\" y2=\"%zu\" stroke=\"#d4dae0\"/>",
            LEFT + WIDTH * i / 4, LEFT + WIDTH * i / 4, height - 20);
    for (size_t i = 0; i < r->sessions; i++)
        write_bar(out, r, i);
    (void)fprintf(out, "<g font-size=\"12\" fill=\"#55616e\"><text x=\"%d\" y=\"%zu\">",
                  LEFT, height - 4);
    log_html(out, first);
    (void)fprintf(out, "</text><text x=\"1000\" y=\"%zu\" text-anchor=\"end\">",
                  height - 4);
    log_html(out, last);
    (void)fputs("</text></g></svg><p class=\"small\">Number, route, peer. Blue: nothing "
                "refused; ochre: something was. A bar to the right edge: not closed in "
                "this period.</p>",
                out);
    cut_line(out, r->sessions_cut, "sessions");
}

static void write_operations(FILE *out, const struct report *r)
{
    (void)fputs("<h2>Operations</h2><table><thead><tr><th>Record</th><th>Time (UTC)</th>"
                "<th>Who</th><th>Route</th><th>Point</th><th>Verdict, rule</th>"
                "<th>ms</th><th>Result</th><th>Returned state, or what is "
                "missing</th></tr></thead><tbody>",
                out);
    for (size_t i = 0; i < r->operations; i++) {
        const struct report_operation *o = &r->operation[i];
        char verdict[96];

        (void)snprintf(verdict, sizeof verdict, "%s%s%s", o->verdict,
                       *o->rule ? ", " : "", o->rule);
        (void)fputs("<tr>", out);
        number_cell(out, o->seq);
        time_cell(out, o->time);
        cell(out, "", o->who);
        cell(out, "", o->route);
        cell(out, "", o->point);
        cell(out, "", verdict);
        number_cell(out, o->latency_ms);
        cell(out, o->good ? "t" : "t red", o->result);
        cell(out, "", o->state);
        (void)fputs("</tr>\n", out);
    }
    (void)fputs("</tbody></table>", out);
    cut_line(out, r->operations_cut, "operations");
    if (r->latency.n > 0)
        (void)fprintf(out,
                      "<p>Answers of stations: %" PRIu64 ", half within %" PRIu64
                      " ms, 95 %% within %" PRIu64 " ms, 99 %% within %" PRIu64
                      " ms.</p>",
                      r->latency.n, log_latency_percentile(&r->latency, 50),
                      log_latency_percentile(&r->latency, 95),
                      log_latency_percentile(&r->latency, 99));
}

static void write_counts(FILE *out, const char *title, const struct report_counts *t)
{
    (void)fprintf(out, "<h2>%s</h2>", title);
    if (t->count == 0) {
        (void)fputs("<p>None.</p>", out);
        return;
    }
    (void)fputs("<table><tbody>", out);
    for (size_t i = 0; i < t->count; i++) {
        (void)fputs("<tr>", out);
        cell(out, "", t->row[i].name);
        number_cell(out, (long long)t->row[i].n);
        (void)fputs("</tr>", out);
    }
    (void)fputs("</tbody></table>", out);
    cut_line(out, t->cut, "under other names");
}

static void write_notes(FILE *out, const char *title, const struct report_notes *n)
{
    (void)fprintf(out, "<h2>%s</h2>", title);
    if (n->count == 0) {
        (void)fputs("<p>None.</p>", out);
        return;
    }
    (void)fputs("<table><thead><tr><th>Record</th><th>Time (UTC)</th><th>Event</th>"
                "<th>Who</th><th>What</th></tr></thead><tbody>",
                out);
    for (size_t i = 0; i < n->count; i++) {
        (void)fputs("<tr>", out);
        number_cell(out, n->row[i].seq);
        time_cell(out, n->row[i].time);
        cell(out, "t", n->row[i].event);
        cell(out, "", n->row[i].who);
        cell(out, "", n->row[i].what);
        (void)fputs("</tr>\n", out);
    }
    (void)fputs("</tbody></table>", out);
    cut_line(out, n->cut, "records");
}

void report_write(FILE *out, const struct report *r, const char *name)
{
    (void)fprintf(out,
                  "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                  "'none'; style-src 'unsafe-inline'\"><title>gate104 session log</title>"
                  "<style>%s</style></head><body><h1>Session log</h1><p>",
                  style);
    log_html(out, name);
    (void)fprintf(out, "</p><p>Period: %s to %s, %" PRIu64 " records. All times UTC.</p>",
                  r->records ? r->first : "-", r->records ? r->last : "-", r->records);
    write_integrity(out, r);
    write_timeline(out, r);
    write_operations(out, r);
    if (r->by_outcome.count > 0)
        write_counts(out, "Operations by outcome", &r->by_outcome);
    write_counts(out, "Commands by person", &r->people);
    if (r->points.count > 0)
        write_counts(out, "Commands by point", &r->points);
    write_counts(out, "Refusals by rule", &r->by_rule);
    write_counts(out, "Refusals by person", &r->by_person);
    write_notes(out, "Alarms", &r->alarms);
    write_notes(out, "Warnings of certificates and TLS", &r->certificates);
    (void)fputs("</body></html>\n", out);
}
