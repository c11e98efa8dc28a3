/* The type table of the simulator and its own encoders: every TypeID of 104 as a list of
 * information elements (101 clause 7.2.6), every element with a reader and a writer. */
#ifndef GATE104_SIM_ELEMENT_H
#define GATE104_SIM_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_ASDU_MAX   249u
#define SIM_HEADER     6u
#define SIM_PARTS_MAX  4u
#define SIM_OBJECT_MAX 16u /* octets of the longest fixed element set (type 127) */
#define SIM_CA_ALL     65535u

/* Quality bits (QDS, and the upper nibble of SIQ, DIQ, SEP, QDP). */
#define SIM_Q_OV 0x01u
#define SIM_Q_EI 0x08u
#define SIM_Q_BL 0x10u
#define SIM_Q_SB 0x20u
#define SIM_Q_NT 0x40u
#define SIM_Q_IV 0x80u

enum sim_part {
    PART_NONE,
    PART_SIQ,
    PART_DIQ,
    PART_VTI,
    PART_NVA,
    PART_SVA,
    PART_R32,
    PART_BSI,
    PART_BCR,
    PART_SCD,
    PART_QDS,
    PART_SEP,
    PART_SPE,
    PART_OCI,
    PART_QDP,
    PART_CP16,
    PART_CP56,
    PART_SCO,
    PART_DCO,
    PART_RCO,
    PART_QOS,
    PART_QOI,
    PART_QCC,
    PART_QRP,
    PART_QPM,
    PART_QPA,
    PART_COI,
    PART_TSC,
    PART_FILE4, /* file transfer is carried and shown as octets only */
    PART_FILE5,
    PART_FILE6,
    PART_FILE7,
    PART_FILE13,
    PART_FILE16,
    PART_SEGMENT, /* 4 octets and as many as the fourth of them says */
    PART_COUNT
};

/* What the elements of one information object say; which members count depends on the
 * parts of its type. */
struct sim_value {
    double number;     /* VTI, NVA (-1..1), SVA, R32, BCR */
    uint32_t bits;     /* SIQ, DIQ, BSI, SCD, SEP, SPE, OCI, SCO, DCO, RCO, TSC */
    uint8_t quality;   /* SIM_Q_* */
    uint8_t qualifier; /* QU, QL, QOI, QCC, QRP, QPM, QPA, COI; sequence octet of BCR */
    bool select;
    bool transient;
    uint16_t elapsed; /* CP16, milliseconds */
    uint8_t time[7];  /* CP56 */
};

struct sim_type {
    uint8_t id;
    const char *name;  /* "M_SP_NA_1" */
    const char *words; /* "single point" */
    bool sequence;     /* SQ = 1 is legal */
    enum sim_part parts[SIM_PARTS_MAX];
};

/* A received ASDU, taken apart as far as its header. */
struct sim_asdu {
    uint8_t type;
    bool sq;
    uint8_t count;
    uint8_t cause;
    bool negative;
    bool test;
    uint8_t oa;
    uint16_t ca;
    const struct sim_type *row; /* NULL: unknown type */
    const uint8_t *octets;
    size_t size;
};

/* The row of a TypeID or NULL. */
const struct sim_type *sim_type_find(unsigned int id);
/* The TypeID of "M_SP_NA_1" or "1"; 0 when there is none. */
unsigned int sim_type_parse(const char *text);
/* Octets of the elements of one object, the address not counted. */
size_t sim_type_size(const struct sim_type *row);
bool sim_type_has(const struct sim_type *row, enum sim_part part);
/* "activation confirmation" and so on, never NULL. */
const char *sim_cause_name(unsigned int cause);

/* Takes an ASDU apart.  NULL when its length is exactly what its type and object number
 * say, else why it is malformed; the header members are set when size is at least 6. */
const char *sim_asdu_open(struct sim_asdu *a, const uint8_t *octets, size_t size);
/* Address and element octets of object i < count of a well formed ASDU of a known type.
 */
const uint8_t *sim_asdu_object(const struct sim_asdu *a, unsigned int i, uint32_t *ioa);

/* Write header or object at out; give the octets written. */
size_t sim_asdu_put_header(uint8_t *out, uint8_t type, uint8_t vsq, uint8_t cause,
                           uint8_t oa, uint16_t ca);
size_t sim_put_ioa(uint8_t *out, uint32_t ioa);
size_t sim_value_put(const struct sim_type *row, const struct sim_value *v, uint8_t *out);
void sim_value_get(const struct sim_type *row, const uint8_t *in, struct sim_value *v);

#endif
