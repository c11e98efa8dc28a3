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
    p->last = sign_check(tbs, n, scheme, p->role, p->tls12);
    if (p->mute || !sign_kind_good(p->last))
        return -1;
    return sign_key_sign(p->key, p->last, scheme, tbs, n, sig, cap, siglen) ? 0 : -1;
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
    char *key = pki_pem_key(want->own->key);
    struct tls_settings s = {
        .server = want->server,
        .tls13_only = want->tls13_only,
        .chain = pem("own.crt", chain),
        .ca = pem("ca.crt", ca),
        .crl = pem("ca.crl", crl),
        .revocation = want->revocation,
        .sign = ask,
        .sign_ctx = p,
        .peer_name = want->peer_name,
    };

    memset(p, 0, sizeof(*p));
    p->role = want->server ? SIGN_ROLE_SERVER : SIGN_ROLE_CLIENT;
    p->tls12 = true;
    p->key = sign_key_parse("own.key", key, strlen(key), err, cap);
    if (p->key)
        p->ctx = tls_context_new(&s, err, cap);
    free(key);
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
    p->ctx = NULL;
    p->key = NULL;
}
