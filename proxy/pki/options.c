#include "proxy/pki/options.h"

#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/cli/cli.h"

enum kind { TEXT, LIST, NUMBER, FLAG };

#define MAKES (PKI_INIT | PKI_ISSUE | PKI_CSR | PKI_ENROL)
#define GIVES (PKI_ISSUE | PKI_SIGN)

static const struct option_row {
    const char *name;
    enum kind kind;
    size_t offset;
    unsigned int commands;
    int least, most; /* NUMBER */
    const char *value, *help;
} ROWS[] = {
#define FIELD(f) offsetof(struct pki_options, f)
    {"ca", LIST, FIELD(ca), GIVES | PKI_REVOKE | PKI_CRL | PKI_LIST, 0, 0, "DIR",
     "folder of the CA"},
    {"ca", LIST, FIELD(ca), PKI_CHECK | PKI_ENROL, 0, 0, "FILE",
     "trusted CAs; may be given several times"},
    {"crl", LIST, FIELD(crl), PKI_CHECK | PKI_ENROL, 0, 0, "FILE",
     "revocation lists; may be given several times"},
    {"config", TEXT, FIELD(config), PKI_CHECK, 0, 0, "FILE",
     "take CAs and lists from this gate104.conf"},
    {"route", TEXT, FIELD(route), PKI_CHECK, 0, 0, "NAME",
     "the route of --config whose rules count, if it has several"},
    {"server-name", TEXT, FIELD(server_name), PKI_CHECK, 0, 0, "NAME",
     "the peer is a server, reached under this name"},
    {"name", TEXT, FIELD(name), MAKES | PKI_SIGN, 0, 0, "NAME",
     "subject: a common name, or /O=ORGANISATION/CN=NAME"},
    {"san", LIST, FIELD(san), PKI_ISSUE | PKI_CSR | PKI_SIGN | PKI_ENROL, 0, 0, "NAME",
     "alternative name: host name or IP address; may be given several times"},
    {"for", TEXT, FIELD(use), GIVES, 0, 0, "server|client|both",
     "what the certificate is good for"},
    {"accept-names", FLAG, FIELD(accept_names), PKI_SIGN, 0, 0, NULL,
     "take over the alternative names that the request asks for"},
    {"role", LIST, FIELD(role), GIVES, 0, 0, "ROLE",
     "role of IEC 62351-8, by name or number; may be given several times"},
    {"aor", LIST, FIELD(aor), GIVES, 0, 0, "AREA",
     "area of responsibility of the roles; may be given several times"},
    {"role-revision", NUMBER, FIELD(revision), GIVES, 0, 255, "N",
     "revision of the role definition, else 1"},
    {"days", NUMBER, FIELD(days), PKI_INIT | GIVES | PKI_CRL, 1, 36500, "N",
     "days of validity, else 3650 for a CA, 365 for a certificate, 7 for a list"},
    {"crl-days", NUMBER, FIELD(crl_days), PKI_INIT | PKI_REVOKE, 1, 3650, "N",
     "days the new revocation list is good for, else 7"},
    {"crl-url", TEXT, FIELD(crl_url), GIVES, 0, 0, "URL",
     "where the CA publishes its list (http://...)"},
    {"rsa", NUMBER, FIELD(rsa), MAKES, 2048, 8192, "BITS",
     "make an RSA key, else EC P-256"},
    {"reason", TEXT, FIELD(reason), PKI_REVOKE, 0, 0, "REASON",
     "why; unspecified, keyCompromise, superseded, ..."},
    {"key", TEXT, FIELD(key), PKI_CSR | PKI_ENROL, 0, 0, "FILE", "use this private key"},
    {"cert", TEXT, FIELD(cert), PKI_ENROL, 0, 0, "FILE",
     "certificate to authenticate with, whose private key is --key"},
    {"server", TEXT, FIELD(server), PKI_ENROL, 0, 0, "URL",
     "EST server: https://HOST[:PORT][/LABEL]"},
    {"user", TEXT, FIELD(user), PKI_ENROL, 0, 0, "NAME", "authenticate with a password"},
    {"password-file", TEXT, FIELD(password_file), PKI_ENROL, 0, 0, "FILE",
     "file of mode 0600 with that password"},
    {"ca-out", TEXT, FIELD(ca_out), PKI_ENROL, 0, 0, "FILE",
     "write the CAs the server names to a new file"},
    {"renew", FLAG, FIELD(renew), PKI_ENROL, 0, 0, NULL,
     "renew --cert when 70 % of its lifetime are over"},
    {"force", FLAG, FIELD(force), PKI_ENROL, 0, 0, NULL, "renew now"},
    {"wait", NUMBER, FIELD(wait), PKI_ENROL, 0, 86400, "SECONDS",
     "wait so long for a server that says \"later\", else 0"},
    {"timeout", NUMBER, FIELD(timeout), PKI_ENROL, 1, 600, "SECONDS",
     "for each question to the server, else 30"},
    {"out", TEXT, FIELD(out), PKI_ISSUE | PKI_CSR | PKI_ENROL, 0, 0, "PREFIX",
     "write PREFIX.key, PREFIX.crt or PREFIX.csr; none may be there"},
    {"out", TEXT, FIELD(out), PKI_SIGN, 0, 0, "FILE",
     "write the certificate to a new file"},
    {"out", TEXT, FIELD(out), PKI_CRL, 0, 0, "FILE",
     "write the list also to this file, in place of what is there"},
#undef FIELD
};
#define ROW_COUNT (sizeof ROWS / sizeof ROWS[0])

