#!/bin/sh
# Sees to it that the Debian packages gate104 is built and tested with are there: installs
# what is missing when it may, else prints the one command to run.
#
#   deps.sh [build|all|prove]   all (the default) adds what the tests, demo and lint need,
#                               prove is what make prove needs
set -eu

build="gcc make pkg-config libc6-dev libssl-dev libconfig-dev libjansson-dev libcap-dev libseccomp-dev
       libcurl4-openssl-dev libqrencode-dev"
tests="tzdata openssl perl libcmocka-dev libio-socket-ssl-perl libnet-ssleay-perl tshark
       python3-scapy python3-cryptography procps iproute2 clang-format clang-tidy cppcheck binutils
       clang libclang-rt-14-dev llvm util-linux spin
       sslscan testssl.sh libmbedtls-dev
       softhsm2 libengine-pkcs11-openssl
       systemd apparmor strace chromium
       rsyslog rsyslog-gnutls rsyslog-openssl rsyslog-relp"
prove="gcc make libc6-dev binutils perl frama-c-base why3 z3 cvc4"

case ${1:-all} in
build) want=$build ;;
prove) want=$prove ;;
*) want="$build $tests" ;;
esac

missing=
for p in $want; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    echo "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    exec apt-get install -y -qq --no-install-recommends $missing
fi
echo "These Debian packages are missing. As root, run:" >&2
echo "  apt-get install --no-install-recommends$missing" >&2
exit 1
