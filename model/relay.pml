/* The relay (proxy/link.c, link_line.c, link_output.c) between two stations, small enough
 * to be searched to the last state.  doc/relay.md says what is modelled and what is not;
 * names are those of the C code.  relay.t searches it with
 *
 *   K         window of both legs                        QIN   frames from a station under way
 *   MODULUS   of the sequence numbers, > K               QOUT  frames to a station under way
 *   U         STARTDT, STOPDT (else started for ever)    TEST  TESTFR
 *   IDLE      with U: the master may send STOPDT act in a stopped link, and the station
 *             may answer it or not
 *   LOSS      each leg may be lost at any moment         HOLD, DROP, REFUSE  verdicts besides forward
 *   HOSTILE   the leg whose station sends anything       ROTATE, PROGRESS  see below
 * */

#define LEG_MASTER  0
#define LEG_STATION 1
#define OTHER(leg)  (1 - (leg))
#ifndef HOSTILE
#define HOSTILE 2 /* no leg */
#endif

/* seq_next, seq_distance: nothing else may look at numbers (I10). */
#define NEXT(n)       (((n) + 1) % MODULUS)
#define DISTANCE(a,b) (((b) + MODULUS - (a)) % MODULUS)

/* What a frame is.  An I-frame is known by the number its sender gave it: at most K < MODULUS
 * are open, so no two of those that matter share one. */
#define NOTHING     0
#define STARTDT_ACT 1
#define STARTDT_CON 2
#define STOPDT_ACT  3
#define STOPDT_CON  4
#define TESTFR_ACT  5
#define TESTFR_CON  6
#define S_FRAME     7
#define DATA        8            /* + N(S) from its sender */
#define REPLY       (8 + MODULUS) /* + N(S) of the command it answers */
#define IS_I(what)  ((what) >= DATA)
#define ID(what)    (((what) - DATA) % MODULUS)

#if defined(U) || defined(TEST)
#define PUT_MAX 2 /* LINK_PUT_MAX: an S-frame and a U-frame */
#else
#define PUT_MAX 1
#endif
#define LINE (K + 4)

/* ---- the state ---------------------------------------------------------------------- */

/* On the way, first in, first out: TCP and the buffers at both of its ends, the relay's
 * output buffer among them. */
chan from[2]  = [QIN]  of { byte, byte };       /* what, N(R) */
chan to[2] = [QOUT] of { byte, byte, byte }; /* what, N(S), N(R) */

/* struct link_side */
typedef side_t {
    byte vr; byte due; byte told;
    byte vs; byte va;
    bit inserted_open; byte inserted_next;
    byte line_count;
    byte line[LINE]; /* the head is line[0] */
    byte head;       /* its enum link_slot_state; all others are SLOT_FRESH */
    bit begun; bit started;
    byte act;
    bit idle_stop;
    byte tests;
};
side_t side[2];
chan settled[2] = [K] of { byte };
bit closed;

#define SLOT_FRESH   0
#define SLOT_HELD    1
#define SLOT_FORWARD 2
#define SLOT_REPLY   3
#define CONSUMED     MODULUS /* LINK_CONSUMED: no number */

#ifdef IDLE
#define IDLE_STOPS 1
#else
#define IDLE_STOPS 0
#endif

/* A station. */
typedef peer_t {
    byte vs; byte va; /* to the relay: next, oldest not acknowledged */
    byte vr; byte told; /* from the relay: next, last N(R) said */
    byte data;
    bit testing;
    bit idle; /* IDLE: a STOPDT act of a stopped link has no con */
};
peer_t peer[2];
#define STOPPED  0
#define STARTING 1
#define STARTED  2
#define STOPPING 3

/* The driver's sockets, and whether the other end is still reached. */
bit shut[2];
bit lost[2];

/* The ledger: what became of each open frame.  No part of the relay reads it. */
byte fate[2 * MODULUS];
#define FATE(leg, id) fate[(leg) * MODULUS + (id)]
#define NONE      0 /* not sent, or seen acknowledged by its sender */
#define UNJUDGED  1
#define FORWARDED 2 /* judged so; not seen by the other station */
#define ARRIVED   3
#define ACKED     4 /* and acknowledged by it */
#define DROPPED   5
#define REFUSED   6 /* no answer seen */
#define ANSWERED  7

bit fresh; /* PROGRESS: the last step was a station's own wish, or an accident */
#ifdef PROGRESS
#define NEW fresh = 1
#define OLD fresh = 0
#else
#define NEW skip
#define OLD skip
#endif

