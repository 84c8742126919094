#!/bin/sh
# Makes V8 (the distribution's libnode) available to plv8/Makefile.
#
#   build/setup_v8.sh PREFIX
#
# Where apt can install libnode-dev as it is, it does. Where another vendor's
# nodejs stands in the way, the two packages are unpacked into PREFIX instead
# and only the libraries they need are installed. Run again, it does nothing.
# Prints progress lines; fails with one sentence.
set -eu

say()  { printf 'v8: %s\n' "$*"; }
fail() { printf 'v8: %s\n' "$*" >&2; exit 1; }

[ $# -eq 1 ] || fail "usage: build/setup_v8.sh PREFIX"
mkdir -p "$1" 2>/dev/null || fail "cannot create the folder $1"
prefix=$(cd "$1" && pwd)
log=$prefix/setup.log
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

# --- is it there already? -------------------------------------------------
package_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}
unpacked_library() {
    find "$prefix/usr/lib" -name 'libnode.so.*' -type f 2>/dev/null | head -n 1
}
library_complete() {
    [ -n "$1" ] && ! ldd "$1" 2>/dev/null | grep -q 'not found'
}

if package_installed libnode-dev; then
    say "libnode-dev is installed"
    exit 0
fi
if [ -f "$prefix/unpacked" ] && library_complete "$(unpacked_library)"; then
    say "unpacked in $prefix ($(cat "$prefix/unpacked"))"
    exit 0
fi

# --- tools ------------------------------------------------------------------
for tool in apt-get apt-cache dpkg-deb dpkg-query ldd; do
    command -v "$tool" >/dev/null 2>&1 ||
        fail "$tool is missing: only Debian and its relatives are supported"
done

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=none
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    elif command -v sudo >/dev/null 2>&1 && [ -t 0 ]; then
        as_root=sudo
    fi
fi
: >"$log" 2>/dev/null || fail "cannot write $log"

last_words() { grep -E '^(E|W): ' "$log" | tail -n 1; }

updated=
update_lists() {
    [ -z "$updated" ] || return 0
    updated=yes
    [ "$as_root" != none ] || return 0
    say "reading apt's package lists"
    $as_root apt-get update >>"$log" 2>&1 ||
        fail "apt-get update failed: $(last_words)"
}

install_packages() {
    [ "$as_root" != none ] ||
        fail "neither root nor sudo: ask root for: apt-get install $*"
    say "installing $*"
    $as_root apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1 && return
    update_lists
    $as_root apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1 ||
        fail "apt-get could not install $*: $(last_words)"
}

candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p'
}
case $(candidate libnode-dev) in ''|'(none)') update_lists ;; esac
case $(candidate libnode-dev) in
    ''|'(none)') fail "apt knows no package libnode-dev (V8); $(last_words)" ;;
esac

# --- the ordinary way: nothing removed, no installed nodejs exchanged ---------
if plan=$(apt-get install -s --no-install-recommends libnode-dev 2>/dev/null) &&
   ! printf '%s\n' "$plan" | grep -Eq '^(Remv |Inst nodejs \[)'; then
    install_packages libnode-dev
    exit 0
fi

# --- the other way: unpack the two packages into PREFIX -----------------------
say "apt cannot install libnode-dev beside this nodejs; unpacking it"
library=$(apt-cache show libnode-dev |
          sed -n 's/^Depends:.*\(libnode[0-9][0-9]*\) (=.*/\1/p' | head -n 1)
[ -n "$library" ] || fail "apt does not say which library libnode-dev needs"

work=$prefix/download
rm -rf "$work" "$prefix/usr" "$prefix/unpacked"
mkdir -p "$work"
download() {
    (cd "$work" && apt-get -o APT::Sandbox::User=root download \
        libnode-dev "$library" >>"$log" 2>&1)
}
say "downloading libnode-dev and $library"
download || { update_lists; download; } ||
    fail "apt-get download failed: $(last_words)"
for package in "$work"/*.deb; do
    dpkg-deb -x "$package" "$prefix" 2>>"$log" || fail "cannot unpack $package"
done

# The library's own needs, but not the JavaScript packages of node itself.
if ! library_complete "$(unpacked_library)"; then
    needs=$(dpkg-deb -f "$work/$library"_*.deb Depends | tr ',' '\n' |
            awk '{print $1}' | grep -v '^node-' |
            while read -r need; do
                package_installed "$need" || echo "$need"
            done)
    [ -n "$needs" ] || fail "$library does not load: see ldd $(unpacked_library)"
    # shellcheck disable=SC2086 # a list of names
    install_packages $needs
fi
library_complete "$(unpacked_library)" ||
    fail "libraries are missing: $(ldd "$(unpacked_library)" |
        awk '/not found/ {print $1}' | tr '\n' ' ')"

dpkg-deb -f "$work/$library"_*.deb Version >"$prefix/unpacked"
rm -rf "$work"
say "unpacked in $prefix ($(cat "$prefix/unpacked"))"
