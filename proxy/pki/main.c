#include "proxy/pki/pki.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "certs/tls_context.h"
#include "proxy/cli/cli.h"

static const struct command {
    const char *name;
    enum pki_command bit;
    int (*run)(int argc, char **argv);
    const char *words, *summary;
} COMMANDS[] = {
    {"init", PKI_INIT, pki_init, "DIR --name NAME", "make a CA in a new folder"},
    {"issue", PKI_ISSUE, pki_issue,
     "--ca DIR --name NAME --for server|client|both [--san NAME]... --out PREFIX",
     "make a key and a certificate for it"},
    {"csr", PKI_CSR, pki_csr, "--name NAME [--san NAME]... --out PREFIX",
     "make a key and a request, to be signed elsewhere"},
    {"sign", PKI_SIGN, pki_sign,
     "--ca DIR --for server|client|both [--accept-names] --out FILE REQUEST",
     "make a certificate for a request"},
    {"revoke", PKI_REVOKE, pki_revoke, "--ca DIR [--reason REASON] CERTIFICATE|SERIAL",
     "revoke a certificate and renew the revocation list"},
    {"crl", PKI_CRL, pki_crl, "--ca DIR [--days N] [--out FILE]",
     "renew the revocation list"},
    {"list", PKI_LIST, pki_list, "--ca DIR", "list what the CA issued"},
    {"show", PKI_SHOW, pki_show, "FILE...",
     "certificates, requests, revocation lists and keys in readable lines"},
    {"check", PKI_CHECK, pki_check,
     "--config FILE [--route NAME] | --ca FILE [--crl FILE] [--server-name NAME] "
     "CERTIFICATE",
     "would a peer with this certificate be let in, and if not, why?"},
    {"enrol", PKI_ENROL, pki_enrol,
     "--server URL --ca FILE [--name NAME --out PREFIX | --renew --cert FILE --key FILE]",
     "ask an EST server for a certificate, or renew one"},
};
#define COMMAND_COUNT (sizeof COMMANDS / sizeof COMMANDS[0])

static void print_commands(FILE *out)
{
    (void)fputs("usage:\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        (void)fprintf(out, "  gate104 pki %s %s\n        %s\n", COMMANDS[i].name,
                      COMMANDS[i].words, COMMANDS[i].summary);
    (void)fputs("each with --help; the whole is in gate104-pki(1)\n", out);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "help") == 0;
}

static int run(const struct command *c, int argc, char **argv)
{
    if (argc > 1 && is_help(argv[1])) {
        (void)printf("usage: gate104 pki %s %s\n        %s\n", c->name, c->words,
                     c->summary);
        pki_options_print(stdout, c->bit);
        (void)puts("exit status: 0 done, 1 not done or refused, 2 wrong usage");
        return PKI_EXIT_DONE;
    }
    return c->run(argc, argv);
}

int main(int argc, char **argv)
{
    /* No file is for others unless a command says so. */
    (void)umask(077);
    if (argc < 2) {
        print_commands(stderr);
        return PKI_EXIT_MISUSE;
    }
    if (is_help(argv[1])) {
        print_commands(stdout);
        return PKI_EXIT_DONE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(COMMANDS[i].name, argv[1]) != 0)
            continue;
        if (!tls_library_init())
            return PKI_EXIT_FAILED;
        return run(&COMMANDS[i], argc - 1, argv + 1);
    }
    (void)fputs("gate104 pki: no such command: ", stderr);
    cli_put_safe(stderr, argv[1], 0, false);
    (void)fputc('\n', stderr);
    print_commands(stderr);
    return PKI_EXIT_MISUSE;
}
