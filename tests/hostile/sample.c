/* Good messages that change nothing: about sessions of an earlier broker, records, frames
 * of no consequence. */
#include "tests/hostile/mutant.h"

#include "proxy/record.h"
#include "tests/hostile/stage.h"
#include "tests/lib/raw_packet.h"

#include <string.h>
#include <unistd.h>

/* A session number of an earlier broker; never the same twice. */
static uint64_t other_session(void)
{
    static uint64_t last;

    return ++last;
}

static const struct msg_endpoint somewhere = {
    .family = 4, .port = 2404, .addr = {192, 0, 2, 1}};

static size_t session_id(uint8_t *out)
{
    struct msg_session_id m = {.session = other_session()};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t session(uint8_t *out)
{
    struct msg_session m = {
        .session = other_session(), .route = ROUTE_PROTECT, .remote = somewhere};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t wrap_session(uint8_t *out)
{
    struct msg_session m = {
        .session = other_session(), .route = ROUTE_WRAP, .remote = somewhere};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t dial_failed(uint8_t *out)
{
    struct msg_dial_failed m = {
        .session = other_session(), .error = 111, .remote = somewhere};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

/* The test frame of 104 5.2: harmless in any state of a link. */
static size_t test_frame(uint8_t *out)
{
    memcpy(out, "\x68\x04\x43\x00\x00\x00", 6);
    return 6;
}

static size_t rekeyed(uint8_t *out)
{
    struct msg_tls_rekey m = {.what = TLS_REKEY_UPDATED};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t sign(uint8_t *out)
{
    struct msg_sign m = {.request = 1, .key = 0, .scheme = 0x0403, .total = 4};

    memcpy(out, &m, sizeof m);
    memcpy(out + sizeof m, "none", 4); /* no TLS handshake signs this: a refusal */
    return sizeof m + 4;
}

static size_t signed_earlier(uint8_t *out)
{
    struct msg_signed m = {.request = 0xFFFFFFFF};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t decrypt(uint8_t *out)
{
    struct msg_decrypt m = {.request = 1}; /* of a key that has no transport: refused */

    memcpy(out, &m, sizeof m);
    memset(out + sizeof m, 0x55, 256);
    return sizeof m + 256;
}

static size_t decrypted_earlier(uint8_t *out)
{
    struct msg_decrypted m = {.request = 0xFFFFFFFF};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t session_put(uint8_t *out)
{
    struct msg_session_put m = {.seconds = 1};

    memcpy(out, &m, sizeof m);
    out[sizeof m] = 0; /* no session, but nobody asks for it either */
    return sizeof m + 1;
}

static size_t session_ask(uint8_t *out)
{
    struct msg_session_ask m = {.wish = SESSION_FORGET};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t session_found_earlier(uint8_t *out)
{
    struct msg_session_found m = {.request = 0xFFFFFFFF, .status = SESSION_UNKNOWN};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t ocsp_ask(uint8_t *out)
{
    struct msg_ocsp_ask m = {.request = 1};

    memcpy(out, &m, sizeof m);
    memcpy(out + sizeof m, "none", 4); /* nobody reads it on the way */
    return sizeof m + 4;
}

static size_t ocsp_answer(uint8_t *out)
{
    struct msg_ocsp_answer m = {.request = 0xFFFFFFFF, .status = OCSP_FETCH_TIMEOUT};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t record(uint8_t *out)
{
    static struct record r;
    const uint8_t *payload;
    size_t n;

    record_begin(&r, EVENT_SESSION_REFUSED, 0, false);
    record_text(&r, RECORD_WHY, "a test");
    n = record_end(&r, &payload);
    memcpy(out, payload, n);
    return n;
}

static size_t record_ack(uint8_t *out)
{
    struct msg_record_ack m = {.ticket = 1, .durable = 1};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t log_pressure(uint8_t *out)
{
    struct msg_log_pressure m = {.level = LOG_PRESSURE_ALARM};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t log_clock(uint8_t *out)
{
    struct msg_log_clock m = {.state = LOG_CLOCK_SYNCHRONIZED};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t log_status(uint8_t *out)
{
    struct msg_log_status m = {.files = 1, .used_percent = 1};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t log_order(uint8_t *out)
{
    struct msg_log_order m = {.request = 1, .what = LOG_ORDER_SEAL};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t log_ordered(uint8_t *out)
{
    struct msg_log_ordered m = {
        .request = 1, .what = LOG_ORDER_SEAL, .result = LOG_ORDERED_FAILED};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t config_begin(uint8_t *out)
{
    struct msg_cfg_begin m = {.size = 100000};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t update_begin(uint8_t *out)
{
    struct msg_update_begin m = {.size = 100000};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

static size_t update_data(uint8_t *out)
{
    out[0] = 0;
    return 1;
}

static size_t channel(uint8_t *out)
{
    struct msg_channel m = {.role = ROLE_AUDIT, .id = 1};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}

#define TO(role) (1u << (role))
#define ANYONE   (~0u)
#define IN_APDU(field)                                                                   \
    (sizeof(struct msg_recorded) + offsetof(struct msg_recorded_apdu, field))

const struct spoiler spoilers[] = {
    {MSG_CHANNEL, ANYONE, offsetof(struct msg_channel, role), ROLE_COUNT, "no such role",
     NULL},
    {MSG_CHANNEL, ANYONE, offsetof(struct msg_channel, zero), 1, "what must be zero",
     NULL},
    {MSG_CHANNEL, ANYONE, offsetof(struct msg_channel, zero) + 2, 1, "what must be zero",
     NULL},
    {MSG_UPDATE_BEGIN, ANYONE, offsetof(struct msg_update_begin, size) + 3, 0x7F,
     "far too much", NULL},
    {MSG_UPDATE_DATA, ANYONE, 0, 1, "without a beginning", NULL},
    {MSG_POLICY_STEP, ANYONE, offsetof(struct msg_policy_step, step), 0, "no step", NULL},
    {MSG_POLICY_STEP, ANYONE, offsetof(struct msg_policy_step, step), POLICY_STEP_MAX + 1,
     "no such step", NULL},
    {MSG_POLICY_STEP, ANYONE, offsetof(struct msg_policy_step, step), POLICY_STEP_CHECK,
     "of what did not come", NULL},
    {MSG_POLICY_STEP, ANYONE, offsetof(struct msg_policy_step, step), POLICY_STEP_USE,
     "of what was not checked", NULL},
    {MSG_POLICY_STEP, ANYONE, offsetof(struct msg_policy_step, zero) + 2, 1,
     "what must be zero", NULL},
    {MSG_TLS_SESSION, ANYONE, offsetof(struct msg_session, route), 99, "no such route",
     NULL},
    {MSG_TLS_SESSION, ANYONE, offsetof(struct msg_session, zero), 1, "what must be zero",
     NULL},
    {MSG_TLS_SESSION, ANYONE, offsetof(struct msg_session, remote), 5, "no such family",
     NULL},
    {MSG_GATE_SESSION_TLS, ANYONE, offsetof(struct msg_session, route), 99,
     "no such route", NULL},
    {MSG_GATE_SESSION_TLS, ANYONE, offsetof(struct msg_session, route), ROUTE_WRAP,
     "a route of the other mode", NULL},
    {MSG_GATE_SESSION_TLS, ANYONE, offsetof(struct msg_session, zero), 1,
     "what must be zero", NULL},
    {MSG_GATE_SESSION_TLS, ANYONE, offsetof(struct msg_session, remote), 5,
     "no such family", NULL},
    {MSG_GATE_SESSION_PLAIN, ANYONE, offsetof(struct msg_session, route), ROUTE_PROTECT,
     "a route of the other mode", NULL},
    {MSG_GATE_SESSION_PLAIN, ANYONE, offsetof(struct msg_session, zero) + 1, 1,
     "what must be zero", NULL},
    {MSG_TLS_DONE, ANYONE, 7, 0x7F, "a session it does not have", NULL},
    {MSG_DIAL, ANYONE, 7, 0x7F, "a session it does not have", NULL},
    {MSG_SESSION_END, ANYONE, 7, 0x7F, "a session it does not have", NULL},
    {MSG_RECORD, ANYONE, 0, 0xFF, "no such event", NULL},
    {MSG_RECORD_ACK, TO(ROLE_GATE), offsetof(struct msg_record_ack, durable), 2,
     "neither durable nor not", NULL},
    {MSG_RECORD_ACK, TO(ROLE_GATE), offsetof(struct msg_record_ack, zero), 1,
     "what must be zero", "the gate does not look at them"},
    {MSG_RECORD_ACK, TO(ROLE_GATE), 7, 0x7F, "a ticket never given", NULL},
    {MSG_LOG_PRESSURE, TO(ROLE_GATE), offsetof(struct msg_log_pressure, level),
     LOG_PRESSURE_MAX + 1, "a pressure there is not", NULL},
    {MSG_LOG_PRESSURE, TO(ROLE_GATE), offsetof(struct msg_log_pressure, zero) + 2, 1,
     "an octet beside the pressure", NULL},
    {MSG_RECORDED, ANYONE, offsetof(struct msg_recorded, zero), 1, "what must be zero",
     NULL},
    {MSG_RECORDED, ANYONE, offsetof(struct msg_recorded, route), 1, "no such route",
     NULL},
    {MSG_RECORDED, ANYONE, offsetof(struct msg_recorded, master), 5, "no such family",
     NULL},
    {MSG_RECORDED, ANYONE, IN_APDU(utc_us) + 7, 0x7F, "a time that never comes", NULL},
    {MSG_RECORDED, ANYONE, IN_APDU(leg), 2, "a third leg", NULL},
    {MSG_RECORDED, ANYONE, IN_APDU(sent), 2, "neither sent nor not", NULL},
    {MSG_RECORDED, ANYONE, IN_APDU(size), 7, "an octet that does not come", NULL},
    {MSG_RECORDED, ANYONE, IN_APDU(size), 5, "an octet too many", NULL},
    {MSG_RECORDED, ANYONE, IN_APDU(zero), 1, "what must be zero", NULL},
    {MSG_RECORDED_ACK, ANYONE, offsetof(struct msg_recorded_ack, taken), 1,
     "more than was sent", NULL},
    {MSG_LOG_CLOCK, ANYONE, offsetof(struct msg_log_clock, state), LOG_CLOCK_MAX + 1,
     "a state no clock has", NULL},
    {MSG_LOG_CLOCK, ANYONE, offsetof(struct msg_log_clock, zero) + 2, 1,
     "an octet beside the clock's state", NULL},
    {MSG_GATE_CLOCK, ANYONE, offsetof(struct msg_log_clock, state), LOG_CLOCK_MAX + 1,
     "a state no clock has", NULL},
    {MSG_GATE_CLOCK, ANYONE, offsetof(struct msg_log_clock, zero) + 1, 1,
     "an octet beside the clock's state", NULL},
    {MSG_LOG_STATUS, ANYONE, offsetof(struct msg_log_status, files) + 3, 1,
     "more files than a log has", NULL},
    {MSG_LOG_STATUS, ANYONE, offsetof(struct msg_log_status, used_percent), 101,
     "a disk that is more than full", NULL},
    {MSG_LOG_STATUS, ANYONE, offsetof(struct msg_log_status, level), LOG_PRESSURE_MAX + 1,
     "a pressure there is not", NULL},
    {MSG_LOG_STATUS, ANYONE, offsetof(struct msg_log_status, reserve),
     LOG_RESERVE_MAX + 1, "a reserve there is not", NULL},
    {MSG_LOG_STATUS, ANYONE, offsetof(struct msg_log_status, broken), 2,
     "neither broken nor not", NULL},
    {MSG_LOG_STATUS, ANYONE, offsetof(struct msg_log_status, seal), LOG_SEAL_MAX + 1,
     "a state no seal has", NULL},
    {MSG_LOG_STATUS, ANYONE, offsetof(struct msg_log_status, ship), LOG_SHIP_MAX + 1,
     "a state no shipping has", NULL},
    {MSG_LOG_STATUS, ANYONE, offsetof(struct msg_log_status, zero) + 1, 1,
     "an octet beside the states", NULL},
    {MSG_LOG_STATUS, ANYONE, offsetof(struct msg_log_status, seal_seq), 1,
     "a seal behind the last record", NULL},
    {MSG_LOG_ORDER, ANYONE, offsetof(struct msg_log_order, what), LOG_ORDER_ROTATE + 1,
     "an order there is not", NULL},
    {MSG_LOG_ORDER, ANYONE, offsetof(struct msg_log_order, zero) + 2, 1,
     "an octet beside the order", NULL},
    {MSG_LOG_ORDERED, ANYONE, offsetof(struct msg_log_ordered, what), 0,
     "an answer to no order", NULL},
    {MSG_LOG_ORDERED, ANYONE, offsetof(struct msg_log_ordered, result), 0, "no result",
     NULL},
    {MSG_LOG_ORDERED, ANYONE, offsetof(struct msg_log_ordered, zero), 1,
     "an octet beside the result", NULL},
    {MSG_LOG_ORDERED, ANYONE, offsetof(struct msg_log_ordered, seq), 1,
     "a record of what failed", NULL},
    {MSG_RECORD_ACK, TO(ROLE_BROKER), offsetof(struct msg_record_ack, durable), 2,
     "neither durable nor not", "the broker waits for none and does not look at it"},
    {MSG_PERMIT, ANYONE, offsetof(struct msg_permit, route), 99, "no such route", NULL},
    {MSG_PERMIT, ANYONE, offsetof(struct msg_permit, id) + 3, 1,
     "a number it cannot have", NULL},
    {MSG_PERMIT, ANYONE, offsetof(struct msg_permit, until_ms) + 6, 1, "for years", NULL},
    {MSG_PERMIT, ANYONE, offsetof(struct msg_permit, ioa_count), 255,
     "more ranges than there are", NULL},
    {MSG_PERMIT, ANYONE, offsetof(struct msg_permit, ca_count), 0,
     "a range that is not counted", NULL},
    {MSG_PERMIT, ANYONE, offsetof(struct msg_permit, ioa), 3, "a reversed range", NULL},
    {MSG_PERMIT, ANYONE, offsetof(struct msg_permit, types), 2,
     "a type that no master sends", NULL},
    {MSG_PERMIT, ANYONE, offsetof(struct msg_permit, subject), 7, "a subject that rings",
     NULL},
    {MSG_PERMIT, ANYONE, offsetof(struct msg_permit, zero) + 2, 1, "what must be zero",
     NULL},
    {MSG_PERMIT_REVOKE, ANYONE, offsetof(struct msg_permit_revoke, route), 99,
     "no such route", NULL},
    {MSG_PERMIT_REVOKE, ANYONE, offsetof(struct msg_permit_revoke, zero), 1,
     "what must be zero", NULL},
    {MSG_SIGN, ANYONE, offsetof(struct msg_sign, total), 0, "nothing to sign", NULL},
    {MSG_SIGN, ANYONE, offsetof(struct msg_sign, total) + 3, 0x7F, "far too much", NULL},
    {MSG_SIGN, ANYONE, offsetof(struct msg_sign, offset), 1, "not from the start", NULL},
    {MSG_DECRYPT, ANYONE, offsetof(struct msg_decrypt, zero), 1, "what must be zero",
     NULL},
    {MSG_SESSION_PUT, ANYONE, offsetof(struct msg_session_put, seconds) + 3, 0x7F,
     "kept for years", NULL},
    {MSG_SESSION_PUT, ANYONE, offsetof(struct msg_session_put, seconds), 0,
     "kept for no time", NULL},
    {MSG_SESSION_PUT, ANYONE, offsetof(struct msg_session_put, once), 2,
     "neither once nor not", NULL},
    {MSG_SESSION_PUT, ANYONE, offsetof(struct msg_session_put, renewed), 2,
     "neither renewed nor not", NULL},
    {MSG_SESSION_PUT, ANYONE, offsetof(struct msg_session_put, zero), 1,
     "what must be zero", NULL},
    {MSG_SESSION_ASK, ANYONE, offsetof(struct msg_session_ask, wish), 3, "no such wish",
     NULL},
    {MSG_SESSION_ASK, ANYONE, offsetof(struct msg_session_ask, zero) + 2, 1,
     "what must be zero", NULL},
    {MSG_OCSP_ASK, ANYONE, offsetof(struct msg_ocsp_ask, fresh), 2,
     "neither fresh nor not", NULL},
    {MSG_OCSP_ASK, ANYONE, offsetof(struct msg_ocsp_ask, zero), 1, "what must be zero",
     NULL},
    {MSG_OCSP_ASK, ANYONE, offsetof(struct msg_ocsp_ask, zero) + 2, 1,
     "what must be zero", NULL},
    {MSG_OCSP_ANSWER, ANYONE, offsetof(struct msg_ocsp_answer, status), OCSP_FETCH_COUNT,
     "no such status", NULL},
    {MSG_OCSP_ANSWER, ANYONE, offsetof(struct msg_ocsp_answer, status), OCSP_FETCHED,
     "an answer without octets", NULL},
    {MSG_OCSP_ANSWER, ANYONE, offsetof(struct msg_ocsp_answer, kept), 2,
     "neither kept nor not", NULL},
    {MSG_OCSP_ANSWER, ANYONE, offsetof(struct msg_ocsp_answer, zero), 1,
     "what must be zero", NULL},
    {MSG_OCSP_ANSWER, ANYONE, offsetof(struct msg_ocsp_answer, total), 1,
     "octets that do not come", NULL},
    {MSG_OCSP_ANSWER, ANYONE, offsetof(struct msg_ocsp_answer, total) + 3, 1,
     "far too much", NULL},
    {MSG_OCSP_ANSWER, ANYONE, offsetof(struct msg_ocsp_answer, offset), 1,
     "not from the start", NULL},
    {MSG_TLS_DATA, ANYONE, 0, 0x69, "not the start of an APDU", NULL},
    {MSG_TLS_REKEY, ANYONE, offsetof(struct msg_tls_rekey, what), 9, "nothing known",
     NULL},
    {MSG_TLS_REKEY, ANYONE, offsetof(struct msg_tls_rekey, zero), 1, "what must be zero",
     NULL},
    {MSG_GATE_DATA, ANYONE, 1, 0x20, "not a whole APDU", NULL},
};

const size_t spoilers_size = sizeof spoilers / sizeof spoilers[0];

static const struct {
    unsigned int type;
    size_t (*make)(uint8_t *out);
} samples[] = {
    {MSG_CFG_BEGIN, config_begin},
    {MSG_CHANNEL, channel},
    {MSG_UPDATE_BEGIN, update_begin},
    {MSG_UPDATE_DATA, update_data},
    {MSG_TLS_SESSION, session},
    {MSG_TLS_DONE, session_id},
    {MSG_GATE_SESSION_TLS, session},
    {MSG_GATE_SESSION_PLAIN, wrap_session},
    {MSG_DIAL, session_id},
    {MSG_DIALED_PLAIN, session},
    {MSG_DIALED_TLS, session},
    {MSG_DIAL_FAILED, dial_failed},
    {MSG_SESSION_END, session_id},
    {MSG_TLS_DATA, test_frame},
    {MSG_GATE_DATA, test_frame},
    {MSG_SIGN, sign},
    {MSG_SIGNED, signed_earlier},
    {MSG_RECORD, record},
    {MSG_DECRYPT, decrypt},
    {MSG_DECRYPTED, decrypted_earlier},
    {MSG_RECORDED, sample_recorded},
    {MSG_RECORDED_ACK, sample_recorded_ack},
    {MSG_RECORD_ACK, record_ack},
    {MSG_LOG_PRESSURE, log_pressure},
    {MSG_LOG_CLOCK, log_clock},
    {MSG_GATE_CLOCK, log_clock},
    {MSG_LOG_STATUS, log_status},
    {MSG_LOG_ORDER, log_order},
    {MSG_LOG_ORDERED, log_ordered},
    {MSG_TLS_REKEY, rekeyed},
    {MSG_SESSION_PUT, session_put},
    {MSG_SESSION_ASK, session_ask},
    {MSG_SESSION_FOUND, session_found_earlier},
    {MSG_OCSP_ASK, ocsp_ask},
    {MSG_OCSP_ANSWER, ocsp_answer},
    {MSG_PERMIT, sample_permit},
    {MSG_PERMIT_REVOKE, sample_permit_revoke},
    {MSG_POLICY_STEP, sample_policy_forget},
};

#define SAMPLES (sizeof samples / sizeof samples[0])

bool sample_exists(unsigned int type)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        if (samples[i].type == type)
            return true;
    }
    return false;
}

size_t sample_make(unsigned int type, uint8_t payload[IMSG_PAYLOAD_MAX])
{
    for (size_t i = 0; i < SAMPLES; i++) {
        if (samples[i].type == type)
            return samples[i].make(payload);
    }
    return 0;
}

bool sample_send(struct imsg_channel *ch, unsigned int type)
{
    const struct imsg_row *row = imsg_row(type);
    static uint8_t payload[IMSG_PAYLOAD_MAX];
    int fds[IMSG_FDS_MAX] = {-1, -1};
    unsigned int count = row ? (unsigned int)strlen(row->fds) : 0;
    bool good;

    for (unsigned int i = 0; i < count; i++)
        fds[i] = raw_fd(row->fds[i]);
    good = imsg_send(ch, (enum imsg_type)type, payload, sample_make(type, payload), fds,
                     count) == IMSG_OK;
    for (unsigned int i = 0; i < count; i++)
        (void)close(fds[i]);
    return good;
}
