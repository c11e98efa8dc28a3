/* A real gate process and everybody around it, played here: monitor, broker, audit, tls
 * worker, master and station. */
#ifndef GATE104_TESTS_CORPUS_WORLD_H
#define GATE104_TESTS_CORPUS_WORLD_H

#include "proxy/record.h"
#include "proxy/role_config.h"
#include "tests/corpus/row.h"
#include "tests/hostile/stage.h"

#define HEARD_MAX  16384u
#define FAULTS_MAX 8u

/* How the gate under test is set up. */
struct setting {
    enum route_mode mode;
    bool enforce;
    bool sync;     /* commands wait until their record is said to be on disk */
    bool thorough; /* rows are split at every octet, however long they are */
};

/* One end of a session. */
struct station {
    bool tls;                 /* behind a tls worker, which we are; else TCP */
    struct imsg_channel pair; /* tls */
    int tcp;                  /* not tls */
    int theirs;               /* the gate's end, to see what it has not read yet */
    struct numbers next;
    uint16_t acknowledged;      /* last N(R) heard */
    bool mute;                  /* does not confirm TESTFR */
    bool ended;                 /* the gate has closed it */
    const char *wrong;          /* what it should not have heard; NULL if nothing */
    unsigned int confirmations; /* TESTFR con heard */
    size_t size;
    uint8_t heard[HEARD_MAX]; /* whole APDUs, without S-frames and TESTFR con */
    size_t part_size;
    uint8_t part[256]; /* an APDU that is not complete yet */
};

/* A record about a fault. */
struct fault_record {
    enum event event;
    uint64_t reason, offset, direction;
    char verdict[17];
    size_t apdu_size;
    uint8_t apdu[255];
};

struct session {
    uint64_t id;
    struct station at[LINK_LEGS];
    bool over; /* the broker was told */
    /* What the log was told: */
    unsigned int commands; /* op.command */
    unsigned int faults, closes, not_forwarded;
    struct fault_record fault[FAULTS_MAX]; /* the first of them */
    char close_why[65], close_leg[17];
};

enum { ON_TRIAL, WITNESS, SESSIONS };

struct world {
    struct stage stage;
    struct setting setting;
    struct imsg_channel broker, audit;
    int listener; /* for TCP connections to ourselves */
    uint64_t last_session;
    struct session *session[SESSIONS]; /* NULL: none */
    uint64_t asked_to_dial;            /* for this session; 0: none */
    char wrong[200];                   /* what the gate should not have said; "" */
};

/* ---- world.c ---- */

/* Starts a gate.  False, with a comment on stdout, if that does not work. */
bool world_begin(struct world *w, const char *build, const struct setting *setting);
void world_end(struct world *w);
/* Takes in what has come, after waiting so long for something at the most. */
void world_listen(struct world *w, int wait_ms);
/* Says what should not have been said; the first word counts. */
void world_complain(struct world *w, const char *what);
/* Descriptors the gate process has open, 0 if that cannot be seen. */
unsigned int world_gate_descriptors(const struct world *w);

/* ---- session.c ---- */

/* A new session, both ends connected. */
bool session_begin(struct world *w, unsigned int place, struct session *s,
                   enum corpus_route route);
/* Both ends go; waits until the gate has said that it is over. */
bool session_end(struct world *w, unsigned int place);
/* Waits until the gate has ended it, and both ends have heard so. */
bool session_wait_end(struct world *w, struct session *s);
/* Forgets what has been heard and logged. */
void session_forget(struct session *s);

/* Sends octets in one write, or one message of a tls worker (if they fit).  False if the
 * session has ended. */
bool station_send(struct world *w, struct station *st, const uint8_t *p, size_t n);
/* Waits until the gate has read them, so that what follows cannot join them. */
bool station_settle(struct world *w, struct station *st);
/* Hears what has come. */
void station_listen(struct world *w, struct station *st);
/* Waits for so many TESTFR con, or the end of the session. */
bool station_wait_confirmations(struct world *w, struct session *s, struct station *st,
                                unsigned int count);
/* Waits for so many octets heard, or the end of the session. */
bool station_wait_heard(struct world *w, struct session *s, struct station *st,
                        size_t size);

extern const uint8_t TESTFR_ACT[6];

#endif
