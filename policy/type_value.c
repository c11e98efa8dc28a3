#include "policy/type_value.h"

#include <float.h>

bool type_value_range(enum type_value kind, double *low, double *high)
{
    static const struct {
        double low, high;
    } range[] = {
        [VALUE_NONE] = {0, 0},
        [VALUE_SINGLE] = {0, 1},
        [VALUE_DOUBLE] = {0, 3},
        [VALUE_REGULATING] = {0, 3},
        [VALUE_STEP] = {-64, 63},
        [VALUE_NVA] = {-1, 1},
        [VALUE_SVA] = {-32768, 32767},
        [VALUE_R32] = {-(double)FLT_MAX, (double)FLT_MAX},
        [VALUE_BSI] = {0, 4294967295.0},
        [VALUE_BCR] = {-2147483648.0, 2147483647.0},
    };

    if (kind == VALUE_NONE || (size_t)kind >= sizeof range / sizeof range[0])
        return false;
    *low = range[kind].low;
    *high = range[kind].high;
    return true;
}
