/* The handlers of all roles but the monitor: each role as it runs, with neighbours that
 * send what fits the catalogue and may mean anything.  Nothing is hoped of it but that
 * the role goes on, within its memory, and leaves no descriptor behind.
 *
 * Target functions: broker_main gate_main signer_main audit_main fetcher_main tls_main
 *   control_ready receive_config gate_session_find tls_trust_message
 *   signer_sessions_message collect_take tls_session_begin gate_update_message
 * Options: -max_len=1024
 *
 * Messages: CFG_BEGIN CFG_DATA CHANNEL UPDATE_BEGIN UPDATE_DATA TLS_SESSION TLS_DONE
 *   GATE_SESSION_TLS GATE_SESSION_PLAIN DIAL DIALED_PLAIN DIALED_TLS DIAL_FAILED
 *   SESSION_END IDENTITY TLS_FAILED TLS_DATA TLS_CLOSED TLS_WARNINGS TLS_REKEY SIGN
 *   DECRYPT SESSION_PUT SESSION_ASK OCSP_ASK OCSP_ANSWER RECORD RECORD_ACK STATUS_ASK
 *   SESSION_CLOSE ROUTE_COMMANDS LOG_PRESSURE LOG_CLOCK GATE_CLOCK
 *   LOG_ORDER PERMIT PERMIT_REVOKE RECORDED RECORDED_ACK POLICY_STEP
 *
 * Input: an octet that chooses the role, then a script of what its neighbours do. */
#include "fuzz/lib/role_stage.h"

#include <fcntl.h>
#include <unistd.h>

#define STEPS_MAX 24u

static int lowest_free(void)
{
    const int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);

    FUZZ_CHECK(fd >= 0);
    (void)close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum role roles[] = {ROLE_GATE, ROLE_BROKER, ROLE_SIGNER,
                                      ROLE_TLS,  ROLE_AUDIT,  ROLE_FETCHER};
    struct fuzz_input in = {data, size};
    struct role_stage s;

    role_stage_begin(&s, roles[fuzz_u8(&in) % (sizeof roles / sizeof roles[0])]);
    for (unsigned int i = 0; i < STEPS_MAX && in.left > 0; i++) {
        const uint8_t what = fuzz_u8(&in);

        if (what < 160)
            role_stage_message(&s, &in);
        else if (what < 176)
            role_stage_connect(&s);
        else if (what < 200)
            role_stage_octets(&s, &in);
        else if (what < 204)
            role_stage_update(&s, &in);
        else if (what < 208)
            role_stage_config(&s, &in);
        else
            role_stage_run(&s);
    }
    role_stage_run(&s);
    role_stage_end(&s);
    /* What it holds for itself, and what is on its way out. */
    FUZZ_CHECK(lowest_free() < 128);
    return 0;
}
