/* The fixed parts of the messages in messages.def.
 *
 * Both ends run on one machine and come from one build, so the structs are in host order;
 * they are packed, copied in and out with memcpy and never laid over a receive buffer.
 * A receiver checks every field: the sender may have been taken over. */
#ifndef GATE104_SANDBOX_MESSAGES_H
#define GATE104_SANDBOX_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#define IMSG_SIZE_MAX    4096u
#define IMSG_HEADER_SIZE 4u
#define IMSG_PAYLOAD_MAX (IMSG_SIZE_MAX - IMSG_HEADER_SIZE)
#define IMSG_FDS_MAX     2u

/* Octets of a line for the operator. */
#define NOTE_MAX 480u

/* A role's configuration may not be larger. */
#define CFG_SIZE_MAX (64u * 1024u * 1024u)

#define PACKED __attribute__((packed))

#include "sandbox/messages_policy.h"

/* `size` octets of configuration follow in CFG_DATA messages. */
struct PACKED msg_cfg_begin {
    uint32_t size;
};

/* `size` octets, at most CFG_SIZE_MAX, follow in UPDATE_DATA messages: the whole
 * configuration of the role, as at its start.  A tls worker uses it at once, a gate when
 * POLICY_STEP says so. */
struct PACKED msg_update_begin {
    uint32_t size;
};

/* A channel to another process: one end is the descriptor of the message.  `id` names the
 * process among those of its role (worker number, gate number). */
struct PACKED msg_channel {
    uint8_t role;
    uint8_t zero[3];
    uint32_t id;
};

/* The process `role`/`id` sent a message of `type` that breaks the catalogue. */
struct PACKED msg_violation {
    uint8_t role;
    uint8_t fault; /* enum imsg_fault */
    uint16_t type;
    uint32_t id;
};

/* A tls worker has all the sessions it may have, the last of them with this gate. */
struct PACKED msg_worker {
    uint32_t id;
    uint32_t gate;
};

/* An IP endpoint.  `family` 4 or 6; for 4 the last twelve octets are zero. */
struct PACKED msg_endpoint {
    uint8_t family;
    uint8_t zero;
    uint16_t port; /* host order */
    uint8_t addr[16];
};

struct PACKED msg_session_id {
    uint64_t session;
};

/* `remote` is the far end of the TCP connection this message is about, `worker` the tls
 * process at the other end of a session pair (0 without one). */
struct PACKED msg_session {
    uint64_t session;
    uint16_t route;
    uint16_t zero;
    uint32_t worker;
    struct msg_endpoint remote;
};

struct PACKED msg_dial_failed {
    uint64_t session;
    uint32_t error; /* errno of the last attempt */
    struct msg_endpoint remote;
};

struct PACKED msg_tls_failed {
    uint16_t failure; /* enum tls_failure */
    char detail[126]; /* printable, NUL-terminated */
};

struct PACKED msg_tls_closed {
    uint16_t how;     /* enum tls_close */
    uint16_t failure; /* enum tls_failure; 0 when the end was no TLS failure */
    char detail[124]; /* printable, NUL-terminated */
};

struct PACKED msg_tls_warnings {
    uint16_t warnings; /* set of IDENTITY_WARN_* */
};

/* Who the peer is: `session` and `route` as the broker told them to the tls process, by
 * whose rules the peer was authenticated.  The octets of identity_encode() follow. */
struct PACKED msg_identity {
    uint64_t session;
    uint16_t route;
    uint16_t warnings;
};

/* What became of the keys of a session that goes on. */
enum tls_rekeyed {
    TLS_REKEY_RENEGOTIATED = 1,
    TLS_REKEY_UPDATED = 2,    /* TLS 1.3: both sides have new keys */
    TLS_REKEY_SILENT = 3,     /* TLS 1.3: the peer did not renew its own */
    TLS_REKEY_IMPOSSIBLE = 4, /* the peer lacks RFC 5746: it ends at its time */
};

struct PACKED msg_tls_rekey {
    uint16_t what; /* enum tls_rekeyed */
    uint16_t zero;
};

/* Octets [offset, offset + rest of message) of `total` octets to be signed. */
struct PACKED msg_sign {
    uint32_t request;
    uint16_t key;
    uint16_t scheme; /* TLS SignatureScheme */
    uint32_t total;
    uint32_t offset;
};

#define SIGNATURE_MAX 1024u

struct PACKED msg_signed {
    uint32_t request;
    uint16_t status; /* 0 = signed, else enum sign_refusal */
    uint16_t size;
    uint8_t signature[SIGNATURE_MAX];
};

