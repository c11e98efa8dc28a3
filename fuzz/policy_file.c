/* Policy files: whatever the text, either every fault is named with its place, or what
 * came out is a policy that the gate takes and that decides as its rules read.
 *
 * Target functions: policy_file_load policy_file_free policy_file_ranges
 *   config_tree_read config_group_read config_errors_print config_text_clean
 *   config_nearest policy_load policy_builder_add
 * Options: -max_len=2048 -dict=fuzz/lib/config.dict
 *
 * Input: the text. */
#include "fuzz/lib/findings.h"
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/policy_probe.h"
#include "fuzz/lib/text_mutate.h"
#include "fuzz/lib/virtual_file.h"

#include "proxy/audit_hash.h"
#include "proxy/policy_file.h"

#include "policy/policy.h"

#include <string.h>

static const struct config_place PLACE = {.file = "gate104.conf", .line = 1};
static struct sink sink;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    FUZZ_CHECK(audit_hash_warm_up());
    sink_init(&sink);
    return 0;
}

static bool load(unsigned int lines, struct policy_file *out)
{
    struct config_errors errs;

    config_errors_init(&errs);
    const bool good = policy_file_load("a.policy", &PLACE, &errs, out);
    FUZZ_CHECK(good == (errs.errors == 0));
    findings_check(&errs, lines, &sink);
    config_errors_free(&errs);
    return good;
}

static void check_policy(const struct policy_file *f, const uint8_t *text, size_t n)
{
    uint8_t hash[AUDIT_HASH_SIZE];
    struct policy *policy;
    char err[200];

    FUZZ_CHECK(audit_hash(text, n, hash) && memcmp(hash, f->hash, sizeof hash) == 0);
    FUZZ_CHECK(policy_load(f->blob, f->size, &policy, err, sizeof err));
    policy_probe(f->blob, f->size, policy);
    policy_free(policy);
    for (unsigned int dir = 0; dir < DIRECTIONS; dir++)
        FUZZ_CHECK((f->needs[dir] & ~quirk_set_of((enum direction)dir)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned int lines = findings_lines(data, size);
    struct policy_file f, again;

    virtual_file("a.policy", data, size);
    if (!load(lines, &f)) {
        FUZZ_CHECK(f.blob == NULL);
        return 0;
    }
    check_policy(&f, data, size);
    FUZZ_CHECK(load(lines, &again));
    FUZZ_CHECK(f.size == again.size && memcmp(f.blob, again.blob, f.size) == 0);
    policy_file_free(&f);
    policy_file_free(&again);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    if (seed % 2 == 0)
        return LLVMFuzzerMutate(data, size, max);
    return text_mutate(data, size, max, seed / 2);
}
