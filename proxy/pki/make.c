/* gate104 pki init, issue, csr, sign. */
#include "proxy/pki/pki.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "certs/ca_file.h"
#include "certs/ca_key.h"
#include "certs/ca_name.h"
#include "certs/ca_store.h"
#include "certs/errtext.h"

#define CA_DAYS_DEFAULT  3650
#define CRL_DAYS_DEFAULT 7

/* ---- init ---- */

int pki_init(int argc, char **argv)
{
    struct pki_options o;
    char err[PKI_ERR_CAP] = "";
    X509_NAME *subject;
    bool good;

    if (!pki_options_read(&o, PKI_INIT, argc, argv) ||
        !pki_words(&o, 1, "name one folder to make") || !pki_needs(&o, o.name, "--name"))
        return PKI_EXIT_MISUSE;
    subject = ca_name_parse(o.name, err, sizeof err);
    good = subject &&
           ca_store_init(o.word[0], subject, o.rsa, o.days ? o.days : CA_DAYS_DEFAULT,
                         o.crl_days ? o.crl_days : CRL_DAYS_DEFAULT, time(NULL), err,
                         sizeof err);
    X509_NAME_free(subject);
    if (!good)
        return pki_failed(&o, err);
    (void)printf("%s: a CA.  Give ca.crt and ca.crl to whoever has to trust it; keep "
                 "ca.key to yourself.\n",
                 o.word[0]);
    return PKI_EXIT_DONE;
}

/* ---- issue ---- */

/* Key and certificate or neither: a key whose certificate fails goes again. */
static bool store_pair(const char *prefix, EVP_PKEY *key, BIO *pem, const char *suffix,
                       char *err, size_t cap)
{
    char key_path[CA_PATH_CAP], path[CA_PATH_CAP];

    if (!ca_path(key_path, err, cap, "%s.key", prefix) ||
        !ca_path(path, err, cap, "%s.%s", prefix, suffix) ||
        !ca_key_store(key_path, key, err, cap)) {
        BIO_free(pem);
        return false;
    }
    if (pki_write(path, pem, err, cap))
        return true;
    (void)unlink(key_path);
    return false;
}

/* Before the CA writes down a certificate that then finds no place. */
static bool room_for(const char *prefix, const char *suffix, char *err, size_t cap)
{
    char path[CA_PATH_CAP];

    if (!ca_path(path, err, cap, "%s.%s", prefix, suffix))
        return false;
    if (!ca_file_exists(path))
        return true;
    errtext_set(err, cap,
                "%s: is there already; nothing is overwritten: move it away or choose "
                "another --out",
                path);
    return false;
}

static bool issue(const struct pki_options *o, struct ca_store *s,
                  const struct ca_want *w, char *err, size_t cap)
{
    char path[CA_PATH_CAP];
    EVP_PKEY *key = ca_key_make(o->rsa, err, cap);
    X509 *cert = key ? ca_store_issue(s, w, key, time(NULL), err, cap) : NULL;
    bool good = cert && store_pair(o->out, key, ca_cert_pem(cert), "crt", err, cap);

    if (good && ca_path(path, err, cap, "%s.crt", o->out))
        pki_tell(cert, path);
    X509_free(cert);
    EVP_PKEY_free(key);
    return good;
}

int pki_issue(int argc, char **argv)
{
    struct pki_options o;
    struct pki_want w;
    struct ca_store s;
    char err[PKI_ERR_CAP] = "";
    bool good;

    if (!pki_options_read(&o, PKI_ISSUE, argc, argv) ||
        !pki_words(&o, 0, "knows options only") || !pki_needs(&o, o.ca.item[0], "--ca") ||
        !pki_needs(&o, o.name, "--name") || !pki_needs(&o, o.use, "--for") ||
        !pki_needs(&o, o.out, "--out"))
        return PKI_EXIT_MISUSE;
    if (!ca_store_open(&s, o.ca.item[0], err, sizeof err)) {
        ca_store_close(&s);
        return pki_failed(&o, err);
    }
    good = pki_want_make(&w, &o, NULL, err, sizeof err) &&
           room_for(o.out, "key", err, sizeof err) &&
           room_for(o.out, "crt", err, sizeof err) &&
           issue(&o, &s, &w.want, err, sizeof err);
    pki_want_free(&w);
    ca_store_close(&s);
    return good ? PKI_EXIT_DONE : pki_failed(&o, err);
}