/* What a client encrypted to the key follows, at most SIGNATURE_MAX octets. */
struct PACKED msg_decrypt {
    uint32_t request;
    uint16_t key;
    uint16_t zero;
};

#define PREMASTER_SIZE 48u

/* Looks the same whatever was encrypted. */
struct PACKED msg_decrypted {
    uint32_t request;
    uint16_t status; /* 0: here it is; else it was not looked at */
    uint16_t zero;
    uint8_t premaster[PREMASTER_SIZE];
};

#define SESSION_ID_SIZE 32u

/* A TLS session that may be resumed, for at most `seconds`; its octets follow. */
struct PACKED msg_session_put {
    uint8_t id[SESSION_ID_SIZE];
    uint32_t seconds;
    uint8_t once;    /* 1: may be taken once */
    uint8_t renewed; /* 1: goes on from one that was taken, 0: after a full handshake */
    uint8_t zero[2];
};

/* Octets of a session: what does not fit is not kept. */
#define SESSION_OCTETS_MAX (IMSG_PAYLOAD_MAX - sizeof(struct msg_session_put))

enum session_wish {
    SESSION_TAKE = 1,   /* answered with SESSION_FOUND */
    SESSION_FORGET = 2, /* not answered */
};

struct PACKED msg_session_ask {
    uint32_t request;
    uint8_t wish; /* enum session_wish */
    uint8_t zero[3];
    uint8_t id[SESSION_ID_SIZE];
};

enum session_status {
    SESSION_GOOD = 0,    /* the octets follow */
    SESSION_UNKNOWN = 1, /* never kept, taken already, forgotten, or pushed out */
    SESSION_LAPSED = 2,  /* its time is over */
};

struct PACKED msg_session_found {
    uint32_t request;
    uint32_t seconds; /* it may still be used */
    uint8_t status;   /* enum session_status */
    uint8_t zero[3];
};

/* Of msg_signer_refused.worker: several, which have ended. */
#define SIGNER_REFUSED_GONE UINT32_MAX

/* What the signer refused to tls workers, beyond what it told already. */
struct PACKED msg_signer_refused {
    uint32_t worker;
    uint32_t count;
    uint8_t why;  /* enum signer_refusal */
    uint8_t kind; /* enum sign_kind of the last content that it refused, or 0 */
    uint8_t zero[2];
};

#define OCSP_REQUEST_MAX 1024u
#define OCSP_ANSWER_MAX  16384u

/* The request's octets follow. */
struct PACKED msg_ocsp_ask {
    uint32_t request;
    uint8_t fresh; /* 1: an answer that is kept is not wanted */
    uint8_t zero[3];
};

/* Octets [offset, offset + rest of message) of `total` octets of an answer; none of them
 * when the status is not OCSP_FETCHED. */
struct PACKED msg_ocsp_answer {
    uint32_t request;
    uint16_t status; /* enum ocsp_fetch */
    uint8_t kept;    /* 1: it was not fetched for this question */
    uint8_t zero;
    uint32_t total;
    uint32_t offset;
};

struct PACKED msg_record_ack {
    uint64_t ticket;
    uint8_t durable; /* 1: on disk; 0: could not be written */
    uint8_t zero[7];
};

#define RECORDED_LEGS   2u
#define RECORDED_WINDOW 8u

/* APDUs of one session follow, each behind a struct msg_recorded_apdu; or none, for the
 * counts alone: then session and endpoints are zero. */
struct PACKED msg_recorded {
    uint64_t session;
    struct msg_endpoint master;
    struct msg_endpoint station;
    uint32_t dropped[RECORDED_LEGS]; /* of this route, since the message before */
    uint16_t route;
    uint16_t zero;
};

/* `size` octets follow: an APDU, or what came and can be none. */
struct PACKED msg_recorded_apdu {
    uint64_t utc_us; /* microseconds since 1970, below RECORDED_TIME_END */
    uint8_t leg;     /* 0: that of the master, 1: of the station */
    uint8_t sent;    /* 1: by gate104; 0: by the station at the end of this leg */
    uint8_t size;
    uint8_t zero;
};
#define RECORDED_TIME_END 253402300800000000u /* the year 10000 */

/* Messages taken on this channel, all in all. */
struct PACKED msg_recorded_ack {
    uint64_t taken;
};

/* Each includes those before it. */
enum log_pressure {
    LOG_PRESSURE_NONE = 0,   /* as configured */
    LOG_PRESSURE_ALARM = 1,  /* 80 %: told, nothing changes */
    LOG_PRESSURE_THIN = 2,   /* 90 %: no records of points, only their counts */
    LOG_PRESSURE_REFUSE = 3, /* 95 %: commands are refused, too */
};
#define LOG_PRESSURE_MAX LOG_PRESSURE_REFUSE

