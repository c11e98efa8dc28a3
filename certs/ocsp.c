#include "certs/ocsp.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "certs/errtext.h"

/* Clocks may differ by this much. */
#define SKEW_S 300

const char *ocsp_status_text(enum ocsp_status status)
{
    static const char *const texts[OCSP_STATUS_COUNT] = {
        [OCSP_GOOD] = "good",
        [OCSP_REVOKED] = "revoked",
        [OCSP_UNKNOWN] = "unknown to the responder",
        [OCSP_SILENT] = "no answer",
        [OCSP_EXPIRED] = "an answer that is too old",
        [OCSP_FORGED] = "an answer that is not signed by who may sign it",
        [OCSP_OTHER] = "an answer about another certificate",
        [OCSP_GARBAGE] = "an answer that is not OCSP",
    };

    return (unsigned int)status < OCSP_STATUS_COUNT ? texts[status] : "";
}

/* ---- who ---- */

/* The issuer among the trusted ones and those at hand; a reference of its own. */
static X509 *find_issuer(X509_STORE *store, STACK_OF(X509) * others, X509 *cert)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *issuer = NULL;

    if (ctx && X509_STORE_CTX_init(ctx, store, cert, NULL) == 1 &&
        X509_STORE_CTX_get1_issuer(&issuer, ctx, cert) != 1)
        issuer = NULL;
    X509_STORE_CTX_free(ctx);
    for (int i = 0; !issuer && i < sk_X509_num(others); i++) {
        X509 *other = sk_X509_value(others, i);

        if (X509_check_issued(other, cert) == X509_V_OK && X509_up_ref(other) == 1)
            issuer = other;
    }
    ERR_clear_error();
    return issuer;
}

static bool set_subject(struct ocsp_subject *s, X509 *cert, X509 *issuer)
{
    *s = (struct ocsp_subject){.cert = cert, .issuer = issuer};
    if (cert && issuer && X509_up_ref(cert) == 1)
        return true;
    X509_free(issuer);
    memset(s, 0, sizeof *s);
    return false;
}

bool ocsp_subject_peer(const SSL *ssl, struct ocsp_subject *s)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509 *cert = SSL_get0_peer_certificate(ssl);
    X509 *issuer = NULL;

    memset(s, 0, sizeof *s);
    if (!cert)
        return false;
    if (sk_X509_num(chain) >= 2) {
        issuer = sk_X509_value(chain, 1);
        if (X509_up_ref(issuer) != 1)
            return false;
    } else { /* a resumed session keeps no verified chain */
        issuer = find_issuer(SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)),
                             SSL_get_peer_cert_chain(ssl), cert);
    }
    return set_subject(s, cert, issuer);
}

bool ocsp_subject_own(SSL_CTX *ctx, struct ocsp_subject *s)
{
    STACK_OF(X509) *chain = NULL;
    X509 *cert = SSL_CTX_get0_certificate(ctx);

    memset(s, 0, sizeof *s);
    if (!cert || SSL_CTX_get0_chain_certs(ctx, &chain) != 1)
        return false;
    return set_subject(s, cert, find_issuer(SSL_CTX_get_cert_store(ctx), chain, cert));
}

void ocsp_subject_free(struct ocsp_subject *s)
{
    X509_free(s->cert);
    X509_free(s->issuer);
    memset(s, 0, sizeof *s);
}

/* ---- question ---- */

size_t ocsp_request(const struct ocsp_subject *s, uint8_t *der, size_t cap)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    /* SHA-1 only finds the entry; every responder knows it (RFC 5019 clause 2.1.1). */
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), s->cert, s->issuer);
    int n = 0;

    if (request && id && OCSP_request_add0_id(request, id)) {
        id = NULL;
        n = i2d_OCSP_REQUEST(request, NULL);
        n = n > 0 && (size_t)n <= cap ? i2d_OCSP_REQUEST(request, &der) : 0;
    }
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    ERR_clear_error();
    return n > 0 ? (size_t)n : 0;
}

/* ---- answer ---- */

static bool digest_good(const OCSP_BASICRESP *basic)
{
    const X509_ALGOR *alg = OCSP_resp_get0_tbs_sigalg(basic);
    const ASN1_OBJECT *oid = NULL;
    int digest = NID_undef;

    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    if (!OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, NULL))
        return false;
    return digest != NID_sha1 && digest != NID_md5 && digest != NID_md4;
}

/* The issuer is the one trust anchor, so that nobody else's responder counts. */
static bool signed_by_issuer(OCSP_BASICRESP *basic, X509 *issuer)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *at_hand = sk_X509_new_null();
    bool good = store && at_hand && digest_good(basic) &&
                X509_STORE_add_cert(store, issuer) == 1 &&
                X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
                sk_X509_push(at_hand, issuer) > 0 &&
                OCSP_basic_verify(basic, at_hand, store, 0) == 1;

    sk_X509_free(at_hand);
    X509_STORE_free(store);
    return good;
}

/* thisUpdate and nextUpdate against `now`; OCSP_check_validity() knows only the present.
 */
