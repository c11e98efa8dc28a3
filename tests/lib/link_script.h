/* Scripts for the relay: who sends what, what must come out, how it ends.
 *
 * A script is a list of steps separated by ';'.  Small m and s are what arrives from the
 * master's and the station's leg, what the driver decides about that leg's head, or what
 * the relay says of the leg; big M and S are the next APDU that must stand, octet for
 * octet, in that leg's output.
 *
 *   m I ns nr asdu   m S nr   m U function   m raw octets     ... each with "!reason"
 *   m forward   m hold   m drop   m refuse asdu
 *   m offered asdu   m idle   m held asdu   m room   m full
 *   m open n   m owed n          I-frames to, from the leg without acknowledgement
 *   m answering   m answered     a reply is not, every one is acknowledged
 *   M I ns nr asdu   M S nr   M U function   M .      (. nothing is there)
 *   m burst n    the leg's first n I-frames, forwarded and not acknowledged
 *   start   the STARTDT handshake
 *   run n   n frames each way, acknowledged, as all before them were
 *   close   the driver closes without a fault
 *   started   stopped            whether the master may send I-frames
 *   a   b                        the steps that follow are for this of two links
 *
 * Octets are hexadecimal, "AA*249" repeats.  After a "!reason" the link must be closed
 * for it, on both legs.  A script ends with all outputs empty.  Failures are cmocka's. */
#ifndef GATE104_TESTS_LIB_LINK_SCRIPT_H
#define GATE104_TESTS_LIB_LINK_SCRIPT_H

#include <stdint.h>

struct link_script {
    const char *name;
    uint16_t k; /* of every link in it */
    const char *text;
};

void link_script_run(const struct link_script *script);

#endif
