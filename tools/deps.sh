#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what the named groups need, by apt where there is one, saying what and why first; elsewhere it prints the
# list. Does nothing, and says nothing, when all of it is there.   usage: tools/deps.sh core|build|web|test|lint|bench|deb|system ...
set -eu

table() {
    cat <<'EOF'
core  gcc                      the C compiler
core  libc6-dev                the C library's headers
core  pkg-config               finds the libraries
core  libjansson-dev           JSON trees, off the hot path
core  uthash-dev               hash tables and lists
core  libcmocka-dev            unit tests
build gcc                      the C compiler
build libc6-dev                the C library's headers
build binutils                 objcopy, for libusher.a
build pkg-config               finds the libraries
build libjansson-dev           JSON trees, off the hot path
build uthash-dev               hash tables and lists
build libwebsockets-dev        WebSocket and HTTP
build libwebsockets-evlib-uv   lws on the daemon's libuv loop (loaded at run time)
build libwebsockets-evlib-glib lws on the peer's GLib loop (loaded at run time)
build libuv1-dev               the daemon's event loop
build libsystemd-dev           readiness and journal
build libinih-dev              the configuration file
build libjwt-dev               signatures of tokens
build libssl-dev               DTLS, signatures, hashes
build libnice-dev              ICE
build libusrsctp-dev           SCTP
build libsqlite3-dev           the peer's messages on disk
build libedit-dev              line editing in usher chat
build libqrencode-dev          the QR code of a link in usher send
build libncurses-dev           what the terminal can do (terminfo)
web   clang                    compiles the browser's peer to WebAssembly
web   lld                      links it
web   binaryen                 makes it smaller (wasm-opt)
web   wasi-libc                its C library
web   libclang-rt-14-dev-wasm32 its run time
web   dpkg-dev                 unpacks the sources of jansson, libsodium and BearSSL
web   nodejs                   makes the folder that the daemon serves (web/pages/build.mjs)
web   node-qrcode-generator    draws the QR codes of the page
web   uthash-dev               hash tables and lists
test  libcmocka-dev            unit tests
test  nodejs                   end-to-end tests with real third-party clients
test  npm                      fetches those clients: ws, @roamhq/wrtc, playwright-core, puppeteer-core
test  chromium                 a real browser to talk to
test  firefox-esr              another
test  clang                    the fuzz targets, and a second compiler
test  libclang-rt-14-dev       their run time
test  coturn                   a real TURN server, on loopback only
test  haproxy                  a reverse proxy that speaks the PROXY protocol too, on loopback only
test  nginx                    a reverse proxy, on loopback only
test  caddy                    another, on loopback only
test  tmux                     a terminal that the tests look at
test  procps                   finds what a test started
test  iproute2                 networks of a test's own
test  util-linux               namespaces and terminals of a test's own
test  openssl                  certificates for the tests of TLS
lint  clang                    the second compiler
lint  clang-format             formatting
lint  clang-tidy               static analysis
lint  shellcheck               the scripts
lint  mandoc                   the man pages
deb   build-essential          what every Debian package is built with
deb   debhelper                their build
system nftables                 their address translation
system build-essential          the Debian packages
system debhelper                their build
system lintian                  checks them
system systemd-container        boots a systemd of its own
system mmdebstrap               systems to install and compile in
system buildah                  builds the image
system podman                   runs it
system crun                     with its restrictions
system netavark                 in a network
system aardvark-dns             with names
system iptables                 and published ports
system podman-compose           the services of docker-compose.yml
system curl                     asks them
bench nodejs                   the servers that we compare with
bench npm                      fetches them: socket.io, @roamhq/wrtc
EOF
}

# A program that is there already counts, wherever it came from.
have() {
    case $1 in
        gcc) command -v cc ;;
        nodejs) command -v node ;;
        npm | openssl | tmux | clang | chromium | clang-format | clang-tidy | shellcheck | mandoc) command -v "$1" ;;
        firefox-esr) command -v firefox-esr ;;
        procps) command -v ps ;;
        lld) command -v wasm-ld ;;
        binaryen) command -v wasm-opt ;;
        dpkg-dev) command -v dpkg-source ;;
        wasi-libc) ls /usr/include/wasm32-wasi/stdlib.h ;;
        libclang-rt-14-dev-wasm32) ls /usr/lib/llvm-*/lib/clang/*/lib/wasi/libclang_rt.builtins-wasm32.a ;;
        coturn) command -v turnserver ;;
        pkg-config) command -v pkg-config ;;
        libclang-rt-14-dev) ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a ;;
        *) dpkg-query -W -f '${db:Status-Status}\n' "$1" | grep -qx installed ;;
    esac >/dev/null 2>&1
}

wanted=$(for group in "$@"; do table | grep "^$group "; done | sort -u -k2,2)

if ! command -v apt-get >/dev/null 2>&1; then
    echo "This system has no apt. Install what these Debian packages hold, then build again:"
    echo "$wanted" | sed 's/^[a-z]* */  /'
    exit 0
fi

missing=$(echo "$wanted" | while read -r group name why; do have "$name" || echo "$group $name $why"; done)
if [ -n "$missing" ]; then
    names=$(echo "$missing" | awk '{print $2}')
    # The compiler's run time carries its version in the name.
    if ! apt-cache show libclang-rt-14-dev >/dev/null 2>&1; then
        names=$(echo "$names" | sed "s/^libclang-rt-14-dev/libclang-rt-dev/")
    fi
    echo "Installing with apt:"
    echo "$missing" | sed 's/^[a-z]* */  /'
    sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 || {
            echo "deps: not root and no sudo; as root: apt-get install -y $(echo "$names" | paste -sd" ")" >&2
            exit 1
        }
        sudo=sudo
    fi
    log=$(mktemp)
    policy=
    # shellcheck disable=SC2015,SC2086 # $sudo may be empty
    trap 'rm -f "$log"; [ -z "$policy" ] || $sudo rm -f "$policy"' EXIT
    # These servers are for tests, which start their own: their services are neither started nor enabled.
    services=$(echo "$names" | grep -xE 'coturn|haproxy|nginx|caddy' | paste -sd' ')
    if [ -n "$services" ] && [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
        $sudo chmod 755 "$policy"
    fi
    # shellcheck disable=SC2086 # one word a package
    { $sudo apt-get update -q && $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends $names; } </dev/null >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        echo "deps: apt could not install all of it (above)" >&2
        exit 1
    }
    if [ -n "$services" ] && command -v systemctl >/dev/null 2>&1; then
        # shellcheck disable=SC2086 # one word a service
        $sudo systemctl --quiet disable $services >/dev/null 2>&1 || true
    fi
fi

# npm's part: exactly what the lock files name, once for each lock file.
npm_ci() {
    [ -f "$1/node_modules/.package-lock.json" ] &&
        [ ! "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ] && return
    echo "Installing with npm into $1: $(sed -n '/"dependencies"/,/}/s/^ *"\([^"]*\)": "[^"]*".*/\1/p' "$1/package.json" | paste -sd' ')"
    (cd "$1" && npm ci --no-audit --no-fund --loglevel=error </dev/null)
}
for group in "$@"; do
    case $group in
        test) npm_ci tests/e2e ;;
        bench) npm_ci bench ;;
    esac
done
