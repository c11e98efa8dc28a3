#include "policy/cause.h"

#include <stddef.h>

static const char *const NAMES[COT_MAX + 1] = {
    [1] = "periodic",
    [2] = "background",
    [3] = "spontaneous",
    [4] = "initialised",
    [5] = "request",
    [6] = "activation",
    [7] = "activation-con",
    [8] = "deactivation",
    [9] = "deactivation-con",
    [10] = "termination",
    [11] = "return-remote",
    [12] = "return-local",
    [13] = "file-transfer",
    [14] = "authentication",
    [15] = "session-key",
    [16] = "user-role-key",
    [20] = "interrogated",
    [21] = "interrogated-group-1",
    [22] = "interrogated-group-2",
    [23] = "interrogated-group-3",
    [24] = "interrogated-group-4",
    [25] = "interrogated-group-5",
    [26] = "interrogated-group-6",
    [27] = "interrogated-group-7",
    [28] = "interrogated-group-8",
    [29] = "interrogated-group-9",
    [30] = "interrogated-group-10",
    [31] = "interrogated-group-11",
    [32] = "interrogated-group-12",
    [33] = "interrogated-group-13",
    [34] = "interrogated-group-14",
    [35] = "interrogated-group-15",
    [36] = "interrogated-group-16",
    [37] = "counter-request",
    [38] = "counter-request-group-1",
    [39] = "counter-request-group-2",
    [40] = "counter-request-group-3",
    [41] = "counter-request-group-4",
    [44] = "unknown-type",
    [45] = "unknown-cause",
    [46] = "unknown-ca",
    [47] = "unknown-ioa",
};

const char *cot_name(unsigned int cause)
{
    if (cause >= COT_PRIVATE && cause <= COT_MAX)
        return "private";
    if (cause > COT_MAX || NAMES[cause] == NULL)
        return "reserved";
    return NAMES[cause];
}
