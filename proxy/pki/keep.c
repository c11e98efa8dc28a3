/* gate104 pki revoke, crl, list, show. */
#include "proxy/pki/pki.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "certs/ca_file.h"
#include "certs/ca_show.h"
#include "certs/ca_store.h"
#include "certs/errtext.h"
#include "certs/pem.h"
#include "proxy/cli/cli.h"

#define CRL_DAYS_DEFAULT 7

static bool open_store(struct ca_store *s, const struct pki_options *o, char *err,
                       size_t cap)
{
    if (!ca_store_open(s, o->ca.item[0], err, cap))
        return false;
    if (ca_index_was_torn(s->index))
        (void)fprintf(stderr,
                      "gate104 pki %s: the last line of the index was torn by an "
                      "interruption and is gone; what it began was never finished\n",
                      o->command);
    return true;
}

/* ---- revoke ---- */

/* Hex digits with or without colons, as other programs show a serial number. */
static bool serial_of_text(const char *word, char serial[CA_SERIAL_CAP])
{
    size_t n = 0;

    for (const char *p = word; *p; p++) {
        if (*p == ':')
            continue;
        if (!isxdigit((unsigned char)*p) || n + 1 >= CA_SERIAL_CAP)
            return false;
        serial[n++] = (char)toupper((unsigned char)*p);
    }
    serial[n] = '\0';
    return n > 0;
}

static bool serial_of_file(const struct ca_store *s, const char *path,
                           char serial[CA_SERIAL_CAP], char *err, size_t cap)
{
    size_t n = 0;
    char *text = ca_file_read(path, &n, err, cap);
    STACK_OF(X509) *certs =
        text ? pem_read_certs(&(struct tls_pem){path, text, n}, err, cap) : NULL;
    X509 *cert = certs ? sk_X509_value(certs, 0) : NULL;
    bool good = cert && ca_store_signed(s, cert) && ca_serial_text(cert, serial);

    if (cert && !good)
        errtext_set(err, cap, "%s: not issued by this CA", path);
    pem_free_certs(certs);
    ca_file_free(text);
    return good;
}

static bool revoke(const struct pki_options *o, struct ca_store *s, enum ca_reason reason,
                   char *err, size_t cap)
{
    const char *word = o->word[0];
    const time_t now = time(NULL);
    char serial[CA_SERIAL_CAP];
    bool good = ca_file_exists(word) ? serial_of_file(s, word, serial, err, cap)
                                     : serial_of_text(word, serial);

    if (!good && !ca_file_exists(word))
        errtext_set(err, cap, "%.200s: neither a certificate nor a serial number", word);
    if (!good || !ca_store_revoke(s, serial, reason, now, err, cap))
        return false;
    if (!ca_store_crl(s, o->crl_days ? o->crl_days : CRL_DAYS_DEFAULT, now, err, cap))
        return false;
    (void)printf(
        "%s: revoked (%s).  Give the new %s/ca.crl to whoever has the old one.\n", serial,
        ca_reason_name(reason), s->dir);
    return true;
}

int pki_revoke(int argc, char **argv)
{
    struct pki_options o;
    struct ca_store s;
    char err[PKI_ERR_CAP] = "";
    enum ca_reason reason = CA_REASON_UNSPECIFIED;
    bool good;

    if (!pki_options_read(&o, PKI_REVOKE, argc, argv) ||
        !pki_words(&o, 1, "name one certificate or serial number to revoke") ||
        !pki_needs(&o, o.ca.item[0], "--ca"))
        return PKI_EXIT_MISUSE;
    if (o.reason && !ca_reason_parse(o.reason, &reason)) {
        (void)pki_misuse(&o, "--reason is one of " CA_REASON_WORDS, o.reason);
        return PKI_EXIT_MISUSE;
    }
    good = open_store(&s, &o, err, sizeof err) && revoke(&o, &s, reason, err, sizeof err);
    ca_store_close(&s);
    return good ? PKI_EXIT_DONE : pki_failed(&o, err);
}

