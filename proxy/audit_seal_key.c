#include "proxy/audit_seal_key.h"

#include "certs/read_all.h"
#include "proxy/audit_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

/* More than any Ed25519 key in PEM form has, with words around it. */
#define FILE_MAX_OCTETS 4096u

struct audit_seal_key {
    EVP_PKEY *pkey;
    uint8_t id[AUDIT_KEY_ID_SIZE];
};

__attribute__((format(printf, 3, 4))) static void complain(char *err, size_t cap,
                                                           const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err, cap, fmt, ap);
    va_end(ap);
}

/* ---- the file ---- */

static bool is_private(int fd, const char *path, char *err, size_t cap)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        complain(err, cap, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        complain(err, cap, "%s: not a regular file; name the key file itself", path);
    else if (st.st_uid != geteuid() && st.st_uid != 0)
        complain(err, cap, "%s: owned by user %u, who could change it; chown it to root",
                 path, (unsigned int)st.st_uid);
    else if (st.st_mode & (S_IRWXG | S_IRWXO))
        complain(err, cap, "%s: group or others have rights (mode %04o); chmod 600 it",
                 path, (unsigned int)(st.st_mode & 07777));
    else
        return true;
    return false;
}

/* ---- the key ---- */

/* Takes pkey. */
static struct audit_seal_key *adopt(EVP_PKEY *pkey)
{
    struct audit_seal_key *key = OPENSSL_zalloc(sizeof *key);
    uint8_t raw[AUDIT_PUBLIC_SIZE];
    uint8_t hash[AUDIT_HASH_SIZE];
    size_t n = sizeof raw;

    if (!key || EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1 || n != sizeof raw ||
        !audit_hash(raw, sizeof raw, hash)) {
        EVP_PKEY_free(pkey);
        OPENSSL_free(key);
        return NULL;
    }
    key->pkey = pkey;
    memcpy(key->id, hash, sizeof key->id);
    return key;
}

/* PKCS#8 of a private key is a frame of always the same octets (RFC 8410 clause 7) around
 * 32 of the key, one line of PEM (RFC 7468): no decoder of keys of all kinds is needed.
 */
#define PEM_BEGIN  "-----BEGIN PRIVATE KEY-----\n"
#define PEM_END    "\n-----END PRIVATE KEY-----"
#define DER_SIZE   48u
#define BASE64     64
#define FRAME_SIZE 16u

static EVP_PKEY *decode(const char *pem)
{
    static const uint8_t frame[FRAME_SIZE] = {0x30, 0x2E, 0x02, 0x01, 0x00, 0x30,
                                              0x05, 0x06, 0x03, 0x2B, 0x65, 0x70,
                                              0x04, 0x22, 0x04, 0x20};
    const char *text = strstr(pem, PEM_BEGIN);
    EVP_PKEY *pkey = NULL;
    uint8_t der[DER_SIZE];

    if (!text)
        return NULL;
    text += sizeof PEM_BEGIN - 1;
    if (strnlen(text, BASE64) == BASE64 &&
        strncmp(text + BASE64, PEM_END, sizeof PEM_END - 1) == 0 &&
        EVP_DecodeBlock(der, (const unsigned char *)text, BASE64) == (int)DER_SIZE &&
        memcmp(der, frame, sizeof frame) == 0)
        pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, der + FRAME_SIZE,
                                            DER_SIZE - FRAME_SIZE);
    OPENSSL_cleanse(der, sizeof der);
    return pkey;
}

static struct audit_seal_key *parse(const char *path, const char *pem, char *err,
                                    size_t cap)
{
    EVP_PKEY *pkey = decode(pem);
    struct audit_seal_key *key = pkey ? adopt(pkey) : NULL;

    ERR_clear_error();
    if (!key)
        complain(err, cap,
                 "%s: no Ed25519 key in PEM form (PKCS#8) without a password; make one "
                 "with gate104 log keygen",
                 path);
    return key;
}

struct audit_seal_key *audit_seal_key_load(const char *path, char *err, size_t cap)
{
    /* O_NONBLOCK: a FIFO in place of the file must not hold up the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct audit_seal_key *key = NULL;
    char buf[FILE_MAX_OCTETS];
    ssize_t n;

    if (fd < 0) {
        complain(err, cap, "%s: %s; check the path and that user %u may read it", path,
                 strerror(errno), (unsigned int)geteuid());
        return NULL;
    }
    if (is_private(fd, path, err, cap)) {
        n = read_all(fd, buf, sizeof buf - 1);
        buf[n < 0 ? 0 : n] = '\0';
        if (n < 0)
            complain(err, cap, "%s: %s", path, strerror(errno));
        else
            key = parse(path, buf, err, cap);
        OPENSSL_cleanse(buf, sizeof buf);
    }
    (void)close(fd);
    return key;
}

int audit_seal_key_check(const char *path)
{
    char err[300] = "";
    struct audit_seal_key *key = audit_seal_key_load(path, err, sizeof err);

    (void)puts(key ? "Ed25519" : err);
    audit_seal_key_free(key);
    return key ? 0 : 1;
}

struct audit_seal_key *audit_seal_key_new(void)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    return pkey ? adopt(pkey) : NULL;
}

/* The private half is wiped by EVP_PKEY_free. */
void audit_seal_key_free(struct audit_seal_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    OPENSSL_free(key);
}

const uint8_t *audit_seal_key_id(const struct audit_seal_key *key)
{
    return key->id;
}

bool audit_seal_key_sign(const struct audit_seal_key *key, const void *p, size_t n,
                         uint8_t sig[AUDIT_SIG_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t size = AUDIT_SIG_SIZE;
    bool good =
        ctx && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
        EVP_DigestSign(ctx, sig, &size, p, n) == 1 && size == AUDIT_SIG_SIZE;

    EVP_MD_CTX_free(ctx);
    return good;
}

bool audit_seal_key_pem(const struct audit_seal_key *key, bool private_half,
                        char out[AUDIT_KEY_PEM_SIZE])
{
    BIO *bio = BIO_new(private_half ? BIO_s_secmem() : BIO_s_mem());
    bool good = bio && (private_half ? PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL,
                                                                     NULL, 0, NULL, NULL)
                                     : PEM_write_bio_PUBKEY(bio, key->pkey)) == 1;
    int n = good ? BIO_read(bio, out, (int)AUDIT_KEY_PEM_SIZE - 1) : 0;

    BIO_free(bio);
    if (n <= 0)
        return false;
    out[n] = '\0';
    return true;
}
