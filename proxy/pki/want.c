/* What the commands of gate104 pki share. */
#include "proxy/pki/pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/ca_file.h"
#include "certs/ca_index.h"
#include "certs/ca_name.h"
#include "certs/ca_store.h"
#include "certs/errtext.h"
#include "certs/identity_ssl.h"
#include "certs/role_name.h"
#include "certs/user_roles_encode.h"

#define DAYS_DEFAULT     365
#define REVISION_DEFAULT 1

int pki_failed(const struct pki_options *o, const char *err)
{
    (void)fprintf(stderr, "gate104 pki %s: %s\n", o->command, err);
    return PKI_EXIT_FAILED;
}

bool pki_write(const char *path, BIO *bio, char *err, size_t cap)
{
    char *data = NULL;
    const long n = bio ? BIO_get_mem_data(bio, &data) : 0;
    bool good = n > 0 && ca_file_create(path, data, (size_t)n, CA_MODE_PUBLIC, err, cap);

    if (n <= 0)
        errtext_set(err, cap, "%s: cannot be encoded", path);
    BIO_free(bio);
    return good;
}

void pki_tell(const X509 *cert, const char *path)
{
    char subject[CA_SUBJECT_CAP], serial[CA_SERIAL_CAP] = "?", until[CA_TIME_CAP];
    struct tm tm = {0};

    identity_name_text(X509_get_subject_name(cert), subject, sizeof subject);
    (void)ca_serial_text(cert, serial);
    (void)ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm);
    ca_time_text(timegm(&tm), until);
    (void)printf("%s: %s, serial %s, until %s\n", path, subject, serial, until);
}

char *pki_join(const struct pki_list *files, size_t *n, char *err, size_t cap)
{
    char *all = calloc(1, 1);

    *n = 0;
    for (size_t i = 0; all && i < files->count; i++) {
        size_t size = 0;
        char *text = ca_file_read(files->item[i], &size, err, cap);
        char *more = text ? realloc(all, *n + size + 2) : NULL;

        if (!more) {
            ca_file_free(text);
            free(all);
            return NULL;
        }
        memcpy(more + *n, text, size);
        *n += size;
        more[(*n)++] = '\n';
        more[*n] = '\0';
        all = more;
        ca_file_free(text);
    }
    return all;
}

/* ---- what is wanted ---- */

static bool set_use(struct ca_want *want, const char *word, char *err, size_t cap)
{
    static const char *const names[] = {[CA_USE_SERVER] = "server",
                                        [CA_USE_CLIENT] = "client",
                                        [CA_USE_SERVER | CA_USE_CLIENT] = "both"};

    for (unsigned int i = 1; word && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], word) == 0) {
            want->use = i;
            return true;
        }
    }
    errtext_set(err, cap,
                "say what the certificate is for: --for server, client or both");
    return false;
}

/* A name of IEC 62351-8 or a number. */
static bool parse_role(const char *word, int16_t *role)
{
    const char *digits = word[0] == '-' ? word + 1 : word;
    char *end;
    long number;

    if (role_standard_by_name(word, role))
        return true;
    if (digits[0] < '0' || digits[0] > '9')
        return false;
    number = strtol(word, &end, 10);
    *role = (int16_t)number;
    return *end == '\0' && number >= INT16_MIN && number <= INT16_MAX;
}

static bool set_entry(struct user_role_info *e, const struct pki_options *o,
                      const char *area, char *err, size_t cap)
{
    if (strlen(area) >= sizeof e->area) {
        errtext_set(err, cap, "an area of responsibility has 1 to %u octets",
                    USER_ROLES_AREA_MAX);
        return false;
    }
    (void)snprintf(e->area, sizeof e->area, "%s", area);
    e->revision = (uint8_t)(o->has_revision ? o->revision : REVISION_DEFAULT);
    e->role_count = o->role.count;
    for (size_t i = 0; i < o->role.count; i++) {
        if (parse_role(o->role.item[i], &e->role[i]))
            continue;
        errtext_set(err, cap,
                    "no such role: %.64s; VIEWER, OPERATOR, ENGINEER, INSTALLER, SECADM, "
                    "SECAUD, RBACMNT or a number from -32768 to 32767",
                    o->role.item[i]);
        return false;
    }
    return true;
}

/* All roles in each area. */
static bool set_roles(struct ca_want *want, const struct pki_options *o, char *err,
                      size_t cap)
{
    uint8_t der[USER_ROLES_DER_MAX];

    if (o->role.count == 0 && o->aor.count == 0 && !o->has_revision)
        return true;
    if (o->role.count == 0 || o->aor.count == 0 || o->role.count > USER_ROLES_PER_ENTRY ||
        o->aor.count > USER_ROLES_ENTRIES_MAX) {
        errtext_set(err, cap,
                    "a role needs --role (1 to %u) and --aor, its area of responsibility "
                    "(1 to %u)",
                    USER_ROLES_PER_ENTRY, USER_ROLES_ENTRIES_MAX);
        return false;
    }
    for (size_t i = 0; i < o->aor.count; i++) {
        if (!set_entry(&want->roles.entry[i], o, o->aor.item[i], err, cap))
            return false;
    }
    want->roles.count = o->aor.count;
    if (user_roles_encode(&want->roles, der, sizeof der) > 0)
        return true;
    errtext_set(err, cap,
                "the roles take more than %u octets, or an area of responsibility is no "
                "text in UTF-8",
                USER_ROLES_DER_MAX);
    return false;
}

static bool set_names(struct pki_want *w, const struct pki_options *o, X509_REQ *request,
                      char *err, size_t cap)
{
    GENERAL_NAMES *asked = NULL;
    bool good;

    w->names = ca_names_parse(o->san.item, o->san.count, err, cap);
    w->want.names = w->names;
    if (!w->names || !request || !o->accept_names)
        return w->names != NULL;
    asked = ca_request_names(request);
    good = ca_names_add(w->names, asked, err, cap);
    GENERAL_NAMES_free(asked);
    return good;
}

bool pki_want_make(struct pki_want *w, const struct pki_options *o, X509_REQ *request,
                   char *err, size_t cap)
{
    *w = (struct pki_want){.subject = NULL};
    if (o->name)
        w->subject = ca_name_parse(o->name, err, cap);
    else if (request)
        w->subject = X509_NAME_dup(X509_REQ_get_subject_name(request));
    w->want.subject = w->subject;
    w->want.crl_url = o->crl_url;
    w->want.days = o->days ? o->days : DAYS_DEFAULT;
    return w->subject && set_use(&w->want, o->use, err, cap) &&
           set_names(w, o, request, err, cap) && set_roles(&w->want, o, err, cap);
}

void pki_want_free(struct pki_want *w)
{
    X509_NAME_free(w->subject);
    GENERAL_NAMES_free(w->names);
}
