/* A valid configuration for each role. */
#include "tests/hostile/stage.h"

#include "policy/policy.h"
#include "proxy/role_config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEM_MAX 65536u

/* A port nobody listens on. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        a.sin_port = 0;
    (void)close(fd);
    return ntohs(a.sin_port);
}

static size_t broker_config(uint8_t **out)
{
    struct msg_endpoint local = {
        .family = 4, .port = free_port(), .addr = {127, 0, 0, 1}};
    struct broker_route route = {.index = ROUTE_PROTECT,
                                 .name = "rtu",
                                 .mode = ROUTE_PROTECT_RTU,
                                 .max_sessions = 10,
                                 .t0_s = 30,
                                 .listen_count = 1,
                                 .target_count = 1};
    struct broker_config c = {.incarnation = STAGE_INCARNATION,
                              .max_sessions = 100,
                              .handshakes_per_source = 10,
                              .sessions_per_worker = 1,
                              .route_count = 1,
                              .route = &route};

    route.listen[0] = local;
    route.target[0] = local;
    return broker_config_encode(&c, out);
}

static bool read_pem(const struct stage *s, const char *name, char text[PEM_MAX])
{
    char path[600];
    size_t n = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", s->dir, name);
    f = fopen(path, "r");
    if (f) {
        n = fread(text, 1, PEM_MAX - 1, f);
        (void)fclose(f);
    }
    text[n] = '\0';
    return n > 0;
}

static size_t tls_config(const struct stage *s, uint8_t **out)
{
    static char cert[PEM_MAX];
    static char ca[PEM_MAX];
    static char crl[PEM_MAX];
    struct tls_route route = {.index = ROUTE_PROTECT,
                              .name = "rtu",
                              .mode = ROUTE_PROTECT_RTU,
                              .update_answer_s = 45};
    struct tls_config c = {
        .sessions_per_worker = 1000,
        .handshake_s = 600,
        .rekey = {REKEY_INTERVAL_S, REKEY_TIMEOUT_S, REKEY_RECORDS_MAX, false},
        .resume_s = 3600,
        .cert_pem = cert,
        .ca_pem = ca,
        .crl_pem = crl,
        .revalidate_s = 600,
        .route_count = 1,
        .route = &route};

    if (!read_pem(s, "station.crt", cert) || !read_pem(s, "ca.crt", ca) ||
        !read_pem(s, "ca.crl", crl))
        return 0;
    return tls_config_encode(&c, out);
}

static size_t gate_config(uint8_t **out)
{
    struct policy_builder *policy = policy_builder_new();
    struct gate_route route[2];
    struct gate_config c = {
        .handshake_s = 600, .t0_max_s = 600, .route_count = 2, .route = route};
    const uint8_t *blob;
    size_t blob_size = 0;
    size_t size = 0;

    memset(route, 0, sizeof route);
    blob = policy ? policy_builder_blob(policy, &blob_size) : NULL;
    for (unsigned int i = 0; blob && i < 2; i++) {
        route[i].index = (uint16_t)i;
        (void)snprintf(route[i].name, sizeof route[i].name, "route-%u", i);
        route[i].mode = i == ROUTE_PROTECT ? ROUTE_PROTECT_RTU : ROUTE_WRAP_MASTER;
        route[i].enforce = true;
        route[i].profile = PROFILE_104;
        route[i].max_sessions = 1000;
        route[i].k = 12;
        route[i].w = 8;
        route[i].t1_s = route[i].t2_s = route[i].t3_s = 250;
        route[i].t2_s = 10;
        route[i].policy = malloc(blob_size);
        route[i].policy_size = blob_size;
        if (route[i].policy)
            memcpy(route[i].policy, blob, blob_size);
    }
    if (blob && route[0].policy && route[1].policy)
        size = gate_config_encode(&c, out);
    free(route[0].policy);
    free(route[1].policy);
    policy_builder_free(policy);
    return size;
}

static size_t signer_config(const struct stage *s, uint8_t **out)
{
    static struct signer_key key;
    struct signer_config c = {.key_count = 1, .key = &key};

    key.server = true;
    key.resume_s = 3600;
    (void)snprintf(key.path, sizeof key.path, "%s/station.key", s->dir);
    return signer_config_encode(&c, out);
}

static size_t audit_config(const struct stage *s, uint8_t **out)
{
    static struct audit_config c;
    static struct audit_route route[1] = {
        {.name = "rtu", .profile = {2, 2, 3, {0, 0}}, .recorded = true}};
    static unsigned int number;

    (void)snprintf(c.dir, sizeof c.dir, "%s/log-%u", s->dir, number++);
    c.ship = (struct ship_config){SHIP_ALL, SHIP_LAG_MAX, SHIP_SIZE_DEFAULT, 1};
    c.recording = (struct recording_settings){.size = RECORDING_SIZE_MIN,
                                              .interval_s = 1,
                                              .retain_size = 4 * RECORDING_SIZE_MIN};
    c.route_count = 1;
    c.route = route;
    c.seal.interval_s = 60;
    return audit_config_encode(&c, out);
}

static size_t fetcher_config(uint8_t **out)
{
    struct fetcher_group group = {
        .responder = {.family = 4, .port = free_port(), .addr = {127, 0, 0, 1}},
        .host = "127.0.0.1",
        .path = "/",
        .timeout_s = 15,
        .keep_s = 300};
    struct fetcher_config c = {.group_count = 1, .group = &group};

    return fetcher_config_encode(&c, out);
}

size_t stage_config(const struct stage *s, uint8_t **out)
{
    switch (s->role) {
    case ROLE_BROKER: return broker_config(out);
    case ROLE_TLS: return tls_config(s, out);
    case ROLE_GATE: return gate_config(out);
    case ROLE_SIGNER: return signer_config(s, out);
    case ROLE_AUDIT: return audit_config(s, out);
    case ROLE_FETCHER: return fetcher_config(out);
    case ROLE_MONITOR:
    case ROLE_COUNT: break;
    }
    return 0;
}
