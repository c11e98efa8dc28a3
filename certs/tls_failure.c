#include "certs/tls_context.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "certs/errtext.h"
#include "certs/tls_note.h"

struct reason_row {
    int reason;
    enum tls_failure failure;
};

static enum tls_failure find(const struct reason_row *rows, size_t n, int reason,
                             enum tls_failure otherwise)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].reason == reason)
            return rows[i].failure;
    }
    return otherwise;
}

/* What this side found. */
static const struct reason_row reasons[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, TLS_FAIL_NO_PEER_CERT},
    {SSL_R_NO_SHARED_CIPHER, TLS_FAIL_NO_SHARED_CIPHER},
    {SSL_R_NO_CIPHERS_SPECIFIED, TLS_FAIL_NO_SHARED_CIPHER},
    {SSL_R_WRONG_CIPHER_RETURNED, TLS_FAIL_NO_SHARED_CIPHER},
    {SSL_R_UNKNOWN_CIPHER_RETURNED, TLS_FAIL_NO_SHARED_CIPHER},
    {SSL_R_NO_SUITABLE_KEY_SHARE, TLS_FAIL_NO_SHARED_GROUP},
    {SSL_R_NO_SUITABLE_GROUPS, TLS_FAIL_NO_SHARED_GROUP},
    {SSL_R_WRONG_CURVE, TLS_FAIL_NO_SHARED_GROUP},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_FAIL_SIGNATURE_TYPE},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_FAIL_SIGNATURE_TYPE},
    {SSL_R_WRONG_SIGNATURE_TYPE, TLS_FAIL_SIGNATURE_TYPE},
    {SSL_R_BAD_SIGNATURE, TLS_FAIL_SIGNATURE},
    {SSL_R_UNSUPPORTED_PROTOCOL, TLS_FAIL_VERSION},
    {SSL_R_VERSION_TOO_LOW, TLS_FAIL_VERSION},
    {SSL_R_UNKNOWN_PROTOCOL, TLS_FAIL_VERSION},
    {SSL_R_UNSUPPORTED_SSL_VERSION, TLS_FAIL_VERSION},
    {SSL_R_WRONG_SSL_VERSION, TLS_FAIL_VERSION},
    {SSL_R_HTTP_REQUEST, TLS_FAIL_HTTP},
    {SSL_R_HTTPS_PROXY_REQUEST, TLS_FAIL_HTTP},
    {SSL_R_WRONG_VERSION_NUMBER, TLS_FAIL_NOT_TLS},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, TLS_FAIL_CLOSED},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, TLS_FAIL_CERT_SIZE},
    {SSL_R_CERTIFICATE_VERIFY_FAILED, TLS_FAIL_CHAIN},
};

/* What the other side says, by alert number (RFC 8446 clause 6.2). */
static const struct reason_row alerts[] = {
    {SSL_AD_BAD_CERTIFICATE, TLS_FAIL_PEER_REFUSED_CERT},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, TLS_FAIL_PEER_REFUSED_CERT},
    {SSL_AD_CERTIFICATE_REVOKED, TLS_FAIL_PEER_REFUSED_CERT},
    {SSL_AD_CERTIFICATE_EXPIRED, TLS_FAIL_PEER_REFUSED_CERT},
    {SSL_AD_CERTIFICATE_UNKNOWN, TLS_FAIL_PEER_REFUSED_CERT},
    {SSL_AD_UNKNOWN_CA, TLS_FAIL_PEER_REFUSED_CERT},
    {SSL_AD_ACCESS_DENIED, TLS_FAIL_PEER_REFUSED_CERT},
    {SSL_AD_CERTIFICATE_REQUIRED, TLS_FAIL_PEER_REFUSED_CERT},
    {SSL_AD_PROTOCOL_VERSION, TLS_FAIL_VERSION},
};

static bool is_alert(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_SSL &&
           ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET;
}

static enum tls_failure failure_of(unsigned long error)
{
    int reason = ERR_GET_REASON(error);