/* ---- crl ---- */

/* What gate104d reads may be elsewhere; it is replaced at once, never half. */
static bool copy_list(const struct ca_store *s, const char *to, char *err, size_t cap)
{
    char path[CA_PATH_CAP];
    size_t n = 0;
    char *text = NULL;
    bool good;

    if (ca_path(path, err, cap, "%s/ca.crl", s->dir))
        text = ca_file_read(path, &n, err, cap);
    good = text && ca_file_replace(to, text, n, CA_MODE_PUBLIC, err, cap);
    ca_file_free(text);
    return good;
}

int pki_crl(int argc, char **argv)
{
    struct pki_options o;
    struct ca_store s;
    char err[PKI_ERR_CAP] = "";
    bool good;

    if (!pki_options_read(&o, PKI_CRL, argc, argv) ||
        !pki_words(&o, 0, "knows options only") || !pki_needs(&o, o.ca.item[0], "--ca"))
        return PKI_EXIT_MISUSE;
    good = open_store(&s, &o, err, sizeof err) &&
           ca_store_crl(&s, o.days ? o.days : CRL_DAYS_DEFAULT, time(NULL), err,
                        sizeof err) &&
           (!o.out || copy_list(&s, o.out, err, sizeof err));
    if (good)
        (void)printf("%s: list number %llu, good for %d days\n",
                     o.out ? o.out : o.ca.item[0],
                     (unsigned long long)ca_index_list_number(s.index),
                     o.days ? o.days : CRL_DAYS_DEFAULT);
    ca_store_close(&s);
    return good ? PKI_EXIT_DONE : pki_failed(&o, err);
}

/* ---- list ---- */

static void print_entry(const struct ca_entry *e, time_t now)
{
    char issued[CA_TIME_CAP], until[CA_TIME_CAP];

    ca_time_text(e->issued, issued);
    ca_time_text(e->until, until);
    (void)printf("%-32s  %.10s  %.10s  %-20s  ", e->serial, issued, until,
                 e->revoked        ? ca_reason_name(e->reason)
                 : e->until <= now ? "expired"
                                   : "good");
    cli_put_safe(stdout, e->subject, 0, false);
    (void)putchar('\n');
}

int pki_list(int argc, char **argv)
{
    struct pki_options o;
    struct ca_store s;
    char err[PKI_ERR_CAP] = "";
    const time_t now = time(NULL);

    if (!pki_options_read(&o, PKI_LIST, argc, argv) ||
        !pki_words(&o, 0, "knows options only") || !pki_needs(&o, o.ca.item[0], "--ca"))
        return PKI_EXIT_MISUSE;
    if (!open_store(&s, &o, err, sizeof err)) {
        ca_store_close(&s);
        return pki_failed(&o, err);
    }
    (void)printf("%-32s  %-10s  %-10s  %-20s  %s\n", "serial", "from", "until", "state",
                 "subject");
    for (size_t i = 0; i < ca_index_count(s.index); i++)
        print_entry(ca_index_entry(s.index, i), now);
    ca_store_close(&s);
    return PKI_EXIT_DONE;
}

/* ---- show ---- */

int pki_show(int argc, char **argv)
{
    struct pki_options o;
    char err[PKI_ERR_CAP] = "";
    int status = PKI_EXIT_DONE;

    if (!pki_options_read(&o, PKI_SHOW, argc, argv))
        return PKI_EXIT_MISUSE;
    if (o.word_count == 0) {
        (void)pki_misuse(&o, "name a file to show", NULL);
        return PKI_EXIT_MISUSE;
    }
    for (size_t i = 0; i < o.word_count; i++) {
        size_t n = 0;
        char *text = ca_file_read(o.word[i], &n, err, sizeof err);

        if (!text || !ca_show(stdout, o.word[i], text, n, time(NULL), err, sizeof err))
            status = pki_failed(&o, err);
        ca_file_free(text);
    }
    return status;
}
