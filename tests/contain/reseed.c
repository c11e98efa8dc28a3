/* Linked into a tls process and a signer that are real ones otherwise: their random
 * generators take new seed for every request, where they would after 420 s or 2^16 of
 * them.  What a process of many days needs, it so needs in its first second. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

static void hurry(EVP_RAND_CTX *generator)
{
    unsigned int requests = 1;
    const OSSL_PARAM wish[] = {
        OSSL_PARAM_construct_uint(OSSL_DRBG_PARAM_RESEED_REQUESTS, &requests),
        OSSL_PARAM_construct_end()};

    if (generator && EVP_RAND_CTX_set_params(generator, wish) == 1)
        return;
    (void)fputs("reseed: the generator takes no such wish\n", stderr);
    exit(1);
}

__attribute__((constructor)) static void hurry_all(void)
{
    hurry(RAND_get0_primary(NULL));
    hurry(RAND_get0_public(NULL));
    hurry(RAND_get0_private(NULL));
}