/* Scratch, dead between steps. */
hidden byte w, n, a, b, i, j, d;
hidden byte moved;

/* ---- rotation ----------------------------------------------------------------------- */

/* Numbers are used by NEXT, DISTANCE and equality alone, so turning all numbers of one
 * count gives a state that behaves the same.  With ROTATE each of the four counts is
 * turned so that its oldest open number is 0: the same search, up to MODULUS^4 times
 * smaller.  Without it the wrap itself is walked through. */
#define TURN(x) x = DISTANCE(d, x)
#define TURN_WHAT(x) x = ((x) < DATA -> (x) : ((x) < REPLY -> DATA : REPLY) + DISTANCE(d, ID(x)))

/* The numbers of frames from the station of leg g, d further. */
inline rotate_from(g)
{
#ifdef ROTATE
    TURN(peer[g].vs); TURN(peer[g].va);
    if
    :: !closed -> TURN(side[g].vr); TURN(side[g].due); TURN(side[g].told)
    :: else
    fi;
    for (i : 1 .. len(from[g])) { from[g]?w, n; TURN_WHAT(w); from[g]!w, n }
    for (i : 1 .. len(to[g])) {
        to[g]?w, a, n;
        if :: w >= S_FRAME -> TURN(n) :: else fi;
        if :: g == LEG_MASTER && w >= REPLY -> TURN_WHAT(w) :: else fi;
        to[g]!w, a, n
    }
    for (i : 1 .. len(to[OTHER(g)])) {
        to[OTHER(g)]?w, a, n;
        if :: w >= DATA && w < REPLY -> TURN_WHAT(w) :: else fi;
        to[OTHER(g)]!w, a, n
    }
    for (i : 0 .. LINE - 1) { TURN_WHAT(side[g].line[i]) }
    for (j : 1 .. d) {
        w = FATE(g, 0);
        for (i : 0 .. MODULUS - 2) { FATE(g, i) = FATE(g, i + 1) }
        FATE(g, MODULUS - 1) = w
    }
#endif
    skip
}

/* The numbers of frames to the station of leg g, d further. */
inline rotate_to(g)
{
#ifdef ROTATE
    TURN(peer[g].vr); TURN(peer[g].told);
    TURN(side[g].vs); TURN(side[g].va);
    if :: side[g].inserted_open -> TURN(side[g].inserted_next) :: else fi;
    for (i : 1 .. len(to[g])) {
        to[g]?w, a, n;
        if :: IS_I(w) -> TURN(a) :: else fi;
        to[g]!w, a, n
    }
    for (i : 1 .. len(from[g])) {
        from[g]?w, n;
        if :: w >= S_FRAME -> TURN(n) :: else fi;
        from[g]!w, n
    }
    for (i : 1 .. len(settled[OTHER(g)])) {
        settled[OTHER(g)]?n;
        if :: n != CONSUMED -> TURN(n) :: else fi;
        settled[OTHER(g)]!n
    }
#endif
    skip
}

/* ---- the relay: output (link_output.c) ------------------------------------------------ */

/* What is written to a lost leg vanishes. */
#define FREE(leg, count)     (lost[leg] || len(to[leg]) + (count) <= QOUT)
#define OUTPUT_HAS_ROOM(leg) FREE(leg, PUT_MAX)

inline emit(leg, what, ns, nr)
{
    printf("to %d %d %d %d\n", leg, what, ns, nr);
    if :: !lost[leg] -> assert(len(to[leg]) < QOUT); to[leg]!what, ns, nr :: else fi
}

/* A hostile station keeps no account of what it sees acknowledged. */
inline tell(leg)
{
    do
    :: side[leg].told != side[leg].due ->
        if
        :: leg == HOSTILE ->
            FATE(leg, side[leg].told) = NONE;
            peer[leg].va = NEXT(side[leg].told)
        :: else
        fi;
        side[leg].told = NEXT(side[leg].told)
    :: else -> break
    od
}

inline put_i(leg, what)
{
    emit(leg, what, side[leg].vs, side[leg].due);
    side[leg].vs = NEXT(side[leg].vs);
    tell(leg)
}

inline put_due_s(leg)
{
    if
    :: side[leg].told != side[leg].due ->
        emit(leg, S_FRAME, 0, side[leg].due);
        tell(leg)
    :: else
    fi
}

inline put_u(leg, what)
{
    put_due_s(leg);
    emit(leg, what, 0, 0)
}

