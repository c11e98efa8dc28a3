/* The one table of reasons, and the verdict every check of policy/ gives.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_REASON_H
#define GATE104_POLICY_REASON_H

#include <stdbool.h>
#include <stdint.h>

enum reason_class {
    REASON_CLASS_NONE,
    REASON_CLASS_FRAMING,
    REASON_CLASS_LINK,
    REASON_CLASS_STRUCTURE,
    REASON_CLASS_MEANING,
};

enum reason {
#define X(symbol, id, name, class, clause, text) symbol = (id),
#include "policy/reason.def"
#undef X
};

/* What a check found.  `offset` is the index of the offending octet, counted from the
 * first octet of what was checked (the start octet 0x68 for apci_*, the TypeID for
 * asdu_*); it is 0 when `reason` is REASON_OK.  `quirk` is the quirk (policy/quirk.h)
 * that would let the fault through, 0 if there is none. */
struct verdict {
    enum reason reason;
    uint16_t offset;
    uint8_t quirk;
};

struct reason_info {
    enum reason reason;
    enum reason_class class;
    const char *name;   /* short, stable, for logs: "bad-start" */
    const char *text;   /* a sentence for people */
    const char *clause; /* the rule it enforces */
};

/* The row of a reason, or NULL if `id` is no reason (the id may come from another
 * process). */
const struct reason_info *reason_info(unsigned int id);
/* Its name, or "unknown". */
const char *reason_name(unsigned int id);
/* True if the octets behind the fault cannot be told apart into APDUs any more. */
bool reason_loses_framing(enum reason reason);
/* "framing", "link", "structure", "meaning" or "none". */
const char *reason_class_name(enum reason_class class);

#endif