/* Is the clock set by a time server (adjtimex(2))? */
enum log_clock {
    LOG_CLOCK_UNKNOWN = 0,
    LOG_CLOCK_SYNCHRONIZED,
    LOG_CLOCK_UNSYNCHRONIZED
};
#define LOG_CLOCK_MAX LOG_CLOCK_UNSYNCHRONIZED

struct PACKED msg_log_clock {
    uint8_t state; /* enum log_clock */
    uint8_t zero[3];
};

struct PACKED msg_log_pressure {
    uint8_t level; /* enum log_pressure */
    uint8_t zero[3];
};

enum log_reserve {
    LOG_RESERVE_OFF = 0,    /* not configured */
    LOG_RESERVE_WHOLE,      /* allocated */
    LOG_RESERVE_USED,       /* the disk gives no more: it is being used up */
    LOG_RESERVE_IMPOSSIBLE, /* the file system cannot allocate behind a file's end */
};
#define LOG_RESERVE_MAX LOG_RESERVE_IMPOSSIBLE

enum log_seal_state {
    LOG_SEAL_OFF = 0, /* not configured */
    LOG_SEAL_GOOD,
    LOG_SEAL_NONE, /* the log says why no seal can be made */
};
#define LOG_SEAL_MAX LOG_SEAL_NONE

enum log_ship_state {
    LOG_SHIP_OFF = 0, /* not configured */
    LOG_SHIP_GOOD,
    LOG_SHIP_WAITS, /* syslog takes nothing now */
    LOG_SHIP_LAGS,  /* for longer than ship_lag */
};
#define LOG_SHIP_MAX LOG_SHIP_LAGS

struct PACKED msg_log_status {
    uint64_t octets;        /* of all files of the chain */
    uint64_t reserve_left;  /* octets */
    uint64_t oldest_seq;    /* number of the first record that is still there */
    uint64_t oldest_utc_ms; /* its time, since 1970; 0: not known */
    uint32_t files;         /* the one in use included */
    uint8_t used_percent;   /* of the file system; at most 100 */
    uint8_t level;          /* enum log_pressure */
    uint8_t reserve;        /* enum log_reserve */
    uint8_t broken;         /* 1: the log cannot be written */
    uint8_t seal;           /* enum log_seal_state */
    uint8_t ship;           /* enum log_ship_state */
    uint8_t zero[2];
    uint64_t last_seq; /* on disk */
    uint64_t seal_seq; /* number of the last seal; 0: none is known */
    uint64_t ship_seq; /* number of the last record that syslog has taken; 0: none */
};

/* What an operator asks of the log. */
enum log_order { LOG_ORDER_SEAL = 1, LOG_ORDER_ROTATE = 2 };
struct PACKED msg_log_order {
    uint32_t request;
    uint8_t what; /* enum log_order */
    uint8_t zero[3];
};

enum log_ordered {
    LOG_ORDERED_DONE = 1,
    LOG_ORDERED_FAILED, /* the operator's lines and the log say why */
    LOG_ORDERED_OFF,    /* this log is not sealed */
};
struct PACKED msg_log_ordered {
    uint32_t request;
    uint8_t what;   /* as asked */
    uint8_t result; /* enum log_ordered */
    uint8_t zero[2];
    uint64_t seq; /* done: of the seal, or of the first record of the new file; else 0 */
};

/* Sessions answered to one question. */
#define STATUS_SESSIONS_MAX 16u

/* Asks for the sessions whose number is above `after`, in rising order. */
struct PACKED msg_status_ask {
    uint64_t after;
    uint32_t request;
};

enum status_state { STATUS_IDENTIFY = 1, STATUS_DIAL = 2, STATUS_OPEN = 3 };

#define STATUS_STARTED     1u /* STARTDT is confirmed */
#define STATUS_NO_COMMANDS 2u /* commands are refused now, whatever the policy says */

struct PACKED msg_status_session {
    uint32_t request;
    uint16_t route;
    uint8_t state; /* enum status_state */
    uint8_t flags; /* STATUS_* */
    uint64_t session;
    uint64_t age_ms;
    uint64_t master_i, station_i, refused, dropped; /* I-frames */
    struct msg_endpoint source, target;             /* target: family 0 until known */
    char subject[256]; /* printable, NUL-terminated; "" without a certificate */
    char version[16];
    char suite[64];
    char closed_by[32]; /* with NO_COMMANDS: the word of the reason, likewise; else "" */
};

