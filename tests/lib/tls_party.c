#include "tests/lib/tls_party.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/tls_context.h"

static int ask(void *ctx, uint16_t scheme, const uint8_t *tbs, size_t n, uint8_t *sig,
               size_t cap, size_t *siglen)
{
    struct tls_party *p = ctx;

    p->asked++;
    p->scheme = scheme;
    p->content = n;
    p->last = sign_check(tbs, n, scheme, p->role, p->tls12 ? p->allow : 0);
    if (p->mute || !sign_kind_good(p->last))
        return -1;
    return sign_key_sign(p->key, p->last, scheme, tbs, n, sig, cap, siglen) ? 0 : -1;
}

static int open_premaster(void *ctx, const uint8_t *in, size_t n,
                          uint8_t premaster[REMOTE_PREMASTER])
{
    struct tls_party *p = ctx;

    p->opened++;
    if (p->mute || !p->transport)
        return -1;
    return sign_key_premaster(p->key, in, n, premaster) ? 0 : -1;
}

static struct sign_key *key_of(const struct pki_cert *own, char *err, size_t cap)
{
    char *text = pki_pem_key(own->key);
    struct sign_key *key = sign_key_parse("own.key", text, strlen(text), err, cap);

    free(text);
    return key;
}

static void set_signer(struct tls_party *p, const struct tls_party_want *want)
{
    memset(p, 0, sizeof(*p));
    p->role = want->server ? SIGN_ROLE_SERVER : SIGN_ROLE_CLIENT;
    p->tls12 = true;
    p->transport = tls_rules_key_transport(&want->rules);
    p->allow = SIGN_ALLOW_TLS12 | (tls_rules_dhe(&want->rules) ? SIGN_ALLOW_DHE : 0) |
               (p->transport ? SIGN_ALLOW_TRANSPORT : 0);
}

/* The signer's side of the second key. */
static bool add_second(struct tls_party *p, const struct tls_party_want *want, char *err,
                       size_t cap)
{
    if (!want->second)
        return true;
    p->second = calloc(1, sizeof(*p->second));
    if (!p->second)
        return false;
    set_signer(p->second, want);
    p->second->key = key_of(want->second, err, cap);
    return p->second->key != NULL;
}

static struct tls_pem pem(const char *name, const char *text)
{
    return (struct tls_pem){name, text, text ? strlen(text) : 0};
}

bool tls_party_try(struct tls_party *p, const struct tls_party_want *want, char *err,
                   size_t cap)
{
    X509 *own[2] = {want->own->cert, want->own_ca ? want->own_ca->cert : NULL};
    char *chain = pki_pem_certs(own, want->own_ca ? 2 : 1);
    char *ca = pki_pem_certs(want->ca, want->ca_count);
    char *crl = want->crl ? pki_pem_crl(want->crl) : NULL;
    char *second = want->second ? pki_pem_certs(&want->second->cert, 1) : NULL;
    struct tls_settings s = {
        .server = want->server,
        .rules = want->rules,
        .chain = pem("own.crt", chain),
        .ca = pem("ca.crt", ca),
        .crl = pem("ca.crl", crl),
        .revocation = want->revocation,
        .sign = ask,
        .sign_ctx = p,
        .decrypt = open_premaster,
        .second = pem("second.crt", second),
        .peer_name = want->peer_name,
        .resume = want->resume,
    };

    set_signer(p, want);
    p->key = key_of(want->own, err, cap);
    if (p->key && add_second(p, want, err, cap)) {
        s.second_ctx = p->second;
        p->ctx = tls_context_new(&s, err, cap);
    }
    free(second);
    free(crl);
    free(ca);
    free(chain);
    return p->ctx != NULL;
}

void tls_party_open(struct tls_party *p, const struct tls_party_want *want)
{
    char err[512];

    if (tls_party_try(p, want, err, sizeof(err)))
        return;
    fprintf(stderr, "tls_party: %s\n", err);
    exit(99);
}

void tls_party_close(struct tls_party *p)
{
    SSL_CTX_free(p->ctx);
    sign_key_free(p->key);
    if (p->second)
        sign_key_free(p->second->key);
    free(p->second);
    p->second = NULL;
    p->ctx = NULL;
    p->key = NULL;
}
