/* Makes ASDUs that are in order, for tests to spoil. */
#ifndef GATE104_TESTS_LIB_ASDU_MAKE_H
#define GATE104_TESTS_LIB_ASDU_MAKE_H

#include <stddef.h>
#include <stdint.h>

#define MAKE_ROOM 4096u

struct make {
    uint8_t type, cause;
    uint8_t flags; /* 0x40 P/N, 0x80 T, as in the cause octet */
    uint8_t vsq;   /* 0: one object */
    uint8_t oa;
    uint16_t ca;                         /* 0: 1 */
    uint32_t ioa;                        /* 0: 1, or 0 where the type wants it */
    uint8_t cot_size, ca_size, ioa_size; /* 0: those of 104 (2, 2, 3) */
};

/* Writes the ASDU with elements a controlling station may send (whatever the type),
 * object addresses counting up; gives its size, which may be beyond what fits into an
 * APDU.  A cause of one octet leaves out the originator. */
size_t asdu_make(const struct make *m, uint8_t out[MAKE_ROOM]);

#endif