/* ---- the relay: lines (link_line.c) --------------------------------------------------- */

#define IS_SETTLED_FOR_GOOD(far, number) ((number) == CONSUMED || \
    DISTANCE(side[far].va, number) >= DISTANCE(side[far].va, side[far].vs))

inline advance_due(leg)
{
    do
    :: len(settled[leg]) > 0 ->
        settled[leg]?<n>;
        if
        :: IS_SETTLED_FOR_GOOD(OTHER(leg), n) ->
            settled[leg]?n;
            side[leg].due = NEXT(side[leg].due)
        :: else -> break
        fi
    :: else -> break
    od
}

inline settle(leg, number)
{
    assert(len(settled[leg]) < K);
    settled[leg]!number;
    advance_due(leg)
}

inline line_leave(leg)
{
    for (i : 0 .. LINE - 2) { side[leg].line[i] = side[leg].line[i + 1] }
    side[leg].line[LINE - 1] = NOTHING;
    side[leg].line_count--;
    side[leg].head = SLOT_FRESH
}

inline line_join(leg, what)
{
    assert(side[leg].line_count < LINE);
    side[leg].line[side[leg].line_count] = what;
    side[leg].line_count++
}

inline acknowledge(leg, nr)
{
    d = DISTANCE(side[leg].va, nr);
    if
    :: side[leg].inserted_open && DISTANCE(side[leg].va, side[leg].inserted_next) <= d ->
        side[leg].inserted_open = 0;
        side[leg].inserted_next = 0
    :: else
    fi;
    side[leg].va = nr;
    advance_due(OTHER(leg));
    rotate_to(leg)
}

#define HEAD_IS_I(leg) (IS_I(side[leg].line[0]))
#define HEAD_IS_U(leg) (side[leg].line[0] != NOTHING && !IS_I(side[leg].line[0]))
#define WINDOW_OPEN(leg)    (DISTANCE(side[leg].va, side[leg].vs) < K)
#define HAS_ROOM_FOR_I(leg) (WINDOW_OPEN(leg) && OUTPUT_HAS_ROOM(leg))
#define WAITS_FOR_ROOM(leg) (HEAD_IS_I(leg) && \
    (side[leg].head == SLOT_FRESH || side[leg].head == SLOT_FORWARD))
#define HAS_ROOM_FOR_REPLY(leg) (HAS_ROOM_FOR_I(leg) && !WAITS_FOR_ROOM(OTHER(leg)))

#define CAN_PASS_U(leg) (HEAD_IS_U(leg) && OUTPUT_HAS_ROOM(OTHER(leg)) && \
    !(side[leg].line[0] == STOPDT_CON && side[OTHER(leg)].inserted_open))
#define CAN_PASS_FORWARD(leg) (HEAD_IS_I(leg) && side[leg].head == SLOT_FORWARD && \
    HAS_ROOM_FOR_I(OTHER(leg)))
#define CAN_PASS_REPLY(leg) (HEAD_IS_I(leg) && side[leg].head == SLOT_REPLY && \
    HAS_ROOM_FOR_REPLY(leg))
#define CAN_PASS(leg) (CAN_PASS_U(leg) || CAN_PASS_FORWARD(leg) || CAN_PASS_REPLY(leg))

/* link_view_change */
inline view_change(leg, what)
{
    if
    :: what == STARTDT_ACT -> side[leg].act = what
    :: what == STOPDT_ACT && side[leg].started -> side[leg].act = what
    :: what == STOPDT_ACT && !side[leg].started -> side[leg].idle_stop = 1
    :: what == STARTDT_CON ->
        side[leg].act = 0; side[leg].idle_stop = 0;
        side[leg].started = 1; side[leg].begun = 1
    :: what == STOPDT_CON && side[leg].started -> side[leg].act = 0; side[leg].started = 0
    :: what == STOPDT_CON && !side[leg].started -> side[leg].idle_stop = 0
    :: else
    fi
}

inline pass_head(leg)
{
    w = side[leg].line[0];
    if
    :: CAN_PASS_U(leg) ->
        put_u(OTHER(leg), w);
        view_change(OTHER(leg), w);
        if :: w == TESTFR_ACT -> side[OTHER(leg)].tests++ :: else fi;
        line_leave(leg);
        moved = 1
    :: CAN_PASS_FORWARD(leg) ->
        a = side[OTHER(leg)].vs;
        put_i(OTHER(leg), w);
        line_leave(leg);
        settle(leg, a);
        moved = 1
    :: CAN_PASS_REPLY(leg) ->
        settle(leg, CONSUMED);
        put_i(leg, w + (REPLY - DATA));
        line_leave(leg);
        side[leg].inserted_open = 1;
        side[leg].inserted_next = side[leg].vs;
        moved = 1
    :: else
    fi
}

