/* gate104 pki enrol: a certificate from an EST server (RFC 7030), as IEC 62351-9 prefers.
 */
#include "proxy/pki/pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "certs/ca_file.h"
#include "certs/ca_index.h"
#include "certs/ca_key.h"
#include "certs/ca_name.h"
#include "certs/errtext.h"
#include "certs/est_answer.h"
#include "certs/pem.h"
#include "certs/security_event.h"
#include "proxy/pki/est_http.h"

#define TIMEOUT_DEFAULT 30
#define RENEW_PERCENT   70 /* IEC 62351-9, renewal */
#define ASKS_MAX        1000
#define RETRY_LEAST     1
#define RETRY_DEFAULT   30

struct enrol {
    const struct pki_options *o;
    struct est_server server;
    STACK_OF(X509) * anchors; /* --ca */
    STACK_OF(X509_CRL) * crls;
    STACK_OF(X509) * own; /* --cert */
    EVP_PKEY *own_key;    /* --key */
    char *password;
    STACK_OF(X509) * ca_certs; /* those the server names */
    EVP_PKEY *key;             /* of the request */
    X509_REQ *req;
    bool made; /* key and request were made by this run */
    int status;
};

static void enrol_free(struct enrol *e)
{
    pem_free_certs(e->anchors);
    pem_free_crls(e->crls);
    pem_free_certs(e->own);
    pem_free_certs(e->ca_certs);
    EVP_PKEY_free(e->own_key);
    EVP_PKEY_free(e->key);
    X509_REQ_free(e->req);
    ca_file_free(e->password);
}

/* ---- what the command line names ---- */

static bool load_trust(struct enrol *e, char *err, size_t cap)
{
    size_t n = 0;
    char *text = pki_join(&e->o->ca, &n, err, cap);

    if (text)
        e->anchors = pem_read_certs(&(struct tls_pem){"--ca", text, n}, err, cap);
    free(text);
    if (!e->anchors || e->o->crl.count == 0)
        return e->anchors != NULL;
    text = pki_join(&e->o->crl, &n, err, cap);
    if (text)
        e->crls = pem_read_crls(&(struct tls_pem){"--crl", text, n}, err, cap);
    free(text);
    return e->crls != NULL;
}

static bool load_own(struct enrol *e, char *err, size_t cap)
{
    size_t n = 0;
    char *text;

    if (!e->o->cert)
        return true;
    e->own_key = ca_key_load(e->o->key, err, cap);
    text = e->own_key ? ca_file_read(e->o->cert, &n, err, cap) : NULL;
    if (text)
        e->own = pem_read_certs(&(struct tls_pem){e->o->cert, text, n}, err, cap);
    ca_file_free(text);
    if (!e->own || X509_check_private_key(sk_X509_value(e->own, 0), e->own_key) == 1)
        return e->own != NULL;
    errtext_set(err, cap, "%s: not the key of %s", e->o->key, e->o->cert);
    return false;
}

static bool load_password(struct enrol *e, char *err, size_t cap)
{
    size_t n = 0;

    if (!e->o->user)
        return true;
    e->password = ca_file_read_secret(e->o->password_file, &n, err, cap);
    if (e->password)
        e->password[strcspn(e->password, "\r\n")] = '\0';
    return e->password != NULL;
}

static bool load(struct enrol *e, char *err, size_t cap)
{
    if (!est_url_good(e->o->server, err, cap) || !load_trust(e, err, cap) ||
        !load_own(e, err, cap) || !load_password(e, err, cap))
        return false;
    e->server = (struct est_server){
        .url = e->o->server,
        .tls = {e->anchors, e->crls, e->own, e->own_key},
        .user = e->o->user,
        .password = e->password,
        .timeout = e->o->timeout ? e->o->timeout : TIMEOUT_DEFAULT,
    };
    return true;
}

/* ---- the request ---- */

static bool path_of(const struct enrol *e, const char *suffix, char path[CA_PATH_CAP],
                    char *err, size_t cap)
{
    return ca_path(path, err, cap, "%s.%s", e->o->out, suffix);
}

