#include "certs/tls_profile.h"

#include <stdint.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "certs/tls_note.h"

#define IN_STRICT 1u
#define IN_FULL   2u
#define IN_BOTH   (IN_STRICT | IN_FULL)

#define RSA_AES128_CBC_SHA256 0x003Cu

/* IEC 62351-3 Ed. 2, tables 9 and 13, best first: a server's order decides.  The standard
 * prints C09E and 00A1 for the DHE suites, which are others in the list of IANA. */
static const struct suite {
    const char *name;
    uint32_t code;
    unsigned int in;
    bool tls13;
    bool cbc;
} suites[] = {
    {"ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B, IN_BOTH, false, false},
    {"ECDHE-RSA-AES128-GCM-SHA256", 0xC02F, IN_BOTH, false, false},
    {"ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C, IN_BOTH, false, false},
    {"ECDHE-RSA-AES256-GCM-SHA384", 0xC030, IN_BOTH, false, false},
    {"DHE-RSA-AES128-GCM-SHA256", 0x009E, IN_FULL, false, false},
    {"DHE-RSA-AES256-GCM-SHA384", 0x009F, IN_FULL, false, false},
    {"AES128-SHA256", RSA_AES128_CBC_SHA256, IN_FULL, false, true},
    {"TLS_AES_128_GCM_SHA256", 0x1301, IN_BOTH, true, false},
    {"TLS_AES_256_GCM_SHA384", 0x1302, IN_BOTH, true, false},
    {"TLS_AES_128_CCM_SHA256", 0x1304, IN_BOTH, true, false},
    {"TLS_CHACHA20_POLY1305_SHA256", 0x1303, IN_FULL, true, false},
};
#define SUITES (sizeof(suites) / sizeof(suites[0]))

/* Table 16.  The code points of brainpool for TLS 1.3 are unknown to OpenSSL 3.0. */
#define GROUPS_STRICT "P-256:P-384"
#define GROUPS_FULL   "P-256:ffdhe2048:P-384:ffdhe3072:ffdhe4096"
#define SIGALGS                                                                          \
    "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:"                                     \
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"                       \
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"                          \
    "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512"

/* ---- the rules of a context ---- */

/* Rules travel as the bits of the pointer that a context keeps. */
#define BIT_SET    1u
#define BIT_FULL   2u
#define BIT_13     4u
#define BIT_LEGACY 8u

static int rules_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

static bool remember(SSL_CTX *ctx, const struct tls_rules *rules)
{
    uintptr_t bits = BIT_SET;

    if (rules->profile == TLS_PROFILE_FULL)
        bits |= BIT_FULL;
    if (rules->tls13_only)
        bits |= BIT_13;
    if (rules->legacy_rsa)
        bits |= BIT_LEGACY;
    return rules_index() >= 0 &&
           SSL_CTX_set_ex_data(ctx, rules_index(), (void *)bits) == 1;
}

static bool recall(const SSL *ssl, struct tls_rules *rules)
{
    uintptr_t bits = (uintptr_t)SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), rules_index());

    *rules = (struct tls_rules){
        .profile = bits & BIT_FULL ? TLS_PROFILE_FULL : TLS_PROFILE_STRICT,
        .tls13_only = bits & BIT_13,
        .legacy_rsa = bits & BIT_LEGACY,
    };
    return bits & BIT_SET;
}

static bool is_legacy(const struct suite *s, const struct tls_rules *rules)
{
    return rules->legacy_rsa && s->code == RSA_AES128_CBC_SHA256;
}

static bool is_in(const struct suite *s, const struct tls_rules *rules)
{
    unsigned int column = rules->profile == TLS_PROFILE_FULL ? IN_FULL : IN_STRICT;

    if (!s->tls13 && rules->tls13_only)
        return false;
    return (s->in & column) || is_legacy(s, rules);
}

/* ---- into a context ---- */