inline line_move()
{
    do
    :: moved = 0;
       pass_head(LEG_MASTER);
       pass_head(LEG_STATION);
       if :: !moved -> break :: else fi
    od
}

/* ---- the relay: input (link.c) -------------------------------------------------------- */

#define MAY_SEND_I(leg) (side[leg].started && \
    ((leg) == LEG_STATION || side[leg].act != STOPDT_ACT))
#define NR_IS_VALID(leg, nr) \
    (DISTANCE(side[leg].va, nr) <= DISTANCE(side[leg].va, side[leg].vs))
#define MAY_SEND_S(leg, nr) (side[leg].begun && (side[leg].started || (nr) != side[leg].va || \
    ((leg) == LEG_STATION && side[leg].act != STARTDT_ACT)))
#define CAN_RECEIVE(leg) (side[leg].line_count < LINE)

/* link_close and what the driver does then: both legs end.  What was put out may still be
 * read.  The rest of the relay is set to one value, so that equal states are equal. */
inline close_link(why)
{
    printf("close %d\n", why);
    closed = 1;
    shut[LEG_MASTER] = 1;
    shut[LEG_STATION] = 1;
    for (i : LEG_MASTER .. LEG_STATION) {
        do :: len(from[i]) > 0 -> from[i]?_, _ :: else -> break od;
        do :: len(settled[i]) > 0 -> settled[i]?_ :: else -> break od;
        do
        :: side[i].line_count > 0 ->
            side[i].line_count--;
            side[i].line[side[i].line_count] = NOTHING
        :: else -> break
        od;
        side[i].vr = 0; side[i].due = 0; side[i].told = 0; side[i].vs = 0; side[i].va = 0;
        side[i].inserted_open = 0; side[i].inserted_next = 0; side[i].head = SLOT_FRESH;
        side[i].begun = 0; side[i].started = 0; side[i].act = 0; side[i].idle_stop = 0;
        side[i].tests = 0
    }
}

/* An error of the station of this leg: one that keeps the rules is never accused. */
inline accuse(leg)
{
    assert(leg == HOSTILE);
    close_link(leg)
}

inline receive_i(leg, what, nr)
{
    if
    :: !MAY_SEND_I(leg) || ID(what) != side[leg].vr ||
       DISTANCE(side[leg].told, side[leg].vr) >= K || !NR_IS_VALID(leg, nr) -> accuse(leg)
    :: else ->
        if :: leg == HOSTILE -> FATE(leg, ID(what)) = UNJUDGED :: else fi;
        side[leg].vr = NEXT(side[leg].vr);
        line_join(leg, what);
        acknowledge(leg, nr)
    fi
}

inline receive_s(leg, nr)
{
    if
    :: !MAY_SEND_S(leg, nr) || !NR_IS_VALID(leg, nr) -> accuse(leg)
    :: else -> acknowledge(leg, nr)
    fi
}

#define FROM_MASTER(what) ((what) != STARTDT_CON && (what) != STOPDT_CON)
#define FROM_STATION(what) ((what) != STARTDT_ACT && (what) != STOPDT_ACT)
#define CONFIRMS(what) ((what) == STARTDT_CON -> STARTDT_ACT : \
    ((what) == STOPDT_CON -> STOPDT_ACT : 0))

#define MAY_SEND_U(leg, what) \
    (!side[leg].started && (what) == STOPDT_CON -> side[leg].idle_stop : \
    (!side[leg].started && (what) == STOPDT_ACT && side[leg].idle_stop -> 0 : \
    side[leg].act == CONFIRMS(what)))

inline receive_u(leg, what)
{
    if
    :: !(leg == LEG_MASTER -> FROM_MASTER(what) : FROM_STATION(what)) -> accuse(leg)
    :: else ->
        if
        :: what == TESTFR_CON ->
            if
            :: side[leg].tests > 0 -> side[leg].tests--; line_join(leg, what)
            :: else
            fi
        :: what == TESTFR_ACT -> line_join(leg, what)
        :: else ->
            if
            :: !MAY_SEND_U(leg, what) -> accuse(leg)
            :: else -> view_change(leg, what); line_join(leg, what)
            fi
        fi
    fi
}

