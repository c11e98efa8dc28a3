#include "fuzz/lib/role_files.h"

#include "fuzz/lib/fuzz.h"
#include "tests/lib/pki.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[300];

static void empty(const char *path)
{
    DIR *dir = opendir(path);
    char name[600];

    if (!dir)
        return;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        (void)snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        (void)unlink(name);
    }
    (void)closedir(dir);
}

static void clean(void)
{
    char log[320];

    (void)snprintf(log, sizeof log, "%s/log-0/recordings", folder);
    empty(log);
    (void)rmdir(log);
    (void)snprintf(log, sizeof log, "%s/log-0", folder);
    empty(log);
    (void)rmdir(log);
    empty(folder);
    (void)rmdir(folder);
}

static void put(const char *name, char *text)
{
    char path[400];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "we");
    FUZZ_CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
    free(text);
}

static void fill(void)
{
    const struct pki_want ca_want = {.cn = "ca", .ca = true};
    const struct pki_want want = {
        .cn = "station", .san = "DNS:station.lab", .eku = "serverAuth"};
    struct pki_cert ca = pki_issue(NULL, PKI_P256, &ca_want);
    struct pki_cert station = pki_issue(&ca, PKI_P256, &want);
    X509_CRL *crl = pki_crl(&ca, NULL, 0, 30 * PKI_DAY);
    char log[320];

    put("ca.crt", pki_pem_certs(&ca.cert, 1));
    put("ca.crl", pki_pem_crl(crl));
    put("station.crt", pki_pem_certs(&station.cert, 1));
    put("station.key", pki_pem_key(station.key));
    X509_CRL_free(crl);
    pki_free(&station);
    pki_free(&ca);
    (void)snprintf(log, sizeof log, "%s/log-0", folder);
    FUZZ_CHECK(mkdir(log, 0700) == 0);
}

const char *role_files(void)
{
    const char *tmp = getenv("TMPDIR");

    if (folder[0] != '\0')
        return folder;
    (void)umask(0077);
    (void)snprintf(folder, sizeof folder, "%s/gate104-fuzz-XXXXXX", tmp ? tmp : "/tmp");
    FUZZ_CHECK(mkdtemp(folder) != NULL);
    (void)atexit(clean);
    fill();
    return folder;
}