static bool is_there(const struct enrol *e, const char *suffix)
{
    char path[CA_PATH_CAP], err[1];

    return path_of(e, suffix, path, err, sizeof err) && ca_file_exists(path);
}

/* A request that was sent before and not answered yet must be sent again as it was
 * (RFC 7030 clause 4.2.3). */
static bool load_pending(struct enrol *e, char *err, size_t cap)
{
    char key[CA_PATH_CAP], csr[CA_PATH_CAP];
    size_t n = 0;
    char *text;

    if (!path_of(e, "key", key, err, cap) || !path_of(e, "csr", csr, err, cap))
        return false;
    e->key = ca_key_load(key, err, cap);
    text = e->key ? ca_file_read(csr, &n, err, cap) : NULL;
    if (text)
        e->req = ca_request_read(csr, text, n, err, cap);
    ca_file_free(text);
    if (!e->req || EVP_PKEY_eq(X509_REQ_get0_pubkey(e->req), e->key) == 1)
        return e->req != NULL;
    errtext_set(err, cap, "%s: not made with %s; move both away", csr, key);
    return false;
}

static bool store_request(struct enrol *e, char *err, size_t cap)
{
    char path[CA_PATH_CAP];

    if (!path_of(e, "key", path, err, cap) || !ca_key_store(path, e->key, err, cap))
        return false;
    e->made = true;
    return path_of(e, "csr", path, err, cap) &&
           pki_write(path, ca_request_pem(e->req), err, cap);
}

static bool make_new(struct enrol *e, char *err, size_t cap)
{
    X509_NAME *subject = ca_name_parse(e->o->name, err, cap);
    GENERAL_NAMES *names =
        subject ? ca_names_parse(e->o->san.item, e->o->san.count, err, cap) : NULL;

    e->key = names ? ca_key_make(e->o->rsa, err, cap) : NULL;
    if (e->key)
        e->req = ca_request_make(subject, names, e->key, err, cap);
    GENERAL_NAMES_free(names);
    X509_NAME_free(subject);
    return e->req && store_request(e, err, cap);
}

/* Same subject, same alternative names (RFC 7030 clause 4.2.2).  The key stays unless new
 * files are asked for. */
static bool make_renewal(struct enrol *e, char *err, size_t cap)
{
    X509 *old = sk_X509_value(e->own, 0);
    GENERAL_NAMES *names = X509_get_ext_d2i(old, NID_subject_alt_name, NULL, NULL);

    if (e->o->out) {
        e->key = ca_key_make(e->o->rsa, err, cap);
    } else if (EVP_PKEY_up_ref(e->own_key) == 1) {
        e->key = e->own_key;
    }
    if (e->key)
        e->req = ca_request_make(X509_get_subject_name(old), names, e->key, err, cap);
    GENERAL_NAMES_free(names);
    return e->req && (!e->o->out || store_request(e, err, cap));
}

static bool prepare(struct enrol *e, char *err, size_t cap)
{
    if (e->o->out && is_there(e, "crt")) {
        errtext_set(err, cap, "%s.crt: is there already; nothing is overwritten",
                    e->o->out);
        return false;
    }
    if (e->o->out && is_there(e, "key") && is_there(e, "csr")) {
        (void)fprintf(stderr, "gate104 pki enrol: going on with the request %s.csr\n",
                      e->o->out);
        return load_pending(e, err, cap);
    }
    return e->o->renew ? make_renewal(e, err, cap) : make_new(e, err, cap);
}

/* What stays must be worth another try. */
static void clean_up(const struct enrol *e)
{
    char path[CA_PATH_CAP], err[1];

    if (!e->made || e->status == PKI_EXIT_LATER)
        return;
    if (path_of(e, "csr", path, err, sizeof err))
        (void)unlink(path);
    if (e->status != PKI_EXIT_DONE && path_of(e, "key", path, err, sizeof err))
        (void)unlink(path);
}

/* ---- questions ---- */

