#include "policy/direction.h"

const char *direction_name(enum direction direction)
{
    return direction == DIR_CONTROL ? "control" : "monitor";
}
