#include "certs/ca_key.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "certs/ca_file.h"
#include "certs/errtext.h"

EVP_PKEY *ca_key_make(int rsa_bits, char *err, size_t cap)
{
    EVP_PKEY *key;

    if (rsa_bits != 0 && (rsa_bits < CA_RSA_BITS_MIN || rsa_bits > CA_RSA_BITS_MAX)) {
        errtext_set(err, cap, "an RSA key has %d to %d bits; 3072 is a good choice",
                    CA_RSA_BITS_MIN, CA_RSA_BITS_MAX);
        return NULL;
    }
    key = rsa_bits == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen((unsigned int)rsa_bits);
    if (!key)
        errtext_set(err, cap, "no key could be made (%s)", errtext_openssl());
    return key;
}

/* An encrypted key must give an error, not a question on a terminal. */
static int no_password(char *buf, int size, int writing, void *asked)
{
    (void)buf;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

EVP_PKEY *ca_key_load(const char *path, char *err, size_t cap)
{
    size_t n = 0;
    char *text = ca_file_read_secret(path, &n, err, cap);
    BIO *bio = text ? BIO_new_mem_buf(text, (int)n) : NULL;
    EVP_PKEY *key = NULL;
    bool asked = false;

    if (bio)
        key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked);
    if (text && asked)
        errtext_set(err, cap,
                    "%s: the private key is encrypted; store it without a password "
                    "(openssl pkey -in KEY -out NEW) and protect the file",
                    path);
    else if (text && !key)
        errtext_set(err, cap, "%s: no private key in PEM form (%s)", path,
                    errtext_openssl());
    ERR_clear_error();
    BIO_free(bio);
    ca_file_free(text);
    if (key && !ca_key_good(key, path, err, cap)) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

bool ca_key_store(const char *path, EVP_PKEY *key, char *err, size_t cap)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *data = NULL;
    bool good = false;

    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
        const long n = BIO_get_mem_data(bio, &data);

        good = ca_file_create(path, data, (size_t)n, CA_MODE_SECRET, err, cap);
    } else {
        errtext_set(err, cap, "%s: the key cannot be written (%s)", path,
                    errtext_openssl());
    }
    BIO_free(bio);
    return good;
}

static bool group_is(EVP_PKEY *key, const char *name)
{
    char group[64];

    return EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, name) == 0;
}

bool ca_key_good(EVP_PKEY *key, const char *name, char *err, size_t cap)
{
    const int bits = EVP_PKEY_get_bits(key);

    if (EVP_PKEY_is_a(key, "RSA") && bits >= CA_RSA_BITS_MIN && bits <= CA_RSA_BITS_MAX)
        return true;
    if (EVP_PKEY_is_a(key, "EC") &&
        (group_is(key, "prime256v1") || group_is(key, "secp384r1")))
        return true;
    errtext_set(err, cap,
                "%s: not a usable key; make one of type EC P-256, EC P-384 or RSA of %d "
                "to %d bits",
                name, CA_RSA_BITS_MIN, CA_RSA_BITS_MAX);
    return false;
}

void ca_key_text(EVP_PKEY *key, char *text, size_t cap)
{
    char group[64] = "";

    if (EVP_PKEY_is_a(key, "EC") && group_is(key, "prime256v1"))
        errtext_set(text, cap, "EC P-256");
    else if (EVP_PKEY_is_a(key, "EC") && group_is(key, "secp384r1"))
        errtext_set(text, cap, "EC P-384");
    else if (EVP_PKEY_is_a(key, "EC") &&
             EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1)
        errtext_set(text, cap, "EC %s", group);
    else
        errtext_set(text, cap, "%s %d bits", EVP_PKEY_get0_type_name(key),
                    EVP_PKEY_get_bits(key));
}
