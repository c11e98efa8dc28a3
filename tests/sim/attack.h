/* What known attacks on controlled stations look like on the wire, as scripts of the
 * master: every command of them is lawful by itself.  For tests of what stands in
 * between; they go to loopback and to networks that exist in documents only. */
#ifndef GATE104_SIM_ATTACK_H
#define GATE104_SIM_ATTACK_H

#include <stdbool.h>
#include <sys/socket.h>

#define SIM_ATTACK_MAX_MS 60000u /* an attack ends then, wherever it is */

struct sim_attack {
    const char *name;
    const char *summary; /* one line */
    bool no_start;       /* its words send STARTDT themselves */
    bool (*write)(void); /* false: no room */
};

/* NULL: there is none. */
const struct sim_attack *sim_attack_find(const char *name);
/* All of them, to standard output. */
void sim_attack_list(void);
/* The words of its script; NULL: a complaint was made. */
const char *sim_attack_words(const struct sim_attack *a);
/* True for addresses that no station in service has: loopback, and the networks of
 * RFC 5737, RFC 3849 and RFC 2544. */
bool sim_attack_allows(const struct sockaddr *to);

#endif