/* ---- the driver (gate_leg.c, gate_judge.c), for frames from its leg ------------------- */

#define IS_HELD(leg) (HEAD_IS_I(leg) && side[leg].head == SLOT_HELD)
#define IS_OFFERED(leg) (HEAD_IS_I(leg) && side[leg].head == SLOT_FRESH && \
    HAS_ROOM_FOR_I(OTHER(leg)))
#define S_IS_DUE(leg) (side[leg].told != side[leg].due && FREE(leg, 1))

/* What the relay owes the stations: enabled whatever they do. */
#define RELAY_HAS_WORK(leg) (!closed && ((len(from[leg]) > 0 && CAN_RECEIVE(leg)) || \
    IS_HELD(leg) || IS_OFFERED(leg) || CAN_PASS(leg) || S_IS_DUE(leg) || lost[leg]))

inline judged(leg, what_becomes)
{
    FATE(leg, ID(side[leg].line[0])) = what_becomes
}

inline forward(leg) { printf("forward %d\n", leg); judged(leg, FORWARDED); side[leg].head = SLOT_FORWARD; line_move() }
inline drop(leg)    { printf("drop %d\n", leg); judged(leg, DROPPED); line_leave(leg); settle(leg, CONSUMED); line_move() }
inline refuse(leg)  { printf("refuse %d\n", leg); judged(leg, REFUSED); side[leg].head = SLOT_REPLY; line_move() }

active [2] proctype relay()
{
    byte leg = _pid;
end:
    do
    :: d_step { !closed && len(from[leg]) > 0 && CAN_RECEIVE(leg) ->
        from[leg]?w, n;
        printf("taken %d %d 0 %d\n", leg, w, n);
        if
        :: IS_I(w) -> receive_i(leg, w, n)
        :: w == S_FRAME -> receive_s(leg, n)
        :: else -> receive_u(leg, w)
        fi;
        line_move(); OLD }
    :: d_step { !closed && (IS_OFFERED(leg) || IS_HELD(leg)) -> forward(leg); OLD }
#ifdef DROP
    :: d_step { !closed && (IS_OFFERED(leg) || IS_HELD(leg)) -> drop(leg); OLD }
#endif
#ifdef REFUSE
    :: d_step { leg == LEG_MASTER && !closed && (IS_OFFERED(leg) || IS_HELD(leg)) ->
        refuse(leg); OLD }
#endif
#ifdef HOLD
    :: d_step { leg == LEG_MASTER && !closed && IS_OFFERED(leg) ->
        printf("hold %d\n", leg); side[leg].head = SLOT_HELD; OLD }
#endif
    :: d_step { !closed && CAN_PASS(leg) -> line_move(); OLD } /* octets have left */
    :: d_step { !closed && S_IS_DUE(leg) -> put_due_s(leg); OLD }
#ifdef LOSS
    :: d_step { !closed && lost[leg] -> close_link(leg); OLD }
    :: d_step { !closed -> close_link(leg); NEW } /* for a reason of its own */
#endif
    od
}

/* ---- the stations --------------------------------------------------------------------- */

#define REACHED(leg) (!lost[leg] && !shut[leg])
#define HAS_PLACE(leg) (len(from[leg]) < QIN)
#define ACKNOWLEDGES(leg) (peer[leg].data == STARTED || peer[leg].data == STOPPING)
#define OWES(leg) (peer[leg].told != peer[leg].vr)

/* A station that has to answer does not read before it can. */
#define ASKS(leg) (to[leg]?[TESTFR_ACT, 0, 0] || to[leg]?[STARTDT_ACT, 0, 0] || \
    IS_IDLE_STOP(leg))
#define IS_IDLE_STOP(leg) (to[leg]?[STOPDT_ACT, 0, 0] && peer[leg].data == STOPPED)
#define CAN_READ(leg) (!lost[leg] && len(to[leg]) > 0 && \
    (shut[leg] || HAS_PLACE(leg) || !ASKS(leg)))
#define CAN_ACKNOWLEDGE(leg) (REACHED(leg) && OWES(leg) && ACKNOWLEDGES(leg) && HAS_PLACE(leg))
#define CAN_CONFIRM_STOP(leg) (REACHED(leg) && leg == LEG_STATION && \
    peer[leg].data == STOPPING && !OWES(leg) && peer[leg].va == peer[leg].vs && HAS_PLACE(leg))
