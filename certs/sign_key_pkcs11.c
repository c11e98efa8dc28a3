/* The engine interface is what libp11 0.4.12 of Debian 12 offers; OpenSSL 3.0 calls it
 * deprecated and keeps it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "certs/sign_key_pkcs11.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "certs/errtext.h"
#include "certs/pkcs11_uri.h"
#include "certs/sign_key.h"

#define PIN_MAX 256u

struct pkcs11_key {
    struct pkcs11_uri uri;
    EVP_PKEY *pkey;
    size_t public_size; /* of the key it was at the start */
    uint8_t public[SIGN_PUBLIC_MAX];
    char pin[PIN_MAX];
    struct pkcs11_key *next;
};

/* All keys of the process, and the engine they share: libp11 can be had only once, with
 * one module, and that knows one start and one end. */
static struct pkcs11_key *keys;
static ENGINE *engine;

/* ---- patience ---- */

static void too_slow(int signal_number)
{
    static const char text[] = "the PKCS#11 module does not answer; check the token\n";

    (void)signal_number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(4);
    _exit(3);
}

void pkcs11_watch_begin(void)
{
    (void)signal(SIGALRM, too_slow);
    (void)alarm(PKCS11_PATIENCE_S);
}

void pkcs11_watch_end(void)
{
    (void)alarm(0);
}

static time_t seconds_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* ---- opening ---- */