    if (ERR_GET_LIB(error) == ERR_LIB_USER && reason == REMOTE_KEY_REASON_SIGN)
        return TLS_FAIL_SIGNER;
    if (is_alert(error))
        return find(alerts, sizeof(alerts) / sizeof(alerts[0]),
                    reason - SSL_AD_REASON_OFFSET, TLS_FAIL_PEER_REFUSED);
    if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        return TLS_FAIL_PROTOCOL;
    return find(reasons, sizeof(reasons) / sizeof(reasons[0]), reason, TLS_FAIL_PROTOCOL);
}

/* The first error of the queue that says more than that something went wrong; empties the
 * queue, which holds at most as many as OpenSSL keeps (16). */
static unsigned long telling_error(void)
{
    unsigned long oldest = ERR_peek_error();
    unsigned long told = 0;
    unsigned long error;

    while ((error = ERR_get_error()) != 0) {
        if (told == 0 && failure_of(error) != TLS_FAIL_PROTOCOL)
            told = error;
    }
    return told ? told : oldest;
}

static void describe_error(unsigned long error, char *detail, size_t cap)
{
    const char *reason = ERR_reason_error_string(error);

    if (is_alert(error))
        errtext_set(
            detail, cap, "alert from the peer: %s",
            SSL_alert_desc_string_long(ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET));
    else if (reason)
        errtext_set(detail, cap, "%s", reason);
}

/* A TLS record starts with a content type of 20 to 24 (RFC 8446 clause 5.1, RFC 6520), or
 * the connection was never TLS.  A 104 frame starts with 0x68 and a length of 4 to 253
 * (IEC 60870-5-104 clause 5.1). */
static enum tls_failure look_at_first(const struct tls_note *note, enum tls_failure found,
                                      char *detail, size_t cap)
{
    const uint8_t *f = note->first;

    if (!note->have_first || (found != TLS_FAIL_NOT_TLS && found != TLS_FAIL_PROTOCOL))
        return found;
    if (found == TLS_FAIL_PROTOCOL && f[0] >= 20 && f[0] <= 24)
        return found;
    errtext_set(detail, cap, "first octets %02x %02x %02x %02x %02x", f[0], f[1], f[2],
                f[3], f[4]);
    if (f[0] == 0x68 && f[1] >= 4 && f[1] <= 253)
        return TLS_FAIL_PLAIN_104;
    return TLS_FAIL_NOT_TLS;
}

/* A first message that is too long holds no certificates. */
static bool is_first_message(const SSL *ssl)
{
    OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);

    return state == TLS_ST_BEFORE || state == TLS_ST_SR_CLNT_HELLO ||
           state == TLS_ST_CW_CLNT_HELLO;
}

static enum tls_failure failure_of_ssl(const SSL *ssl, char *detail, size_t cap)
{
    const struct tls_note *note = tls_note_of(ssl);
    unsigned long error = telling_error();

    if (note && note->failure != TLS_FAIL_NONE) {
        errtext_set(detail, cap, "%s: %s", note->reason, note->subject);
        return note->failure;
    }
    if (error == 0)
        return TLS_FAIL_PROTOCOL;
    describe_error(error, detail, cap);
    if (ERR_GET_REASON(error) == SSL_R_EXCESSIVE_MESSAGE_SIZE && is_first_message(ssl))
        return TLS_FAIL_PROTOCOL;
    if (!note)
        return failure_of(error);
    return look_at_first(note, failure_of(error), detail, cap);
}

enum tls_failure tls_failure(SSL *ssl, int ret, char *detail, size_t cap)
{
    int number = errno;
    int cause = SSL_get_error(ssl, ret);

    errtext_set(detail, cap, "%s", "");
    switch (cause) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return TLS_FAIL_NONE;
    case SSL_ERROR_ZERO_RETURN:
        return SSL_is_init_finished(ssl) ? TLS_FAIL_NONE : TLS_FAIL_CLOSED;
    case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        if (number != 0)
            errtext_set(detail, cap, "%s", strerror(number));
        return TLS_FAIL_CLOSED;
    case SSL_ERROR_SSL: return failure_of_ssl(ssl, detail, cap);
    default: ERR_clear_error(); return TLS_FAIL_INTERNAL;
    }
}
