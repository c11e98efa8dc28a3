/* Information elements of IEC 60870-5-101 clause 7.2.6: their sizes, and which octets are
 * legal in control direction.
 *
 * Pure: no I/O, no allocation, callable from any process. */
#ifndef GATE104_POLICY_ELEMENT_H
#define GATE104_POLICY_ELEMENT_H

#include "policy/reason.h"

#include <stddef.h>
#include <stdint.h>

enum element {
    ELEMENT_NONE, /* ends a list of elements */
    ELEMENT_SIQ,
    ELEMENT_DIQ,
    ELEMENT_VTI,
    ELEMENT_QDS,
    ELEMENT_NVA,
    ELEMENT_SVA,
    ELEMENT_R32,
    ELEMENT_BSI,
    ELEMENT_BCR,
    ELEMENT_SCD,
    ELEMENT_SEP,
    ELEMENT_SPE,
    ELEMENT_OCI,
    ELEMENT_QDP,
    ELEMENT_CP16,
    ELEMENT_CP56,
    ELEMENT_CP56_BOUND, /* as CP56, and all zero for "no bound" (type 127) */
    ELEMENT_SCO,
    ELEMENT_DCO,
    ELEMENT_RCO,
    ELEMENT_QOS,
    ELEMENT_COI,
    ELEMENT_QOI,
    ELEMENT_QCC,
    ELEMENT_QRP,
    ELEMENT_TSC,
    ELEMENT_QPM,
    ELEMENT_QPA,
    ELEMENT_NOF,
    ELEMENT_NOS,
    ELEMENT_LOF,
    ELEMENT_FRQ,
    ELEMENT_SRQ,
    ELEMENT_SCQ,
    ELEMENT_LSQ,
    ELEMENT_AFQ,
    ELEMENT_CHS,
    ELEMENT_SOF,
    ELEMENT_LOS, /* and, behind it, as many octets as it says */
};

/* Its octets, without those a LOS announces. */
size_t element_size(enum element element);

/* Judges the element_size(element) octets at p as a controlling station may send them:
 * reserved bits and reserved or private qualifiers are 0 or refused, times are dates of
 * the calendar and not marked invalid, floats are numbers.  `offset` of the verdict
 * counts from p.  Reasons: REASON_RESERVED_BIT, REASON_BAD_VALUE, REASON_BAD_QUALIFIER,
 * REASON_BAD_TIME. */
struct verdict element_check(enum element element, const uint8_t *p);

#endif