struct PACKED msg_status_end {
    uint32_t request;
    uint8_t more;       /* 1: ask again, after the last session that came */
    uint8_t log_broken; /* 1: commands are refused because the log does not work */
    uint8_t zero[2];
};

/* An operator's word on the commands of a route. */
struct PACKED msg_route_commands {
    uint16_t route;
    uint8_t refused; /* 1: refuse all of them */
    uint8_t zero;
};

#define PERMIT_MSG_RANGES 32u

struct PACKED msg_range {
    uint32_t first, last;
};

/* A permit of a route, see policy/permit.h.  One with the same number is replaced. Places
 * behind the counts and octets behind the subject's NUL are zero. */
struct PACKED msg_permit {
    uint64_t until_ms; /* CLOCK_BOOTTIME: it does not hold from then on */
    uint32_t id;
    uint32_t commands; /* 0: any number */
    uint32_t used;
    uint16_t route;
    uint8_t ca_count, ioa_count;
    uint8_t has_fingerprint;
    uint8_t zero[3];
    uint8_t types[32];
    struct msg_range ca[PERMIT_MSG_RANGES];
    struct msg_range ioa[PERMIT_MSG_RANGES];
    uint8_t fingerprint[32];
    char subject[256]; /* printable, NUL-terminated */
};

/* It does not hold any more. */
struct PACKED msg_permit_revoke {
    uint32_t id;
    uint16_t route;
    uint16_t zero;
};

/* So many commands have passed by it. */
struct PACKED msg_permit_used {
    uint32_t id;
    uint32_t used;
    uint16_t route;
    uint16_t zero;
};

/* How the TLS leg of a session ended (msg_tls_closed.how). */
enum tls_close {
    TLS_CLOSE_NOTIFY = 1, /* close_notify received */
    TLS_CLOSE_EOF = 2,    /* TCP closed without close_notify */
    TLS_CLOSE_RESET = 3,  /* TCP error */
    TLS_CLOSE_ALERT = 4,  /* fatal alert received */
    TLS_CLOSE_ERROR = 5,  /* record did not authenticate or decode */
    /* Ended on this side: the peer's certificate does not hold any longer. */
    TLS_CLOSE_REVOKED = 6,
    TLS_CLOSE_EXPIRED = 7,
    TLS_CLOSE_UNTRUSTED = 8, /* `failure` says how */
    /* Renewal of keys, see proxy/rekey.h. */
    TLS_CLOSE_NO_RENEG = 16,       /* the peer did not renegotiate when it had to */
    TLS_CLOSE_RENEG_STORM = 17,    /* it renegotiates too early or too often */
    TLS_CLOSE_RENEG_FAILED = 18,   /* the handshake of a renegotiation failed */
    TLS_CLOSE_RENEG_DATA = 19,     /* data in the middle of that handshake */
    TLS_CLOSE_RENEG_IDENTITY = 20, /* another certificate than before */
    TLS_CLOSE_RENEG_VERSION = 21,  /* another version of TLS than before */
    TLS_CLOSE_NO_UPDATE = 22,      /* TLS 1.3: the peer does not renew its key */
    TLS_CLOSE_UPDATE_STORM = 23,   /* TLS 1.3: it renews it all the time */
};

/* What became of a question to an OCSP responder (msg_ocsp_answer.status). */
enum ocsp_fetch {
    OCSP_FETCHED = 0,
    OCSP_FETCH_NOBODY = 1,      /* no responder for this group */
    OCSP_FETCH_UNREACHABLE = 2, /* no connection, or it broke */
    OCSP_FETCH_TIMEOUT = 3,
    OCSP_FETCH_REFUSED = 4, /* an HTTP status other than 200 */
    OCSP_FETCH_TOO_LARGE = 5,
    OCSP_FETCH_MALFORMED = 6, /* not HTTP, or not of the OCSP type */
    OCSP_FETCH_BUSY = 7,      /* too many questions wait */
    OCSP_FETCH_COUNT,
};

/* What may happen on a channel now; the receiver sets it. */
enum {
    PHASE_INIT = 1 << 0,  /* control: configuration is being sent */
    PHASE_READY = 1 << 1, /* control: READY said, START not yet come */
    PHASE_RUN = 1 << 2,   /* control and role channels: at work */
    PHASE_HELLO = 1 << 3, /* session pair: handshake */
    PHASE_OPEN = 1 << 4,  /* session pair: data */
};

enum imsg_type {
#define X(name, number, from, to, min, max, phases, once, fds) MSG_##name = (number),
#include "sandbox/messages.def"
#undef X
};

#endif
