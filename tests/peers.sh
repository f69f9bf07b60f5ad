#!/bin/sh
# The foreign peers of the tests are here afterwards: PHP's and Node's SOAP, and Chromium. Where this machine does not
# allow it, one line for each says what is missing; its tests are then skipped and say so (tests/support/peers.py).
set -u
cd "$(dirname "$0")/.."
mkdir -p build
log=build/peers.log
node=tests/interop/node

has() { command -v "$1" >/dev/null 2>&1; }
has_php() { has php && php -r 'exit((int) !(extension_loaded("soap") && extension_loaded("dom")));' >/dev/null 2>&1; }
has_node() { has node && has npm; }
has_chromium() { has chromium || has chromium-browser || has google-chrome; }
has_soap() { has_node && [ "$node/node_modules/.package-lock.json" -nt "$node/package-lock.json" ]; }

apt() {
    DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" </dev/null >>"$log" 2>&1
}

# may_install: as root with apt-get, whose lists are fetched once a run.
may_install() {
    has apt-get && [ "$(id -u)" = 0 ] || return 1
    [ -n "${listed:-}" ] || { listed=yes; echo "peers: installing what is missing, told in $log"; apt update; }
    return 0
}

# want CHECK NAME PACKAGE…
want() {
    check=$1 name=$2
    shift 2
    "$check" || { may_install && apt install --no-install-recommends "$@"; }
    "$check" || echo "peers: no $name ($*); its tests are skipped"
}

: >"$log"
want has_php "PHP with SOAP" php-cli php-soap php-xml
want has_chromium Chromium chromium
if has node; then want has_node "npm for Node" npm; else want has_node Node nodejs npm; fi
has_soap || { has_node && timeout 300 npm ci --prefix "$node" </dev/null >>"$log" 2>&1; }
has_soap || echo "peers: no node packages soap and jsonata; their tests and one line of the bench are skipped"
