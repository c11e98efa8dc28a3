/* Reading and writing of the APCI (104 clause 5.1), the simulator's own. */
#ifndef GATE104_SIM_APDU_H
#define GATE104_SIM_APDU_H

#include <stddef.h>
#include <stdint.h>

#define SIM_START    0x68u
#define SIM_APDU_MAX 255u
#define SIM_APDU_MIN 6u

enum sim_format { SIM_I, SIM_S, SIM_U };

#define SIM_STARTDT_ACT 0x07u
#define SIM_STARTDT_CON 0x0Bu
#define SIM_STOPDT_ACT  0x13u
#define SIM_STOPDT_CON  0x23u
#define SIM_TESTFR_ACT  0x43u
#define SIM_TESTFR_CON  0x83u

struct sim_apdu {
    enum sim_format format;
    uint8_t function; /* U */
    uint16_t ns;      /* I */
    uint16_t nr;      /* I, S */
    const uint8_t *asdu;
    size_t asdu_size;
};

/* Size of the APDU at the start of n octets: 0 when more octets are needed to tell or
 * to complete it, -1 when no APDU can start like this. */
int sim_apdu_size(const uint8_t *octets, size_t n);

/* Takes apart one APDU of exactly n octets; NULL or why it is none. */
const char *sim_apdu_open(struct sim_apdu *f, const uint8_t *apdu, size_t n);

/* Write a frame, give its octets. */
size_t sim_apdu_put_u(uint8_t *out, uint8_t function);
size_t sim_apdu_put_s(uint8_t *out, uint16_t nr);
size_t sim_apdu_put_i(uint8_t *out, uint16_t ns, uint16_t nr, const uint8_t *asdu,
                      size_t n);

#endif
