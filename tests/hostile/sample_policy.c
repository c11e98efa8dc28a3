/* A good message about new policies that changes nothing. */
#include "tests/hostile/mutant.h"

#include "sandbox/messages.h"

#include <string.h>

size_t sample_policy_forget(uint8_t *out)
{
    struct msg_policy_step m = {.update = 1, .step = POLICY_STEP_FORGET};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}
