/* A compiled policy from a process that may lie: arbitrary octets are refused with a
 * sentence or become a policy that decides as its rules read.
 *
 * Target functions: policy_load policy_free policy_decide_for policy_rule_name
 * policy_stats policy_default policy_rule_count
 * Options: -max_len=1024
 *
 * Input: the blob. */
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/policy_probe.h"

#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#define ERR_SIZE 80u /* short, so that sentences are cut */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *err = malloc(ERR_SIZE);
    struct policy *p = NULL;

    FUZZ_CHECK(err != NULL);
    memset(err, 0, ERR_SIZE);
    if (policy_load(data, size, &p, err, ERR_SIZE)) {
        FUZZ_CHECK(p != NULL && size >= 16);
        policy_probe(data, size, p);
    } else {
        FUZZ_CHECK(p == NULL);
        FUZZ_CHECK(err[0] != '\0' && memchr(err, '\0', ERR_SIZE) != NULL);
    }
    policy_free(p);
    free(err);
    return 0;
}