/* The PIN is the first line of the file. */
static bool read_pin(const struct pkcs11_uri *uri, char pin[PIN_MAX], char *err,
                     size_t cap)
{
    /* Once, at the start: later the process may no longer open it. */
    int fd = open(uri->pin_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t n = -1;

    if (fd >= 0 && !sign_key_file_is_private(fd, uri->pin_file, err, cap)) {
        (void)close(fd);
        return false;
    }
    if (fd >= 0) {
        n = read(fd, pin, PIN_MAX - 1);
        (void)close(fd);
    }
    pin[n > 0 ? n : 0] = '\0';
    pin[strcspn(pin, "\r\n")] = '\0';
    if (pin[0] != '\0')
        return true;
    errtext_set(err, cap,
                "%s: no PIN in it; write the token's PIN into its first line, for the "
                "signer alone to read",
                uri->pin_file);
    return false;
}

static bool give_pin(struct pkcs11_key *key, char *err, size_t cap)
{
    if (key->uri.pin_file[0] == '\0')
        return true;
    if (key->pin[0] == '\0' && !read_pin(&key->uri, key->pin, err, cap))
        return false;
    if (ENGINE_ctrl_cmd_string(engine, "PIN", key->pin, 0) == 1)
        return true;
    errtext_set(err, cap, "%s: the PIN is not taken (%s)", key->uri.key,
                errtext_openssl());
    return false;
}

static bool set_environment(const struct pkcs11_uri *uri)
{
    for (size_t i = 0; i < uri->env_count; i++) {
        char name[sizeof uri->env[0]];
        size_t n = strcspn(uri->env[i], "=");

        memcpy(name, uri->env[i], n);
        name[n] = '\0';
        if (setenv(name, uri->env[i] + n + 1, 1) != 0)
            return false;
    }
    return true;
}

/* The module of the process is that of the first key. */
static bool module_good(const struct pkcs11_key *key, char *err, size_t cap)
{
    const struct pkcs11_key *first = keys;

    while (first && first->next)
        first = first->next;
    if (first && strcmp(first->uri.module, key->uri.module) != 0) {
        errtext_set(err, cap,
                    "%s: another key uses the module %s; name one module for all, for "
                    "instance p11-kit-proxy.so, which joins several",
                    key->uri.key, first->uri.module);
        return false;
    }
    if (access(key->uri.module, R_OK) == 0)
        return true;
    errtext_set(err, cap, "%s: the module %s cannot be used; correct module-path",
                key->uri.key, key->uri.module);
    return false;
}

static bool open_engine(const struct pkcs11_key *key, char *err, size_t cap)
{
    if (!module_good(key, err, cap))
        return false;
    if (engine)
        return true;
    ENGINE_load_dynamic();
    engine = ENGINE_by_id("pkcs11");
    if (!engine) {
        errtext_set(err, cap,
                    "%s: OpenSSL has no engine for tokens (%s); install "
                    "libengine-pkcs11-openssl",
                    key->uri.key, errtext_openssl());
        return false;
    }
    if (ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", key->uri.module, 0) == 1 &&
        ENGINE_init(engine) == 1)
        return true;
    errtext_set(err, cap, "%s: the module %s does not start (%s)", key->uri.key,
                key->uri.module, errtext_openssl());
    (void)ENGINE_free(engine);
    engine = NULL;
    return false;
}

static void close_engine(void)
{
    if (engine) {
        (void)ENGINE_finish(engine);
        (void)ENGINE_free(engine);
    }
    engine = NULL;
    ERR_clear_error();
}

static void forget(struct pkcs11_key *key)
{
    /* The engine keeps its keys and its keys keep the engine: without this it would never
     * end, and never see a token that was put in again. */
    if (key->pkey)
        (void)EVP_PKEY_set1_engine(key->pkey, NULL);
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;
}

/* The certificate was checked against the key of the start, so no other will do. */
static bool same_key(struct pkcs11_key *key)
{
    uint8_t der[SIGN_PUBLIC_MAX];
    uint8_t *at = der;
    int n = i2d_PUBKEY(key->pkey, NULL);

    if (n <= 0 || (size_t)n > sizeof der || i2d_PUBKEY(key->pkey, &at) != n)
        return false;
    if (key->public_size == 0) {
        key->public_size = (size_t)n;
        memcpy(key->public, der, (size_t)n);
    }
    return key->public_size == (size_t)n && memcmp(key->public, der, (size_t)n) == 0;
}

static bool load(struct pkcs11_key *key, char *err, size_t cap)
{
    if (!set_environment(&key->uri) || !open_engine(key, err, cap) ||
        !give_pin(key, err, cap))
        return false;
    /* UI_null: a missing PIN is an error, not a question on a terminal. */
    key->pkey =
        ENGINE_load_private_key(engine, key->uri.key, (UI_METHOD *)UI_null(), NULL);
    if (key->pkey && same_key(key))
        return true;
    errtext_set(err, cap,
                "%s: no such key in the token, or the PIN is wrong (%s); look with "
                "pkcs11-tool --module %s --login --list-objects",
                key->uri.key, errtext_openssl(), key->uri.module);
    return false;
}

struct pkcs11_key *pkcs11_key_open(const char *name, char *err, size_t cap)
{
    struct pkcs11_key *key = OPENSSL_zalloc(sizeof *key);
    char why[300] = "";

    if (!key)
        return NULL;
    if (!pkcs11_uri_parse(name, &key->uri, why, sizeof why)) {
        errtext_set(err, cap, "key \"%s\": %s", key->uri.key, why);
        OPENSSL_free(key);
        return NULL;
    }
    key->next = keys;
    keys = key;
    pkcs11_watch_begin();
    if (load(key, err, cap)) {
        pkcs11_watch_end();
        return key;
    }
    pkcs11_key_close(key);
    pkcs11_watch_end();
    return NULL;
}

void pkcs11_key_close(struct pkcs11_key *key)
{
    struct pkcs11_key **p = &keys;

    if (!key)
        return;
    while (*p && *p != key)
        p = &(*p)->next;
    if (*p)
        *p = key->next;
    forget(key);
    if (!keys)
        close_engine();
    OPENSSL_clear_free(key, sizeof *key);
}

EVP_PKEY *pkcs11_key_get(const struct pkcs11_key *key)
{
    return key->pkey;
}

/* Ends the module and starts it again, for it looks for tokens only then. */
static void restart_module(void)
{
    char err[400];

    for (struct pkcs11_key *k = keys; k; k = k->next)
        forget(k);
    close_engine();
    for (struct pkcs11_key *k = keys; k; k = k->next) {
        if (!load(k, err, sizeof err))
            forget(k);
    }
}

bool pkcs11_key_reopen(struct pkcs11_key *key)
{
    static time_t last; /* 0: never */
    time_t now = seconds_now();

    if (last != 0 && now - last < (time_t)PKCS11_RETRY_S)
        return false;
    last = now;
    pkcs11_watch_begin();
    restart_module();
    pkcs11_watch_end();
    return key->pkey != NULL;
}