/* The names with colons between them; false if they do not fit. */
static bool list_suites(const struct tls_rules *rules, bool tls13, char *list, size_t cap)
{
    size_t used = 0;

    list[0] = '\0';
    for (size_t i = 0; i < SUITES; i++) {
        size_t n = strlen(suites[i].name);

        if (suites[i].tls13 != tls13 || !is_in(&suites[i], rules))
            continue;
        if (n + 2 > cap - used)
            return false;
        if (used > 0)
            list[used++] = ':';
        memcpy(list + used, suites[i].name, n + 1);
        used += n;
    }
    return true;
}

static bool set_suites(SSL_CTX *ctx, const struct tls_rules *rules)
{
    char list[512];

    if (!list_suites(rules, true, list, sizeof(list)) ||
        SSL_CTX_set_ciphersuites(ctx, list) != 1)
        return false;
    if (rules->tls13_only)
        return true;
    return list_suites(rules, false, list, sizeof(list)) &&
           SSL_CTX_set_cipher_list(ctx, list) == 1;
}

/* Of the groups of RFC 7919 the one that table 16 makes mandatory; OpenSSL's own choice
 * would be one of RFC 3526. */
static bool set_dhe(SSL_CTX *ctx)
{
    char name[] = "ffdhe2048";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
    EVP_PKEY *group = NULL;
    bool made = maker && EVP_PKEY_fromdata_init(maker) == 1 &&
                EVP_PKEY_fromdata(maker, &group, EVP_PKEY_KEY_PARAMETERS, params) == 1;

    EVP_PKEY_CTX_free(maker);
    if (made && SSL_CTX_set0_tmp_dh_pkey(ctx, group) == 1)
        return true;
    EVP_PKEY_free(group);
    return false;
}

bool tls_profile_set(SSL_CTX *ctx, const struct tls_rules *rules)
{
    bool full = rules->profile == TLS_PROFILE_FULL;
    int least = rules->tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION;

    return SSL_CTX_set_min_proto_version(ctx, least) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           set_suites(ctx, rules) &&
           SSL_CTX_set1_groups_list(ctx, full ? GROUPS_FULL : GROUPS_STRICT) == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, SIGALGS) == 1 &&
           SSL_CTX_set1_client_sigalgs_list(ctx, SIGALGS) == 1 &&
           (!tls_rules_dhe(rules) || set_dhe(ctx)) && remember(ctx, rules);
}

/* ---- after a handshake ---- */

static const struct suite *suite_of(const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    uint32_t code = cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;

    for (size_t i = 0; i < SUITES; i++) {
        if (suites[i].code == code)
            return &suites[i];
    }
    return NULL;
}

enum tls_failure tls_profile_check(const SSL *ssl)
{
    const struct suite *suite = suite_of(ssl);
    const struct tls_note *note = tls_note_of(ssl);
    int version = SSL_version(ssl);
    struct tls_rules rules;

    if (!note || !recall(ssl, &rules))
        return TLS_FAIL_INTERNAL;
    if ((version != TLS1_2_VERSION && version != TLS1_3_VERSION) ||
        (version != TLS1_3_VERSION && rules.tls13_only))
        return TLS_FAIL_VERSION;
    if (!suite || !is_in(suite, &rules))
        return TLS_FAIL_PROFILE;
    if (suite->tls13 || is_legacy(suite, &rules))
        return TLS_FAIL_NONE;
    if (SSL_get_extms_support((SSL *)ssl) != 1)
        return TLS_FAIL_NO_EMS;
    /* IEC 62351-3 clause 7.5.7. */
    if (suite->cbc && !note->etm)
        return TLS_FAIL_NO_ETM;
    return TLS_FAIL_NONE;
}

bool tls_profile_is_transport(const SSL *ssl)
{
    const struct suite *suite = suite_of(ssl);

    return suite && suite->code == RSA_AES128_CBC_SHA256;
}