void pki_options_print(FILE *out, enum pki_command command)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct option_row *r = &ROWS[i];

        if (!(r->commands & command))
            continue;
        (void)fprintf(out, "  --%s%s%s\n        %s\n", r->name, r->value ? " " : "",
                      r->value ? r->value : "", r->help);
    }
}

bool pki_misuse(const struct pki_options *o, const char *what, const char *word)
{
    (void)fprintf(stderr, "gate104 pki %s: %s", o->command, what);
    if (word) {
        (void)fputs(": ", stderr);
        cli_put_safe(stderr, word, 0, false);
    }
    (void)fprintf(stderr, "; see gate104 pki %s --help\n", o->command);
    return false;
}

bool pki_needs(const struct pki_options *o, const void *value, const char *option)
{
    return value || pki_misuse(o, "is missing an option", option);
}

bool pki_words(const struct pki_options *o, size_t n, const char *what)
{
    if (o->word_count == n)
        return true;
    return pki_misuse(o, what, o->word_count > n ? o->word[n] : NULL);
}

static bool set_number(const struct pki_options *o, const struct option_row *r,
                       int *value, const char *text)
{
    char *end;
    const long n = strtol(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n < r->least || n > r->most) {
        (void)fprintf(stderr, "gate104 pki %s: --%s is a number from %d to %d\n",
                      o->command, r->name, r->least, r->most);
        return false;
    }
    *value = (int)n;
    return true;
}

static bool set(struct pki_options *o, const struct option_row *r, const char *value)
{
    char *field = (char *)o + r->offset;

    switch (r->kind) {
    case FLAG: *(bool *)field = true; return true;
    case NUMBER:
        o->has_revision =
            o->has_revision || r->offset == offsetof(struct pki_options, revision);
        return set_number(o, r, (int *)(void *)field, value);
    case TEXT:
        if (*(const char **)(void *)field)
            return pki_misuse(o, "may be given once", r->name);
        *(const char **)(void *)field = value;
        return value[0] != '\0' || pki_misuse(o, "is empty", r->name);
    case LIST: {
        struct pki_list *list = (struct pki_list *)(void *)field;

        if (list->count >= PKI_LIST_MAX)
            return pki_misuse(o, "is given too often", r->name);
        list->item[list->count++] = value;
        return value[0] != '\0' || pki_misuse(o, "is empty", r->name);
    }
    }
    return false;
}

bool pki_options_read(struct pki_options *o, enum pki_command command, int argc,
                      char **argv)
{
    struct option table[ROW_COUNT + 1] = {{0}};
    const struct option_row *row[ROW_COUNT];
    size_t n = 0;
    int found;

    *o = (struct pki_options){.command = argv[0]};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!(ROWS[i].commands & command))
            continue;
        row[n] = &ROWS[i];
        table[n].name = ROWS[i].name;
        table[n].has_arg = ROWS[i].kind == FLAG ? no_argument : required_argument;
        table[n].val = (int)n;
        n++;
    }
    opterr = 0;
    optind = 1;
    for (int i = 0; i < argc; i++) {
        const int at = optind;

        found = getopt_long(argc, argv, ":", table, NULL);
        if (found == -1)
            break;
        if (found < 0 || (size_t)found >= n)
            return pki_misuse(o, "no such option, or its value is missing",
                              at < argc ? argv[at] : NULL);
        if (!set(o, row[found], optarg))
            return false;
    }
    o->word_count = (size_t)(argc - optind);
    o->word = argv + optind;
    return true;
}