static bool in_time(const ASN1_GENERALIZEDTIME *this_update,
                    const ASN1_GENERALIZEDTIME *next_update, time_t now,
                    uint32_t max_age_s)
{
    time_t early = now + SKEW_S;
    time_t late = now - SKEW_S;
    time_t oldest = now - SKEW_S - (time_t)max_age_s;

    return this_update && ASN1_GENERALIZEDTIME_check(this_update) &&
           ASN1_TIME_cmp_time_t(this_update, early) <= 0 &&
           ASN1_TIME_cmp_time_t(this_update, oldest) >= 0 &&
           (!next_update || (ASN1_GENERALIZEDTIME_check(next_update) &&
                             ASN1_TIME_cmp_time_t(next_update, late) >= 0));
}

static time_t seconds_of(const ASN1_GENERALIZEDTIME *t)
{
    struct tm tm;

    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static time_t end_of(const ASN1_GENERALIZEDTIME *this_update,
                     const ASN1_GENERALIZEDTIME *next_update, uint32_t max_age_s)
{
    time_t oldest = seconds_of(this_update) + (time_t)max_age_s;
    time_t next = seconds_of(next_update);

    return next != 0 && next < oldest ? next : oldest;
}

/* The entry about the certificate, by its issuer and number. */
static enum ocsp_status find_status(const struct ocsp_subject *s, OCSP_BASICRESP *basic,
                                    time_t now, uint32_t max_age_s, time_t *until,
                                    char *detail, size_t cap)
{
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), s->cert, s->issuer);
    ASN1_GENERALIZEDTIME *revoked = NULL;
    ASN1_GENERALIZEDTIME *this_update = NULL;
    ASN1_GENERALIZEDTIME *next_update = NULL;
    int status = -1;
    int reason = -1;
    bool found = id && OCSP_resp_find_status(basic, id, &status, &reason, &revoked,
                                             &this_update, &next_update) == 1;

    OCSP_CERTID_free(id);
    if (!found)
        return OCSP_OTHER;
    if (!in_time(this_update, next_update, now, max_age_s))
        return OCSP_EXPIRED;
    if (until)
        *until = end_of(this_update, next_update, max_age_s);
    if (status == V_OCSP_CERTSTATUS_GOOD)
        return OCSP_GOOD;
    if (status != V_OCSP_CERTSTATUS_REVOKED)
        return OCSP_UNKNOWN;
    if (reason > 0)
        errtext_set(detail, cap, "%s", OCSP_crl_reason_str(reason));
    return OCSP_REVOKED;
}

/* Exactly one value, nothing behind it. */
static OCSP_RESPONSE *parse(const uint8_t *der, size_t n)
{
    const uint8_t *at = der;
    OCSP_RESPONSE *response =
        n > 0 && n <= INT_MAX ? d2i_OCSP_RESPONSE(NULL, &at, (long)n) : NULL;

    if (response && at == der + n)
        return response;
    OCSP_RESPONSE_free(response);
    return NULL;
}

enum ocsp_status ocsp_judge(const struct ocsp_subject *s, const uint8_t *der, size_t n,
                            time_t now, uint32_t max_age_s, time_t *until, char *detail,
                            size_t cap)
{
    OCSP_RESPONSE *response = parse(der, n);
    OCSP_BASICRESP *basic = NULL;
    enum ocsp_status status = OCSP_GARBAGE;
    int said = response ? OCSP_response_status(response) : -1;

    errtext_set(detail, cap, "%s", "");
    if (said > OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        errtext_set(detail, cap, "%s", OCSP_response_status_str(said));
        status = OCSP_SILENT;
    } else if (response) {
        basic = OCSP_response_get1_basic(response);
    }
    if (basic && !signed_by_issuer(basic, s->issuer)) {
        errtext_set(detail, cap, "%s", errtext_openssl());
        status = OCSP_FORGED;
    } else if (basic) {
        status = find_status(s, basic, now, max_age_s, until, detail, cap);
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return status;
}

/* ---- stapling ---- */

static int give_staple(SSL *ssl, void *arg)
{
    const struct ocsp_staple *staple = arg;
    const X509 *shown = SSL_get_certificate(ssl);
    uint8_t *copy;

    if (staple->size == 0 || time(NULL) > staple->until || !shown ||
        X509_cmp(staple->about, shown) != 0)
        return SSL_TLSEXT_ERR_NOACK;
    copy = OPENSSL_memdup(staple->der, staple->size);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    /* Takes the copy. */
    return SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->size) == 1
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

void ocsp_staple_serve(SSL_CTX *ctx, struct ocsp_staple *staple)
{
    SSL_CTX_set_tlsext_status_cb(ctx, give_staple);
    SSL_CTX_set_tlsext_status_arg(ctx, staple);
}

void ocsp_staple_want(SSL *ssl)
{
    (void)SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
}

const uint8_t *ocsp_staple_got(SSL *ssl, size_t *n)
{
    const uint8_t *der = NULL;
    long size = SSL_get_tlsext_status_ocsp_resp(ssl, &der);

    *n = der && size > 0 ? (size_t)size : 0;
    return *n > 0 ? der : NULL;
}