#define STATION_HAS_WORK(leg) (CAN_READ(leg) || CAN_ACKNOWLEDGE(leg) || CAN_CONFIRM_STOP(leg))

inline say(what, nr)
{
    printf("from %d %d 0 %d\n", leg, what, nr);
    if :: !shut[leg] -> from[leg]!what, nr :: else fi
}

/* It acknowledges all it has read. */
inline say_nr()
{
    peer[leg].told = peer[leg].vr;
    for (i : 0 .. MODULUS - 1) {
        if :: FATE(OTHER(leg), i) == ARRIVED -> FATE(OTHER(leg), i) = ACKED :: else fi
    }
}

#define MAY_SEE_ACKNOWLEDGED(f) ((f) == ACKED || (f) == DROPPED || (f) == ANSWERED || \
    (HOSTILE == OTHER(leg) && ((f) == FORWARDED || (f) == ARRIVED)))

/* I2, I4: what the sender sees acknowledged has come to its end. */
inline take_nr(nr)
{
    d = DISTANCE(peer[leg].va, nr);
    assert(d <= DISTANCE(peer[leg].va, peer[leg].vs));
    for (i : 1 .. d) {
        assert(MAY_SEE_ACKNOWLEDGED(FATE(leg, peer[leg].va)));
        FATE(leg, peer[leg].va) = NONE;
        peer[leg].va = NEXT(peer[leg].va)
    }
    rotate_from(leg)
}

/* I1: once, in order, none left out.  Frames before va were looked at by take_nr. */
inline take_data(id)
{
    assert(FATE(OTHER(leg), id) == FORWARDED);
    for (i : 1 .. DISTANCE(peer[OTHER(leg)].va, id)) {
        j = FATE(OTHER(leg), DISTANCE(i, id));
        assert(j != UNJUDGED && j != FORWARDED)
    }
    FATE(OTHER(leg), id) = ARRIVED
}

/* I4: once, in the order of the commands. */
inline take_reply(id)
{
    assert(leg == LEG_MASTER && FATE(leg, id) == REFUSED);
    for (i : 1 .. DISTANCE(peer[leg].va, id)) {
        assert(FATE(leg, DISTANCE(i, id)) != REFUSED)
    }
    FATE(leg, id) = ANSWERED
}

inline take_i()
{
    assert(peer[leg].data == STARTED || (peer[leg].data == STOPPING && leg == LEG_MASTER));
    assert(a == peer[leg].vr);
    assert(DISTANCE(peer[leg].told, peer[leg].vr) < K); /* I5 */
    if
    :: w < REPLY -> take_data(ID(w))
    :: else -> take_reply(ID(w))
    fi;
    peer[leg].vr = NEXT(peer[leg].vr);
    take_nr(n)
}

inline take_s()
{
    /* A hostile station may acknowledge after its STOPDT con what that left open. */
    assert(ACKNOWLEDGES(leg) || HOSTILE == OTHER(leg));
    assert(n != peer[leg].va); /* I3: one that moves nothing is not sent */
    take_nr(n)
}

inline take_u()
{
    if
    :: w == TESTFR_ACT -> say(TESTFR_CON, 0)
    :: w == TESTFR_CON -> assert(peer[leg].testing); peer[leg].testing = 0 /* I9 */
    :: w == STARTDT_ACT ->
        assert(leg == LEG_STATION && (peer[leg].data == STOPPED || HOSTILE == LEG_MASTER));
        peer[leg].data = STARTED;
        say(STARTDT_CON, 0)
    :: w == STARTDT_CON ->
        assert(leg == LEG_MASTER && peer[leg].data == STARTING);
        peer[leg].data = STARTED; peer[leg].idle = 0
    :: w == STOPDT_ACT && peer[leg].data == STOPPED ->
        assert(IDLE_STOPS || HOSTILE == LEG_MASTER);
        say(STOPDT_CON, 0)
    :: w == STOPDT_ACT && peer[leg].data != STOPPED ->
        assert(leg == LEG_STATION && (peer[leg].data == STARTED || HOSTILE == LEG_MASTER));
        peer[leg].data = STOPPING
    :: w == STOPDT_CON && peer[leg].data != STOPPING ->
        assert(leg == LEG_MASTER && peer[leg].idle &&
               (peer[leg].data == STOPPED || peer[leg].data == STARTING));
        peer[leg].idle = 0
    :: w == STOPDT_CON && peer[leg].data == STOPPING ->
        assert(leg == LEG_MASTER);
        /* I8; a hostile station may confirm before it has acknowledged. */
        assert(!OWES(leg) || HOSTILE == LEG_STATION);
        assert(peer[leg].va == peer[leg].vs || HOSTILE == LEG_STATION);
        peer[leg].data = STOPPED
    fi
}

