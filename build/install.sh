#!/bin/sh
# Copies what was built into the PostgreSQL installation, where it differs. With the
# argument `referee` only what a referee's server needs, which is not built.
# Asks for root's rights by sudo only where they are needed.
set -eu
cd "$(dirname "$0")/.."

fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

pg_config=${PG_CONFIG:-pg_config}
extension_dir=$("$pg_config" --sharedir)/extension ||
    fail "PostgreSQL is not installed ($pg_config does not run): run \"make setup\""
library_dir=$("$pg_config" --pkglibdir)
part=${1:-all}

install_file() { # mode, file, folder
    target=$3/$(basename "$2")
    [ -f "$2" ] || fail "$2 is missing: run \"make build\""
    cmp -s "$2" "$target" && return 0
    if [ -w "$3" ]; then
        install -m "$1" "$2" "$target"
    elif command -v sudo >/dev/null; then
        sudo install -m "$1" "$2" "$target"
    else
        fail "no rights to write to $3: be root or install sudo"
    fi
    printf 'install: %s\n' "$target"
}

install_file 644 referee/referee.control "$extension_dir"
install_file 644 referee/referee--1.0.sql "$extension_dir"
[ "$part" = all ] || exit 0
install_file 755 out/shim/multimaster.so "$library_dir"
install_file 644 multimaster.control "$extension_dir"
install_file 644 out/multimaster--1.0.sql "$extension_dir"
