/* Cases for the provers (doc/proof.md).  They do not find by themselves that an index is
 * one of a table's; told so, they look at one row at a time. */
#ifndef GATE104_POLICY_ACSL_H
#define GATE104_POLICY_ACSL_H

#define ACSL_ONE_OF_2(x, n)  ((x) == (n) || (x) == (n) + 1)
#define ACSL_ONE_OF_4(x, n)  (ACSL_ONE_OF_2(x, n) || ACSL_ONE_OF_2(x, (n) + 2))
#define ACSL_ONE_OF_8(x, n)  (ACSL_ONE_OF_4(x, n) || ACSL_ONE_OF_4(x, (n) + 4))
#define ACSL_ONE_OF_16(x, n) (ACSL_ONE_OF_8(x, n) || ACSL_ONE_OF_8(x, (n) + 8))

/* 0 to the number in the name */
#define ACSL_UP_TO_9(x)  (ACSL_ONE_OF_8(x, 0) || ACSL_ONE_OF_2(x, 8))
#define ACSL_UP_TO_11(x) (ACSL_ONE_OF_8(x, 0) || ACSL_ONE_OF_4(x, 8))
#define ACSL_UP_TO_18(x) (ACSL_ONE_OF_16(x, 0) || ACSL_ONE_OF_2(x, 16) || (x) == 18)
#define ACSL_UP_TO_42(x)                                                                 \
    (ACSL_ONE_OF_16(x, 0) || ACSL_ONE_OF_16(x, 16) || ACSL_ONE_OF_8(x, 32) ||            \
     ACSL_ONE_OF_2(x, 40) || (x) == 42)

#endif
