/* A master as lib60870 ships it with mbedTLS 2.28: TLS_RSA_WITH_AES_128_CBC_SHA256 alone,
 * no extended master secret, no encrypt-then-MAC.  Built by tls_profile.t.
 *
 *   old_master PORT CA CERT KEY COUNT     STARTDT, then that many TESTFR and their
 * answers */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_ssl_config config;
static mbedtls_ssl_context ssl;
static mbedtls_net_context net;
static mbedtls_x509_crt ca, own;
static mbedtls_pk_context key;

static void must(int ret, const char *what)
{
    if (ret == 0)
        return;
    fprintf(stderr, "%s: -0x%04x\n", what, (unsigned int)-ret);
    exit(1);
}

static void configure(char **argv)
{
    static const int suites[] = {MBEDTLS_TLS_RSA_WITH_AES_128_CBC_SHA256, 0};

    must(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0), "seed");
    must(mbedtls_x509_crt_parse_file(&ca, argv[2]), "CA");
    must(mbedtls_x509_crt_parse_file(&own, argv[3]), "certificate");
    must(mbedtls_pk_parse_keyfile(&key, argv[4], NULL), "key");
    must(mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT,
                                     MBEDTLS_SSL_TRANSPORT_STREAM,
                                     MBEDTLS_SSL_PRESET_DEFAULT),
         "defaults");
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &drbg);
    mbedtls_ssl_conf_ca_chain(&config, &ca, NULL);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
    must(mbedtls_ssl_conf_own_cert(&config, &own, &key), "own certificate");
    mbedtls_ssl_conf_ciphersuites(&config, suites);
    mbedtls_ssl_conf_extended_master_secret(&config, MBEDTLS_SSL_EXTENDED_MS_DISABLED);
    mbedtls_ssl_conf_encrypt_then_mac(&config, MBEDTLS_SSL_ETM_DISABLED);
    must(mbedtls_ssl_setup(&ssl, &config), "setup");
    must(mbedtls_ssl_set_hostname(&ssl, "station.lab"), "name");
}

/* One U-frame and its answer. */
static int ask(unsigned char control, unsigned char answer)
{
    unsigned char frame[6] = {0x68, 4, control, 0, 0, 0};

    if (mbedtls_ssl_write(&ssl, frame, sizeof frame) != sizeof frame)
        return 0;
    return mbedtls_ssl_read(&ssl, frame, sizeof frame) == sizeof frame &&
           frame[2] == answer;
}

int main(int argc, char **argv)
{
    int count = argc == 6 ? atoi(argv[5]) : 0;
    int good = 0;

    if (argc != 6)
        return 2;
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&drbg);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);
    mbedtls_net_init(&net);
    mbedtls_x509_crt_init(&ca);
    mbedtls_x509_crt_init(&own);
    mbedtls_pk_init(&key);
    configure(argv);
    must(mbedtls_net_connect(&net, "127.0.0.1", argv[1], MBEDTLS_NET_PROTO_TCP),
         "connect");
    mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
    must(mbedtls_ssl_handshake(&ssl), "handshake");
    printf("%s\n", mbedtls_ssl_get_ciphersuite(&ssl));
    must(!ask(0x07, 0x0b), "STARTDT");
    for (int i = 0; i < count; i++)
        good += ask(0x43, 0x83);
    printf("%d of %d\n", good, count);
    (void)mbedtls_ssl_close_notify(&ssl);
    return good == count ? 0 : 1;
}