static const struct {
    long status;
    const char *text;
} STATUS[] = {
    {400, "it finds the request wrong"},
    {401, "it wants another authentication: --cert and --key, or --user"},
    {403, "it does not allow this"},
    {404, "it has no EST service there; check the URL and its label"},
    {500, "it failed"},
    {503, "it is busy; try later"},
};

static void explain_status(const struct enrol *e, const struct est_reply *r, char *err,
                           size_t cap)
{
    const char *text =
        r->status >= 300 && r->status < 400
            ? "it points elsewhere, which is not followed; name that server"
            : "that is not understood";

    for (size_t i = 0; i < sizeof STATUS / sizeof STATUS[0]; i++) {
        if (STATUS[i].status == r->status)
            text = STATUS[i].text;
    }
    errtext_set(err, cap, "%s answered %ld: %s", e->o->server, r->status, text);
}

static STACK_OF(X509) *
    read_reply(const struct enrol *e, const struct est_reply *r, char *err, size_t cap)
{
    static const char wanted[] = "application/pkcs7-mime";

    if (r->status != 200) {
        explain_status(e, r, err, cap);
        return NULL;
    }
    if (strncasecmp(r->type, wanted, sizeof wanted - 1) != 0 || !r->body) {
        errtext_set(err, cap, "%s answered with %s instead of %s; is this an EST server?",
                    e->o->server, r->type[0] ? "another kind of content" : "nothing",
                    wanted);
        return NULL;
    }
    return est_read_certs(r->body, r->n, err, cap);
}

static bool ask_ca(struct enrol *e, char *err, size_t cap)
{
    struct est_reply r;
    BIO *pem;

    if (est_ask(&e->server, "cacerts", NULL, &r, err, cap))
        e->ca_certs = read_reply(e, &r, err, cap);
    est_reply_free(&r);
    if (!e->ca_certs || !e->o->ca_out)
        return e->ca_certs != NULL;
    pem = BIO_new(BIO_s_mem());
    for (int i = 0; pem && i < sk_X509_num(e->ca_certs); i++)
        (void)PEM_write_bio_X509(pem, sk_X509_value(e->ca_certs, i));
    return pki_write(e->o->ca_out, pem, err, cap);
}

/* Waits as long as the server wants and --wait allows; false when that is over. */
static bool wait_more(struct enrol *e, const struct est_reply *r, long *left, char *err,
                      size_t cap)
{
    const long pause = r->retry_after > RETRY_LEAST ? r->retry_after
                       : r->retry_after > 0         ? RETRY_LEAST
                                                    : RETRY_DEFAULT;

    if (pause <= *left) {
        *left -= pause;
        (void)sleep((unsigned int)pause);
        return true;
    }
    e->status = PKI_EXIT_LATER;
    errtext_set(err, cap,
                "%s has not decided yet and wants to be asked again in %ld s; run the "
                "same command then",
                e->o->server, pause);
    return false;
}

static STACK_OF(X509) * ask_cert(struct enrol *e, char *err, size_t cap)
{
    const char *operation = e->o->renew ? "simplereenroll" : "simpleenroll";
    char *request = est_request_text(e->req);
    STACK_OF(X509) *certs = NULL;
    long left = e->o->wait;
    bool more = request != NULL;

    for (int i = 0; more && i < ASKS_MAX; i++) {
        struct est_reply r;

        more = false;
        if (est_ask(&e->server, operation, request, &r, err, cap)) {
            if (r.status == 202)
                more = wait_more(e, &r, &left, err, cap);
            else
                certs = read_reply(e, &r, err, cap);
        }
        est_reply_free(&r);
    }
    OPENSSL_free(request);
    return certs;
}

/* ---- the answer ---- */

static bool store_cert(const struct enrol *e, BIO *pem, char path[CA_PATH_CAP], char *err,
                       size_t cap)
{
    char *data = NULL;
    long n;
    bool good;

    if (e->o->out)
        return path_of(e, "crt", path, err, cap) && pki_write(path, pem, err, cap);
    n = pem ? BIO_get_mem_data(pem, &data) : 0;
    errtext_set(err, cap, "out of memory");
    good = n > 0 && ca_path(path, err, cap, "%s", e->o->cert) &&
           ca_file_replace(path, data, (size_t)n, CA_MODE_PUBLIC, err, cap);
    BIO_free(pem);
    return good;
}

