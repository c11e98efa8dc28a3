/* From the configuration of a group to its TLS contexts. */
#include "proxy/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tls_pem as_pem(const char *name, const char *text)
{
    return (struct tls_pem){name, text, strlen(text)};
}

static SSL_CTX *make(const struct tls_config *c, const struct tls_route *r,
                     const struct tls_signers *signers, char *err, size_t cap)
{
    struct tls_settings settings = {
        .server = r->mode == ROUTE_PROTECT_RTU,
        .chain = as_pem("certificate", c->cert_pem),
        .ca = as_pem("CA file", c->ca_pem),
        .revocation = c->revocation,
        .resume = {.lifetime_s = c->resume_s,
                   .place = r->index,
                   .keeper = signers->keeper},
        .rules = c->rules,
        .pins = &c->pins,
        .sign = signers->sign,
        .sign_ctx = signers->first,
        .decrypt = signers->decrypt,
        .peer_name = r->mode == ROUTE_WRAP_MASTER ? r->peer_name : NULL,
    };
    char why[400];
    SSL_CTX *ctx;

    if (c->crl_pem[0] != '\0')
        settings.crl = as_pem("CRL file", c->crl_pem);
    if (c->second_pem && c->second_pem[0] != '\0') {
        settings.second = as_pem("second certificate", c->second_pem);
        settings.second_ctx = signers->second;
    }
    ctx = tls_context_new(&settings, why, sizeof why);
    if (!ctx)
        (void)snprintf(err, cap, "route \"%s\": %s", r->name, why);
    return ctx;
}

SSL_CTX **tls_contexts_make(const struct tls_config *c, const struct tls_signers *signers,
                            char *err, size_t cap)
{
    SSL_CTX **ctx = calloc(c->route_count, sizeof(SSL_CTX *));

    (void)snprintf(err, cap, "out of memory");
    for (size_t i = 0; ctx && i < c->route_count; i++) {
        ctx[i] = make(c, &c->route[i], signers, err, cap);
        if (ctx[i])
            continue;
        tls_contexts_free(ctx, c);
        return NULL;
    }
    return ctx;
}

void tls_contexts_free(SSL_CTX **ctx, const struct tls_config *c)
{
    for (size_t i = 0; ctx && i < c->route_count; i++)
        SSL_CTX_free(ctx[i]);
    free(ctx);
}
