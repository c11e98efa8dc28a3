#include "proxy/pki/pki.h"
int pki_enrol(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return PKI_EXIT_FAILED;
}
