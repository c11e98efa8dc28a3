/* The configuration: whatever the text, either every fault is named with its place, or
 * what each role is told of it is a configuration that the role takes.
 *
 * Target functions: config_load config_free config_broker_role config_tls_role
 *   config_gate_role config_signer_role config_audit_role config_gate_count
 *   broker_config_encode tls_config_encode gate_config_encode signer_config_encode
 *   audit_config_encode
 * Options: -max_len=4096 -dict=fuzz/lib/config.dict
 *
 * Input: the text.  The files it may name are always the same. */
#include "fuzz/lib/findings.h"
#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/text_mutate.h"
#include "fuzz/lib/virtual_file.h"

#include "proxy/audit_hash.h"
#include "proxy/config.h"

#include <stdlib.h>
#include <string.h>

static struct sink sink;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char pem[] = "-----BEGIN CERTIFICATE-----\n";
    static const char policy[] =
        "control = { rules = ( { types = [ \"C_IC_NA_1\" ]; ca = [ 1 ]; } ); };\n";

    (void)argc;
    (void)argv;
    FUZZ_CHECK(audit_hash_warm_up());
    virtual_file(".crt", pem, sizeof pem - 1);
    virtual_file(".crl", pem, sizeof pem - 1);
    virtual_file(".der", "\x30\x82\x01", 4);
    virtual_file(".policy", policy, sizeof policy - 1);
    sink_init(&sink);
    return 0;
}

/* ---- what the roles are told ---- */

#define CHECK_ROLE(role, told)                                                           \
    do {                                                                                 \
        struct role##_config c, taken;                                                   \
        uint8_t *octets, *again;                                                         \
        FUZZ_CHECK(told);                                                                \
        const size_t n = role##_config_encode(&c, &octets);                              \
        FUZZ_CHECK(n > 0 && role##_config_decode(octets, n, &taken));                    \
        FUZZ_CHECK(role##_config_encode(&taken, &again) == n);                           \
        FUZZ_CHECK(memcmp(octets, again, n) == 0);                                       \
        role##_config_free(&c);                                                          \
        role##_config_free(&taken);                                                      \
        free(octets);                                                                    \
        free(again);                                                                     \
    } while (0)

/* Timers and windows as they were written. */
static void check_gate(const struct config *config, const struct gate_config *c)
{
    for (size_t i = 0; i < c->route_count; i++) {
        const struct gate_route *told = &c->route[i];
        FUZZ_CHECK(told->index < config->route_count);
        const struct config_route *r = &config->routes[told->index];
        FUZZ_CHECK(strcmp(told->name, r->name) == 0 && told->mode == r->mode);
        FUZZ_CHECK(told->enforce == r->enforce && told->max_sessions == r->max_sessions);
        FUZZ_CHECK(told->k == r->k && told->w == r->w && told->t1_s == r->t1);
        FUZZ_CHECK(told->t2_s == r->t2 && told->t3_s == r->t3);
        FUZZ_CHECK(memcmp(&told->profile, &r->profile, sizeof r->profile) == 0);
    }
}

static void check_roles(const struct config *config)
{
    CHECK_ROLE(broker, config_broker_role(config, 7, &c));
    CHECK_ROLE(signer, config_signer_role(config, &c));
    if (config->audit_dir != NULL)
        CHECK_ROLE(audit, config_audit_role(config, &c));
    for (uint32_t i = 0; i < config->tls_count; i++)
        CHECK_ROLE(tls, config_tls_role(config, i, &c));
    const uint32_t gates = config_gate_count(config);
    FUZZ_CHECK(gates >= 1 && gates <= config->route_count);
    for (uint32_t i = 0; i < gates; i++) {
        struct gate_config told;
        CHECK_ROLE(gate, config_gate_role(config, i, &c));
        FUZZ_CHECK(config_gate_role(config, i, &told));
        check_gate(config, &told);
        gate_config_free(&told);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_errors errs;

    virtual_file("gate104.conf", data, size);
    config_errors_init(&errs);
    struct config *config = config_load("gate104.conf", &errs);
    FUZZ_CHECK((config != NULL) == (errs.errors == 0));
    findings_check(&errs, findings_lines(data, size), &sink);
    if (config != NULL)
        check_roles(config);
    config_free(config);
    config_errors_free(&errs);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
    if (seed % 2 == 0)
        return LLVMFuzzerMutate(data, size, max);
    return text_mutate(data, size, max, seed / 2);
}
