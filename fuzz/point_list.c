/* Lists of points: whatever the text, either every fault is named with its place, or each
 * point is there once, is found by address and by name, and a rule that names all of them
 * lets just these pass.
 *
 * Target functions: point_list_load point_list_free point_list_by_name point_list_from
 *   point_list_names point_csv_begin point_csv_next point_header_read point_row_read
 *   point_names_put point_names_get point_names_find policy_file_load_points
 * Options: -max_len=2048 -dict=fuzz/lib/points.dict
 *
 * Input: the text. */
#include "fuzz/lib/findings.h"
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/policy_probe.h"
#include "fuzz/lib/text_mutate.h"
#include "fuzz/lib/virtual_file.h"

#include "proxy/audit_hash.h"
#include "proxy/policy_file.h"

#include <stdlib.h>
#include <string.h>

static const struct config_place PLACE = {.file = "gate104.conf", .line = 1};
static const char RULE[] = "control = { rules = ( { points = [ \"*\" ]; } ); };\n";
static struct sink sink;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    FUZZ_CHECK(audit_hash_warm_up());
    sink_init(&sink);
    virtual_file("all.policy", RULE, sizeof RULE - 1);
    return 0;
}

static bool load(unsigned int lines, struct point_list *out)
{
    struct config_errors errs;

    config_errors_init(&errs);
    const bool good = point_list_load("a.csv", &PLACE, &errs, out);
    FUZZ_CHECK(good == (errs.errors == 0) && good == (out->count > 0));
    findings_check(&errs, lines, &sink);
    config_errors_free(&errs);
    return good;
}

/* What lines a carriage return can make, too. */
static unsigned int count_lines(const uint8_t *text, size_t n)
{
    unsigned int lines = findings_lines(text, n);

    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\r';
    return lines;
}

static void check_point(const struct point_list *l, size_t i, unsigned int lines)
{
    const struct point *p = &l->point[i];
    const char *name = point_list_text(l, p->name);
    const struct type_info *type = type_info(p->type);

    FUZZ_CHECK(type != NULL && type->ioa != TYPE_IOA_ZERO && p->ca >= 1 && p->ca < 65535);
    FUZZ_CHECK(p->ioa <= ASDU_IOA_MAX && p->line >= 1 && p->line <= lines);
    FUZZ_CHECK(name[0] != '\0' && strlen(name) <= POINT_NAME_MAX && !strchr(name, '*'));
    FUZZ_CHECK(strlen(point_list_text(l, p->unit)) <= POINT_UNIT_MAX);
    FUZZ_CHECK(strlen(point_list_text(l, p->role)) <= POINT_ROLE_MAX);
    FUZZ_CHECK(!p->has_min || !p->has_max || p->min <= p->max);
    FUZZ_CHECK(point_list_by_name(l, name) == p);
    FUZZ_CHECK(point_list_from(l, p->ca, p->ioa) <= i);
    if (i > 0 && p[-1].ca == p->ca)
        FUZZ_CHECK(p[-1].ioa < p->ioa || (p[-1].ioa == p->ioa && p[-1].type < p->type));
    else if (i > 0)
        FUZZ_CHECK(p[-1].ca < p->ca);
}

/* The names on their way to audit. */
static void check_names(const struct point_list *l)
{
    struct point_names names, again;
    struct wire_writer w;
    struct wire_reader r;

    FUZZ_CHECK(point_list_names(l, &names));
    const size_t size = point_names_size(&names);
    uint8_t *octets = malloc(size);
    FUZZ_CHECK(octets != NULL);
    wire_writer_init(&w, octets, size);
    point_names_put(&w, &names);
    FUZZ_CHECK(!w.bad && w.len == size);
    wire_reader_init(&r, octets, size);
    FUZZ_CHECK(point_names_get(&r, &again) && wire_end(&r));
    for (size_t i = 0; i < l->count; i++) {
        const struct point *p = &l->point[i];
        const char *name = point_names_find(&again, p->ca, p->ioa, p->type);
        FUZZ_CHECK(name != NULL && strcmp(name, point_list_text(l, p->name)) == 0);
    }
    point_names_free(&names);
    point_names_free(&again);
    free(octets);
}

/* True if a command is in the list. */
static bool is_command(const struct point_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (type_in_direction(type_info(l->point[i].type), DIR_CONTROL))
            return true;
    return false;
}

static void check_rule(const struct point_list *l)
{
    struct config_errors errs;
    struct policy_file f;
    struct policy *policy;
    char err[200];

    config_errors_init(&errs);
    const bool good = policy_file_load_points("all.policy", l, &PLACE, &errs, &f);
    FUZZ_CHECK(good == is_command(l));
    config_errors_free(&errs);
    if (!good)
        return;
    FUZZ_CHECK(policy_load(f.blob, f.size, &policy, err, sizeof err));
    policy_probe(f.blob, f.size, policy);
    policy_free(policy);
    policy_file_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned int lines = count_lines(data, size);
    uint8_t hash[AUDIT_HASH_SIZE];
    struct point_list l;

    virtual_file("a.csv", data, size);
    if (!load(lines, &l)) {
        FUZZ_CHECK(l.point == NULL && l.text == NULL);
        return 0;
    }
    FUZZ_CHECK(audit_hash(data, size, hash) && memcmp(hash, l.hash, sizeof hash) == 0);
    for (size_t i = 0; i < l.count; i++)
        check_point(&l, i, lines);
    check_names(&l);
    check_rule(&l);
    point_list_free(&l);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    if (seed % 2 == 0)
        return LLVMFuzzerMutate(data, size, max);
    return text_mutate(data, size, max, seed / 2);
}
