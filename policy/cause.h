/* Causes of transmission, 101 clause 7.2.3.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_CAUSE_H
#define GATE104_POLICY_CAUSE_H

#include <stdbool.h>
#include <stdint.h>

/* Those this project names. */
enum cot {
    COT_SPONTANEOUS = 3,
    COT_INITIALIZED = 4,
    COT_REQUEST = 5,
    COT_ACTIVATION = 6,
    COT_ACTIVATION_CON = 7,
    COT_DEACTIVATION = 8,
    COT_DEACTIVATION_CON = 9,
    COT_TERMINATION = 10,
    COT_RETURN_REMOTE = 11,
    COT_RETURN_LOCAL = 12,
    COT_UNKNOWN_TYPE = 44,
    COT_UNKNOWN_CAUSE = 45,
    COT_UNKNOWN_CA = 46,
    COT_UNKNOWN_IOA = 47,
    COT_PRIVATE = 48, /* the first; 63 is the last */
};
#define COT_MAX 63u

/* Sets of causes: bit n is cause n. */
#define COT_BIT(cause)         (UINT64_C(1) << (cause))
#define COT_RANGE(first, last) ((COT_BIT((last) - (first)) * 2 - 1) << (first))

/*@ predicate in_set(integer causes, integer cause) = (causes & (1 << cause)) != 0;
    predicate is_mirrored(integer cause) = 44 <= cause <= 47;
    predicate is_answer(integer cause) =
      cause == 7 || cause == 9 || cause == 10 || is_mirrored(cause);
 */

/* True for the answers that send a command back as not understood (44..47). */
/*@ assigns \nothing;
    ensures \result <==> is_mirrored(cause); */
static inline bool cot_is_mirrored(unsigned int cause)
{
    return cause >= COT_UNKNOWN_TYPE && cause <= COT_UNKNOWN_IOA;
}

/* True for causes with which a controlled station answers (7, 9, 10, 44..47).  P/N has a
 * meaning in these only. */
/*@ assigns \nothing;
    ensures \result <==> is_answer(cause); */
static inline bool cot_is_answer(unsigned int cause)
{
    return cause == COT_ACTIVATION_CON || cause == COT_DEACTIVATION_CON ||
           cause == COT_TERMINATION || cot_is_mirrored(cause);
}

/* A word for a cause (0..63): "spontaneous", "activation-con"; "reserved" and "private"
 * for those without one. */
const char *cot_name(unsigned int cause);

#endif