/* What is under way is lost; that a part of it still arrives is the same a little later. */
inline lose()
{
    printf("lost %d\n", leg);
    lost[leg] = 1;
    do :: len(from[leg]) > 0 -> from[leg]?_, _ :: else -> break od;
    do :: len(to[leg]) > 0 -> to[leg]?_, _, _ :: else -> break od;
    peer[leg].vs = peer[leg].va; peer[leg].vr = 0; peer[leg].told = 0;
    peer[leg].data = STOPPED;
    peer[leg].testing = 0; peer[leg].idle = 0
}

/* Honest.  It stops reading, and acknowledges, whenever it likes: every w and every t2. */
proctype station(byte leg)
{
end:
    do
    :: d_step { CAN_READ(leg) ->
        to[leg]?w, a, n;
        printf("read %d %d %d %d\n", leg, w, a, n);
        if
        :: IS_I(w) -> take_i()
        :: w == S_FRAME -> take_s()
        :: else -> take_u()
        fi; OLD }
    :: d_step { CAN_ACKNOWLEDGE(leg) -> say(S_FRAME, peer[leg].vr); say_nr(); OLD }
    :: d_step { REACHED(leg) && peer[leg].data == STARTED && HAS_PLACE(leg) &&
                DISTANCE(peer[leg].va, peer[leg].vs) < K ->
        say(DATA + peer[leg].vs, peer[leg].vr);
        FATE(leg, peer[leg].vs) = UNJUDGED;
        peer[leg].vs = NEXT(peer[leg].vs);
        say_nr(); NEW }
#ifdef U
    :: d_step { leg == LEG_MASTER && REACHED(leg) && peer[leg].data == STOPPED &&
                HAS_PLACE(leg) ->
        peer[leg].data = STARTING; say(STARTDT_ACT, 0); NEW }
    :: d_step { leg == LEG_MASTER && REACHED(leg) && peer[leg].data == STARTED &&
                !OWES(leg) && HAS_PLACE(leg) ->
        peer[leg].data = STOPPING; say(STOPDT_ACT, 0); NEW }
    :: d_step { CAN_CONFIRM_STOP(leg) ->
        peer[leg].data = STOPPED; say(STOPDT_CON, 0); OLD }
#endif
#ifdef IDLE
    :: d_step { leg == LEG_MASTER && REACHED(leg) && peer[leg].data == STOPPED &&
                !peer[leg].idle && HAS_PLACE(leg) ->
        peer[leg].idle = 1; say(STOPDT_ACT, 0); NEW }
    :: d_step { CAN_READ(leg) && IS_IDLE_STOP(leg) -> /* 104 5.3 draws no answer */
        to[leg]?w, a, n;
        printf("read %d %d %d %d\n", leg, w, a, n); OLD }
#endif
#ifdef TEST
    :: d_step { REACHED(leg) && !peer[leg].testing && HAS_PLACE(leg) ->
        peer[leg].testing = 1; say(TESTFR_ACT, 0); NEW }
#endif
#ifdef LOSS
    :: d_step { !lost[leg] -> lose(); NEW }
#endif
    od
}

/* Sends whatever it likes, acknowledges what it likes, keeps no rule and no account. */
#if HOSTILE != 2
proctype hostile(byte leg)
{
    byte what, nr;
end:
    do
    :: atomic { REACHED(leg) && HAS_PLACE(leg) ->
        if
#ifdef U
        :: select(what : STARTDT_ACT .. STOPDT_CON)
#endif
#ifdef TEST
        :: select(what : TESTFR_ACT .. TESTFR_CON)
#endif
        :: select(what : S_FRAME .. DATA + MODULUS - 1); select(nr : 0 .. MODULUS - 1)
        fi;
        say(what, nr);
        what = 0; nr = 0 }
    :: d_step { len(to[leg]) > 0 -> to[leg]?w, a, n;
        if
        :: IS_I(w) && w < REPLY && FATE(OTHER(leg), ID(w)) == FORWARDED ->
            FATE(OTHER(leg), ID(w)) = ARRIVED
        :: else
        fi; OLD }
    od
}
#endif