/* A renewal that ends no later than what it renews would be asked for again and again. */
static bool lives_longer(const struct enrol *e, const X509 *cert, char *err, size_t cap)
{
    if (!e->o->renew ||
        ASN1_TIME_compare(X509_get0_notAfter(cert),
                          X509_get0_notAfter(sk_X509_value(e->own, 0))) > 0)
        return true;
    errtext_set(
        err, cap,
        "the new certificate ends no later than the old one; nothing was changed");
    return false;
}

static bool finish(struct enrol *e, STACK_OF(X509) * certs, char *err, size_t cap)
{
    char path[CA_PATH_CAP];
    X509 *cert = est_pick(certs, e->key, e->anchors, e->ca_certs, time(NULL), err, cap);

    if (!cert || !lives_longer(e, cert, err, cap) ||
        !store_cert(e, est_chain_pem(cert, certs), path, err, cap))
        return false;
    e->status = PKI_EXIT_DONE;
    pki_tell(cert, path);
    return true;
}

/* IEC 62351-9: success and failure of an enrolment are security events. */
static void tell_event(enum security_event event)
{
    const struct security_event_info *info = security_event_info(event);

    if (info)
        (void)fprintf(stderr, "gate104 pki enrol: event %s %s\n", info->id,
                      info->mnemonic);
}

static int report(const struct enrol *e, const char *err)
{
    if (e->status == PKI_EXIT_DONE) {
        tell_event(SECURITY_CRED_ENR_EST_SUCC);
        return PKI_EXIT_DONE;
    }
    (void)pki_failed(e->o, err);
    if (e->status == PKI_EXIT_FAILED)
        tell_event(SECURITY_CRED_ENR_EST_FAIL);
    return e->status;
}

static bool is_due(const struct enrol *e)
{
    char text[CA_TIME_CAP];
    time_t when;

    if (!e->o->renew || e->o->force ||
        est_due(sk_X509_value(e->own, 0), RENEW_PERCENT, time(NULL), &when))
        return true;
    ca_time_text(when, text);
    (void)printf("%s: to be renewed from %s on; nothing done\n", e->o->cert, text);
    return false;
}

static int enrol(struct enrol *e)
{
    char err[PKI_ERR_CAP] = "";
    STACK_OF(X509) * certs;

    e->status = PKI_EXIT_FAILED;
    if (!load(e, err, sizeof err))
        return pki_failed(e->o, err);
    if (!is_due(e))
        return PKI_EXIT_DONE;
    if (prepare(e, err, sizeof err) && ask_ca(e, err, sizeof err)) {
        certs = ask_cert(e, err, sizeof err);
        if (certs)
            (void)finish(e, certs, err, sizeof err);
        pem_free_certs(certs);
    }
    clean_up(e);
    return report(e, err);
}

static bool usable(const struct pki_options *o)
{
    if (!pki_words(o, 0, "knows options only") || !pki_needs(o, o->server, "--server") ||
        !pki_needs(o, o->ca.item[0], "--ca"))
        return false;
    if (!o->cert != !o->key)
        return pki_misuse(o, "--cert and --key belong together", NULL);
    if (!o->user != !o->password_file)
        return pki_misuse(o, "--user and --password-file belong together", NULL);
    if (o->renew)
        return pki_needs(o, o->cert, "--cert");
    return pki_needs(o, o->name, "--name") && pki_needs(o, o->out, "--out");
}

int pki_enrol(int argc, char **argv)
{
    struct pki_options o;
    struct enrol e = {.o = &o};
    int status;

    if (!pki_options_read(&o, PKI_ENROL, argc, argv) || !usable(&o))
        return PKI_EXIT_MISUSE;
    status = enrol(&e);
    enrol_free(&e);
    return status;
}
