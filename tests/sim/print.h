/* What the simulator says on stdout: a line per APDU or event, in words or as JSON. */
#ifndef GATE104_SIM_PRINT_H
#define GATE104_SIM_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_print {
    bool json;    /* JSON lines */
    bool quiet;   /* no APDUs; events and results only */
    bool verbose; /* what is sent too, S- and U-frames, every object */
};

/* A frame sent or received on connection `id` (0: there is only one). */
void sim_print_frame(const struct sim_print *p, unsigned int id, bool sent,
                     const uint8_t *apdu, size_t n);
/* An event: {"event":"NAME","connection":id,"text":"..."} or "#id text". */
__attribute__((format(printf, 4, 5))) void sim_print_event(const struct sim_print *p,
                                                           const char *name,
                                                           unsigned int id,
                                                           const char *fmt, ...);
/* A finished JSON object or words, whichever is wanted. */
void sim_print_line(const struct sim_print *p, const char *json, const char *words);
/* To stderr: "gate104-sim: ..." */
__attribute__((format(printf, 1, 2))) void sim_print_error(const char *fmt, ...);

#endif
