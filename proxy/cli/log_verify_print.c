#include "proxy/cli/cli.h"
#include "proxy/cli/log_verify.h"

#include "proxy/audit_verify_time.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* Records behind the last seal that counts. */
static uint64_t behind(const struct audit_verdict *v)
{
    return v->records > 0 && v->seal.seq > 0 && v->last.seq > v->seal.seq
               ? v->last.seq - v->seal.seq
               : 0;
}

/* Seconds since the last seal; 0 if its time is in the future. */
static int64_t seal_age(const struct audit_verdict *v)
{
    struct timespec now;
    int64_t ms;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (v->seal.seals == 0 || !audit_time_read(v->seal.time, &ms) ||
        now.tv_sec < ms / 1000)
        return 0;
    return now.tv_sec - ms / 1000;
}

/* ---- in words ---- */

static void print_bad(const struct audit_verdict *v)
{
    if (v->state == AUDIT_STATE_OK)
        return;
    (void)printf("  ");
    if (v->bad.file[0] != '\0' && v->bad.line > 0) {
        cli_put_safe(stdout, v->bad.file, 0, false);
        (void)printf(", ");
    }
    if (v->bad.line > 0)
        (void)printf("line %" PRIu64, v->bad.line);
    if (v->bad.line > 0 && v->bad.seq > 0)
        (void)printf(", record %" PRIu64, v->bad.seq);
    (void)printf("%s%s\n", v->bad.line > 0 ? ": " : "", v->why);
}

static void print_chain(const struct audit_verdict *v)
{
    if (v->records > 0)
        (void)printf("  %" PRIu64 " record%s in an unbroken chain: %" PRIu64
                     " to %" PRIu64 ", %s to %s",
                     v->records, plural(v->records), v->first.seq, v->last.seq,
                     v->first.time, v->last.time);
    if (v->records > 0)
        (void)printf(v->files > 1 ? ", in %" PRIu64 " files\n" : "\n", v->files);
    if (v->head_missing && v->head_deleted)
        (void)printf("  records 1 to %" PRIu64 " were deleted by retention, of which a "
                     "record tells\n",
                     v->first.seq - 1);
    if (v->torn > 0)
        (void)printf("  %" PRIu64 " octets of an unfinished line at the end\n", v->torn);
}

static void print_keys(const struct log_verify_request *r, const struct audit_verdict *v)
{
    const struct audit_seal_summary *s = &v->seal;
    char key[2 * AUDIT_SEAL_KEY_SIZE + 1];

    audit_hex(s->key, sizeof s->key, key);
    (void)printf("  %" PRIu64 " seal%s, the last of epoch %" PRIu64 " at record %" PRIu64
                 ", %s, key %s\n",
                 s->seals, plural(s->seals), s->epoch, s->seq, s->time, key);
    if (r->options.n_keys > 0)
        (void)printf("  %" PRIu64 " signature%s checked\n", s->signatures,
                     plural(s->signatures));
    if (s->strange > 0)
        (void)printf("  %" PRIu64 " seal%s by another key than was given\n", s->strange,
                     plural(s->strange));
    if (r->options.n_seeds > 0)
        (void)printf("  %" PRIu64 " MAC%s checked\n", s->macs, plural(s->macs));
    if (r->options.anchors)
        (void)printf("  %zu of %zu anchors are there%s\n",
                     audit_anchors_found(&r->anchors), r->anchors.n,
                     s->deleted > 0 ? ", the others are older than the log" : "");
    if (behind(v) > 0)
        (void)printf("  %" PRIu64 " record%s behind the last seal %s only chained (the "
                     "seal is %" PRId64 " s old)\n",
                     behind(v), plural(behind(v)), behind(v) == 1 ? "is" : "are",
                     seal_age(v));
}

static void print_recordings(const struct log_verify_request *r,
                             const struct audit_verdict *v)
{
    const struct audit_recordings_summary *s = &v->recordings;

    if (r->options.log_alone)
        (void)printf("  Not checked: recordings (--log-alone).\n");
    else if (s->named > 0)
        (void)printf("  %" PRIu64 " of %" PRIu64 " recording%s %s as the log says, "
                     "%" PRIu64 " octets\n",
                     s->good, s->named, plural(s->named), s->named == 1 ? "is" : "are",
                     s->octets);
}