/* ---- csr ---- */

static bool make_request(const struct pki_options *o, char *err, size_t cap)
{
    char path[CA_PATH_CAP];
    EVP_PKEY *key =
        o->key ? ca_key_load(o->key, err, cap) : ca_key_make(o->rsa, err, cap);
    X509_NAME *subject = key ? ca_name_parse(o->name, err, cap) : NULL;
    GENERAL_NAMES *names =
        subject ? ca_names_parse(o->san.item, o->san.count, err, cap) : NULL;
    X509_REQ *req = names ? ca_request_make(subject, names, key, err, cap) : NULL;
    BIO *pem = req ? ca_request_pem(req) : NULL;
    bool good = pem && ca_path(path, err, cap, "%s.csr", o->out);

    if (good && o->key)
        good = pki_write(path, pem, err, cap);
    else if (good)
        good = store_pair(o->out, key, pem, "csr", err, cap);
    if (good)
        (void)printf("%s: to be signed by a CA; %s stays here\n", path,
                     o->key ? o->key : "its key");
    X509_REQ_free(req);
    GENERAL_NAMES_free(names);
    X509_NAME_free(subject);
    EVP_PKEY_free(key);
    return good;
}

int pki_csr(int argc, char **argv)
{
    struct pki_options o;
    char err[PKI_ERR_CAP] = "";

    if (!pki_options_read(&o, PKI_CSR, argc, argv) ||
        !pki_words(&o, 0, "knows options only") || !pki_needs(&o, o.name, "--name") ||
        !pki_needs(&o, o.out, "--out"))
        return PKI_EXIT_MISUSE;
    if (o.key && o.rsa) {
        (void)pki_misuse(&o, "--key or --rsa, not both", NULL);
        return PKI_EXIT_MISUSE;
    }
    return make_request(&o, err, sizeof err) ? PKI_EXIT_DONE : pki_failed(&o, err);
}

/* ---- sign ---- */

static X509_REQ *read_request(const char *path, char *err, size_t cap)
{
    size_t n = 0;
    char *text = ca_file_read(path, &n, err, cap);
    X509_REQ *req = text ? ca_request_read(path, text, n, err, cap) : NULL;

    ca_file_free(text);
    return req;
}

/* Names that nobody took over would be missed when the first master connects. */
static void tell_left_out(const struct pki_options *o, const X509_REQ *req)
{
    GENERAL_NAMES *asked = ca_request_names(req);

    if (asked && !o->accept_names)
        (void)fprintf(
            stderr, "gate104 pki sign: the alternative names the request asks for were "
                    "left out (see gate104 pki show); --accept-names takes them over\n");
    GENERAL_NAMES_free(asked);
}

static bool sign(const struct pki_options *o, struct ca_store *s, X509_REQ *req,
                 char *err, size_t cap)
{
    struct pki_want w;
    X509 *cert = NULL;
    bool good = pki_want_make(&w, o, req, err, cap);

    if (good && ca_file_exists(o->out)) {
        errtext_set(err, cap, "%s: is there already; nothing is overwritten", o->out);
        good = false;
    }
    if (good)
        cert =
            ca_store_issue(s, &w.want, X509_REQ_get0_pubkey(req), time(NULL), err, cap);
    good = cert && pki_write(o->out, ca_cert_pem(cert), err, cap);
    if (good) {
        pki_tell(cert, o->out);
        tell_left_out(o, req);
    }
    X509_free(cert);
    pki_want_free(&w);
    return good;
}

int pki_sign(int argc, char **argv)
{
    struct pki_options o;
    struct ca_store s;
    char err[PKI_ERR_CAP] = "";
    X509_REQ *req;
    bool good;

    if (!pki_options_read(&o, PKI_SIGN, argc, argv) ||
        !pki_words(&o, 1, "name one request to sign") ||
        !pki_needs(&o, o.ca.item[0], "--ca") || !pki_needs(&o, o.use, "--for") ||
        !pki_needs(&o, o.out, "--out"))
        return PKI_EXIT_MISUSE;
    req = read_request(o.word[0], err, sizeof err);
    if (!req)
        return pki_failed(&o, err);
    good = ca_store_open(&s, o.ca.item[0], err, sizeof err) &&
           sign(&o, &s, req, err, sizeof err);
    ca_store_close(&s);
    X509_REQ_free(req);
    return good ? PKI_EXIT_DONE : pki_failed(&o, err);
}