init
{
    atomic {
#ifndef U
        for (i : LEG_MASTER .. LEG_STATION) {
            peer[i].data = STARTED; side[i].begun = 1; side[i].started = 1
        }
#endif
#if HOSTILE == 0
        run hostile(LEG_MASTER); run station(LEG_STATION)
#elif HOSTILE == 1
        run station(LEG_MASTER); run hostile(LEG_STATION)
#else
        run station(LEG_MASTER); run station(LEG_STATION)
#endif
    }
}

/* ---- what must hold in every state ---------------------------------------------------- */

#define COUNT(leg) (len(settled[leg]) + LINE_I(leg))
#define I_AT(leg, at) (IS_I(side[leg].line[at]) -> 1 : 0)
#if K == 1
#define LINE_I(leg) (I_AT(leg, 0) + I_AT(leg, 1) + I_AT(leg, 2) + I_AT(leg, 3) + I_AT(leg, 4))
#elif K == 2
#define LINE_I(leg) (I_AT(leg, 0) + I_AT(leg, 1) + I_AT(leg, 2) + I_AT(leg, 3) + I_AT(leg, 4) + \
    I_AT(leg, 5))
#else
#define LINE_I(leg) (I_AT(leg, 0) + I_AT(leg, 1) + I_AT(leg, 2) + I_AT(leg, 3) + I_AT(leg, 4) + \
    I_AT(leg, 5) + I_AT(leg, 6))
#endif

/* doc/relay.md: due .. vr are the settled frames, then the I-frames in the line. */
#define ACCOUNTS_AGREE(leg) (DISTANCE(side[leg].due, side[leg].vr) == COUNT(leg))
/* I5; told .. due .. vr in this order. */
#define WINDOWS_HOLD(leg) (DISTANCE(side[leg].told, side[leg].vr) <= K && \
    DISTANCE(side[leg].told, side[leg].due) <= DISTANCE(side[leg].told, side[leg].vr) && \
    DISTANCE(side[leg].va, side[leg].vs) <= K)
/* I6: only an inserted frame can be what a frame finds no place in the window for. */
#define WAITS_FOR_INSERTED(leg) (!WAITS_FOR_ROOM(leg) || WINDOW_OPEN(OTHER(leg)) || \
    side[OTHER(leg)].inserted_open)
/* I7: between stations that keep the rules each can always be read.  One that floods the
 * other with TESTFR acts and reads no con fills the other's line: its own affair. */
#define CAN_BE_READ(leg) (HOSTILE != 2 || len(from[leg]) == 0 || CAN_RECEIVE(leg))

/* I3, I4, I6: when nobody owes anybody anything, all has come to its end. */
#define AT_REST (!RELAY_HAS_WORK(0) && !RELAY_HAS_WORK(1) && \
    !STATION_HAS_WORK(0) && !STATION_HAS_WORK(1))
#define IS_SETTLED(leg) (peer[leg].va == peer[leg].vs && !OWES(leg) && \
    side[leg].told == side[leg].vr && side[leg].va == side[leg].vs && \
    side[leg].line_count == 0 && len(settled[leg]) == 0 && !side[leg].inserted_open && \
    len(from[leg]) == 0 && len(to[leg]) == 0 && !peer[leg].testing && \
    side[leg].act == 0 && peer[leg].data != STARTING && peer[leg].data != STOPPING)
#define ENDS_WELL (closed -> (shut[0] && shut[1]) : \
    (IS_SETTLED(0) && IS_SETTLED(1) && peer[0].data == peer[1].data))

active proctype watch()
{
end:
    do
    :: !(closed || (ACCOUNTS_AGREE(0) && ACCOUNTS_AGREE(1))) -> assert(false)
    :: !(closed || (WINDOWS_HOLD(0) && WINDOWS_HOLD(1))) -> assert(false)
    :: !(WAITS_FOR_INSERTED(0) && WAITS_FOR_INSERTED(1)) -> assert(false)
    :: !(CAN_BE_READ(0) && CAN_BE_READ(1)) -> assert(false)
#if HOSTILE == 2
    :: AT_REST && !ENDS_WELL -> assert(false)
#endif
    od
}

#ifdef PROGRESS
/* I6: if from some time on no station wishes for anything new, all comes to rest; the
 * relay and the stations do not keep each other busy for ever.  This is []<>(fresh ||
 * AT_REST), turned round. */
#define BUSY (!fresh && !AT_REST)
never {
    do
    :: true
    :: BUSY -> goto accept_busy
    od;
accept_busy:
    do
    :: BUSY
    od
}
#endif
