/* What the rules of TLS ask of the certificates. */
#include "proxy/config_tls_check.h"

#include "certs/pem_usage.h"
#include "certs/pkcs11_uri.h"

struct own {
    unsigned int rsa;
    bool in_token;  /* its private key */
    bool enciphers; /* each RSA certificate may be used for key transport */
};

static void look_at(const struct config_file *cert, const struct config_file *key,
                    struct own *own)
{
    struct tls_pem pem = {cert->path, cert->text, cert->size};

    if (!cert->path || !pem_is_rsa(&pem))
        return;
    own->rsa++;
    own->in_token = key->path && pkcs11_uri_is(key->path);
    own->enciphers = pem_may_encipher(&pem);
}

void config_tls_check(const struct config *c, size_t group, struct config_errors *errs)
{
    const struct config_tls *t = &c->tls[group];
    const struct config_place at = {c->path, t->cert.line, "tls.cert"};
    struct own own = {0, false, false};
    bool serves = false;

    for (size_t i = 0; i < c->route_count; i++)
        serves = serves ||
                 (c->routes[i].tls == group && c->routes[i].mode == ROUTE_PROTECT_RTU);
    look_at(&t->cert, &t->key, &own);
    look_at(&t->second_cert, &t->second_key, &own);
    if (t->second_cert.path && own.rsa != 1)
        config_errors_add(errs, CONFIG_ERROR, &at,
                          "name one with an RSA and one with an EC key",
                          "both certificates have the same type of key");
    if (!serves || !tls_rules_key_transport(&t->rules))
        return;
    if (own.rsa == 0)
        config_errors_add(errs, t->rules.legacy_rsa ? CONFIG_ERROR : CONFIG_WARNING, &at,
                          "name an RSA certificate, alone or beside the EC one: "
                          "cert = [ \"ec.crt\", \"rsa.crt\" ]",
                          "RSA key transport needs an RSA certificate");
    else if (own.in_token)
        config_errors_add(
            errs, t->rules.legacy_rsa ? CONFIG_ERROR : CONFIG_WARNING, &at,
            "keep this key in a file",
            "RSA key transport needs a private key in a file, not in a token");
    else if (!own.enciphers)
        config_errors_add(errs, CONFIG_WARNING, &at,
                          "issue it with the key usage keyEncipherment, too",
                          "stations may refuse RSA key transport with a certificate that "
                          "is not made for it");
}