/* What an OK of these options does not say. */
static void print_limits(const struct log_verify_request *r,
                         const struct audit_verdict *v)
{
    if (v->state != AUDIT_STATE_OK && v->state != AUDIT_STATE_INCOMPLETE)
        return;
    if (v->seal.seals == 0)
        (void)printf("  Checked: the chain of hashes. The log is not sealed: one who can "
                     "write the whole file\n  anew, change its last record or cut its "
                     "end is not found by this.\n");
    else if (r->options.n_keys == 0 && r->options.n_seeds == 0)
        (void)printf("  Checked: the chain of hashes alone. Give the key of its seals "
                     "(--key) to know who wrote it.\n");
    else if (r->options.n_seeds == 0)
        (void)printf("  Not checked: the MACs (--seed). Who has the signing key of the "
                     "machine is not found by this.\n");
    if (v->seal.seals > 0 && r->options.n_keys + r->options.n_seeds > 0 &&
        !r->options.anchors)
        (void)printf(
            "  Not checked: anchors (--anchors). That the end was cut off is not "
            "found by this.\n");
}

/* What the audit process put aside belongs to the picture. */
static void print_aside(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;

    while (dir && (e = readdir(dir)) != NULL) {
        if (strncmp(e->d_name, "torn-", 5) != 0 && strncmp(e->d_name, "damaged-", 8) != 0)
            continue;
        (void)printf("  put aside earlier: ");
        cli_put_safe(stdout, e->d_name, 0, false);
        (void)printf(" (see the records log.recovered)\n");
    }
    if (dir)
        (void)closedir(dir);
}

static const char *const words[] = {"OK", "TAMPERED", "INCOMPLETE", "UNUSABLE"};

void log_verify_print(const struct log_verify_request *r, const struct audit_verdict *v)
{
    cli_put_safe(stdout, r->path, 0, false);
    (void)printf(": %s\n", words[v->state]);
    print_bad(v);
    print_chain(v);
    if (v->seal.seals > 0)
        print_keys(r, v);
    print_recordings(r, v);
    print_limits(r, v);
    print_aside(r->path);
}

/* ---- JSON ---- */

static void put_text(const char *key, const char *text)
{
    (void)printf(",\"%s\":\"", key);
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\' || *p < 0x20 || *p > 0x7E)
            (void)printf("\\u%04x", (unsigned int)(unsigned char)*p);
        else
            (void)putchar(*p);
    }
    (void)putchar('"');
}

static void put_number(const char *key, uint64_t n)
{
    (void)printf(",\"%s\":%" PRIu64, key, n);
}

static void put_seals(const struct log_verify_request *r, const struct audit_verdict *v)
{
    const struct audit_seal_summary *s = &v->seal;
    char key[2 * AUDIT_SEAL_KEY_SIZE + 1];

    audit_hex(s->key, sizeof s->key, key);
    (void)printf(",\"seals\":{\"count\":%" PRIu64, s->seals);
    put_number("signatures", s->signatures);
    put_number("macs", s->macs);
    put_number("other_key", s->strange);
    if (s->seals > 0) {
        put_number("epoch", s->epoch);
        put_number("seq", s->seq);
        put_text("time", s->time);
        put_text("key", key);
        (void)printf(",\"age_s\":%" PRId64, seal_age(v));
    }
    put_number("behind", s->seals > 0 ? behind(v) : v->records);
    (void)printf("},\"checked\":{\"chain\":true,\"signatures\":%s,\"macs\":%s,"
                 "\"anchors\":%s,\"recordings\":%s}",
                 r->options.n_keys > 0 ? "true" : "false",
                 r->options.n_seeds > 0 ? "true" : "false",
                 r->options.anchors ? "true" : "false",
                 r->options.log_alone ? "false" : "true");
}

void log_verify_print_json(const struct log_verify_request *r,
                           const struct audit_verdict *v)
{
    static const char *const states[] = {"ok", "tampered", "incomplete", "unusable"};

    (void)printf("{\"state\":\"%s\",\"exit\":%d", states[v->state], (int)v->state);
    put_text("log", r->path);
    put_number("files", v->files);
    put_number("octets", v->octets);
    put_number("torn", v->torn);
    put_number("records", v->records);
    if (v->records > 0) {
        put_number("first_seq", v->first.seq);
        put_number("last_seq", v->last.seq);
        put_text("first_time", v->first.time);
        put_text("last_time", v->last.time);
    }
    put_seals(r, v);
    if (v->recordings.named > 0)
        (void)printf(",\"recordings\":{\"named\":%" PRIu64 ",\"good\":%" PRIu64
                     ",\"octets\":%" PRIu64 "}",
                     v->recordings.named, v->recordings.good, v->recordings.octets);
    if (r->options.anchors)
        (void)printf(",\"anchors\":{\"given\":%zu,\"found\":%zu,\"older\":%" PRIu64 "}",
                     r->anchors.n, audit_anchors_found(&r->anchors), v->seal.deleted);
    if (v->state != AUDIT_STATE_OK) {
        (void)printf(",\"bad\":{\"line\":%" PRIu64, v->bad.line);
        put_text("file", v->bad.file);
        put_number("seq", v->bad.seq);
        put_text("why", v->why);
        (void)printf("}");
    }
    (void)printf("}\n");
}
