#!/bin/sh
# Makes out/postgres-suites: the test suites of the installed PostgreSQL, out of its source
# package, and the libraries that they load. The system's configuration of apt stays as it is.
#   [PGSRC=folder of the source] build/postgres_suites.sh
set -eu
cd "$(dirname "$0")/.."

OUT=$PWD/out/postgres-suites
APT=$OUT/apt
PARTS='configure src/test/regress src/test/isolation contrib/spi'
pg_config=${PG_CONFIG:-pg_config}

fail() { printf 'postgres_suites: %s\n' "$*" >&2; exit 1; }
say()  { printf 'postgres_suites: %s\n' "$*"; }

version=$("$pg_config" --version) || fail 'PostgreSQL is not installed: run "make setup"'
number=$(echo "$version" | sed 's/^PostgreSQL \([0-9.]*\).*/\1/')
# "PostgreSQL 15.18 (Debian 15.18-0+deb12u1)"
package_version=$(echo "$version" | sed -n 's/.*([^ ]* \(.*\))$/\1/p')

# deb-src lines for what the system has deb lines for, in a folder of our own.
source_lists() {
    rm -rf "$APT"
    mkdir -p "$APT/lists/partial" "$APT/cache/archives/partial" "$APT/sources"
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        [ -r "$list" ] || continue
        copy=$APT/sources/$(basename "$list")
        case $list in
        *.list) sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$list" >"$copy" ;;
        *.sources) sed 's/^Types:.*/Types: deb-src/' "$list" >"$copy" ;;
        esac
    done
}

with_own_lists() { # apt-get or apt-cache, its arguments
    program=$1
    shift
    "$program" -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$APT/sources" \
        -o Dir::State::Lists="$APT/lists" -o Dir::Cache="$APT/cache" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}

# The installed release, or where no server has its source any more the newest one that can
# be had. (A source of other packages may be out of reach, so what counts is the download.)
download() {
    package=postgresql-${number%%.*}
    command -v apt-get >/dev/null && [ -n "$package_version" ] ||
        fail "set PGSRC to the folder of PostgreSQL $number's source"
    say "downloading the source of $version"
    source_lists
    with_own_lists apt-get update >"$OUT/apt.log" 2>&1 || true
    others=$(with_own_lists apt-cache showsrc "$package" 2>/dev/null | sed -n 's/^Version: //p' | sort -ruV)
    for candidate in "$package_version" $others; do
        (cd "$OUT" && with_own_lists apt-get source --download-only "$package=$candidate" >>apt.log 2>&1) ||
            continue
        rm -rf "$APT"
        return
    done
    fail "apt-get could not get the source (log: $OUT/apt.log); PGSRC may name a folder with it"
}

unpack() {
    rm -rf "$OUT/source" "$OUT/unpacked"
    mkdir -p "$OUT/unpacked"
    for part in $PARTS; do set -- "$@" "*/$part"; done
    tar -xf "$(ls "$OUT"/postgresql-*.orig.tar.*)" -C "$OUT/unpacked" --strip-components=1 \
        --wildcards "$@" || fail "$OUT/postgresql-*.orig.tar.* could not be unpacked"
    mv "$OUT/unpacked" "$OUT/source"
}

get_source() {
    if [ -n "${PGSRC-}" ]; then
        rm -rf "$OUT/source"
        mkdir "$OUT/source"
        for part in $PARTS; do
            mkdir -p "$OUT/source/$(dirname "$part")"
            cp -R "$PGSRC/$part" "$OUT/source/$part" || fail "$PGSRC has no $part"
        done
    else
        rm -f "$OUT"/postgresql-*
        download
        unpack
    fi
}

# A file for the driver: the suite may be of another release of the same major version.
note_release() {
    release=$(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" "$OUT/source/configure")
    [ "${release%%.*}" = "${number%%.*}" ] ||
        fail "the source is of PostgreSQL $release, the server is $number"
    [ "$release" = "$number" ] || say "the suites are of PostgreSQL $release, the server is $number"
    echo "$release" >"$OUT/release"
}

build_libraries() {
    rm -rf "$OUT/lib"
    mkdir "$OUT/lib"
    cp "$OUT"/source/src/test/regress/regress.c "$OUT"/source/contrib/spi/refint.c \
        "$OUT"/source/contrib/spi/autoinc.c "$OUT/lib"
    # refint says what it does, as PostgreSQL's own makefile of contrib/spi has it.
    printf '%s\n' 'MODULES = regress refint autoinc' 'PG_CPPFLAGS = -DREFINT_VERBOSE' \
        'PGXS := $(shell $(PG_CONFIG) --pgxs)' \
        'include $(PGXS)' >"$OUT/lib/Makefile"
    make -s -C "$OUT/lib" PG_CONFIG="$pg_config" with_llvm=no >"$OUT/lib.log" 2>&1 ||
        fail "the libraries could not be built (log: $OUT/lib.log)"
}

mkdir -p "$OUT"
stamp="$version ${PGSRC-} $(cksum <build/postgres_suites.sh)"
[ "$(cat "$OUT/stamp" 2>/dev/null)" != "$stamp" ] || exit 0
rm -f "$OUT/stamp"
get_source
note_release
build_libraries
echo "$stamp" >"$OUT/stamp"
