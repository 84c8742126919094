#!/bin/sh
# Installs, by their names in apt, the packages that are missing; then the npm
# packages of package-lock.json. Run again, it only looks.
#   build/setup.sh packages | node_modules
set -eu
cd "$(dirname "$0")/.."

PACKAGES='postgresql-15 postgresql-client-15 postgresql-server-dev-15
    postgresql-15-pgtap libtap-parser-sourcehandler-pgtap-perl
    g++ make libpq-dev libkrb5-dev libssl-dev'
NODE_LEAST=18
LOG=out/setup.log

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
say()  { printf 'setup: %s\n' "$*"; }

check_node() {
    command -v node >/dev/null ||
        fail "Node.js $NODE_LEAST or newer must be installed first (no \"node\" found)"
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge "$NODE_LEAST" ] ||
        fail "Node.js $NODE_LEAST or newer is needed, this is $(node --version)"
}

missing_packages() {
    for package in $PACKAGES; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "no rights to install packages: be root, install sudo, or install: $missing"
    fi
}

install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        "${PG_CONFIG:-pg_config}" --version >/dev/null 2>&1 ||
            fail "this is no Debian: install PostgreSQL 15 with its headers by hand"
        return
    fi
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    mkdir -p out
    say "installing $missing(log: $LOG)"
    as_root apt-get update -qq >"$LOG" 2>&1 ||
        fail "apt-get update failed: $(last_words)"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qqy --no-install-recommends $missing >>"$LOG" 2>&1 ||
        fail "apt-get could not install $missing: $(last_words)"
}

last_words() { grep -E '^(E|W): ' "$LOG" | tail -n 1; }

# The stamp holds the lock file's checksum: a checkout changes only times.
install_node_modules() {
    stamp=node_modules/.installed
    now=$(cksum <package-lock.json)
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && return 0
    say "installing npm packages"
    npm ci --no-audit --no-fund --loglevel=error || fail "npm ci failed"
    echo "$now" >"$stamp"
}

case ${1-} in
packages)
    check_node
    install_packages
    ;;
node_modules) install_node_modules ;;
*) fail "usage: build/setup.sh packages|node_modules" ;;
esac
