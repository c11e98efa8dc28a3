#include "policy/reason.h"

#include <stddef.h>

/* Indexed by id; ids that name no reason have no name. */
static const struct reason_info REASONS[] = {
#define X(symbol, id, name, class, clause, text)                                         \
    [id] = {symbol, REASON_CLASS_##class, name, text, clause},
#include "policy/reason.def"
#undef X
};
#define REASONS_N (sizeof REASONS / sizeof REASONS[0])

static const char *const CLASSES[] = {
    [REASON_CLASS_NONE] = "none",       [REASON_CLASS_FRAMING] = "framing",
    [REASON_CLASS_LINK] = "link",       [REASON_CLASS_STRUCTURE] = "structure",
    [REASON_CLASS_MEANING] = "meaning",
};
#define CLASSES_N (sizeof CLASSES / sizeof CLASSES[0])

const struct reason_info *reason_info(unsigned int id)
{
    if (id >= REASONS_N || REASONS[id].name == NULL)
        return NULL;
    return &REASONS[id];
}

const char *reason_name(unsigned int id)
{
    const struct reason_info *info = reason_info(id);

    return info ? info->name : "unknown";
}

bool reason_loses_framing(enum reason reason)
{
    const struct reason_info *info = reason_info(reason);

    return info != NULL && info->class == REASON_CLASS_FRAMING;
}

const char *reason_class_name(enum reason_class class)
{
    return (size_t) class < CLASSES_N ? CLASSES[class] : "none";
}
