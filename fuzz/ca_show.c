/* Certificates, requests, lists and keys of others, as `gate104 pki show` prints them,
 * and the answers of an EST server: printed as ASCII and nothing else, refused with a
 * sentence or read, without a word left in OpenSSL's error queue.
 *
 * Target functions: ca_show ca_show_roles est_read_certs
 * Options: -max_len=4096
 *
 * Input: an octet: 0 a file in PEM or DER, 1 the DER within an answer, else the answer's
 * base64; then its octets. */
#include "fuzz/lib/fuzz.h"

#include "certs/ca_show.h"
#include "certs/est_answer.h"
#include "certs/pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

static void check_text(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)text[i];

        /* Areas of responsibility are UTF-8 without control characters. */
        FUZZ_CHECK(c == '\n' || c >= 0x20);
        FUZZ_CHECK(c != 0x7f);
    }
}

static void show(const char *octets, size_t n)
{
    char err[256] = "", *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool good;

    FUZZ_CHECK(out);
    good = ca_show(out, "input", octets, n, 1800000000, err, sizeof err);
    FUZZ_CHECK(fclose(out) == 0);
    FUZZ_CHECK(good ? size > 0 : err[0] != '\0');
    check_text(text, size);
    free(text);
}

static void answer(const char *body, size_t n)
{
    char err[256] = "";
    STACK_OF(X509) *certs = est_read_certs(body, n, err, sizeof err);

    FUZZ_CHECK(certs ? sk_X509_num(certs) > 0 : err[0] != '\0');
    pem_free_certs(certs);
}

static void wrapped_answer(const uint8_t *der, size_t n)
{
    unsigned char *text = malloc(n * 2 + 8);
    const int size = EVP_EncodeBlock(text, der, (int)n);

    answer((const char *)text, (size_t)size);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *octets;

    if (size == 0)
        return 0;
    octets = fuzz_copy(data + 1, size - 1);
    if (data[0] == 0)
        show((const char *)octets, size - 1);
    else if (data[0] == 1)
        wrapped_answer(octets, size - 1);
    else
        answer((const char *)octets, size - 1);
    FUZZ_CHECK(ERR_peek_error() == 0);
    free(octets);
    return 0;
}
