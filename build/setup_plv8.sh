#!/bin/sh
# Gives the PostgreSQL installation a plv8 where it has none: the project's own, on
# the distribution's V8. One that somebody else installed is left alone; ours is
# built again when its sources, or what is installed, are not what they were. By
# content: another clone may have installed an older one at a later time.
set -eu
cd "$(dirname "$0")/.."

pg_config=${PG_CONFIG:-pg_config}
extension_dir=$("$pg_config" --sharedir)/extension
library_dir=$("$pg_config" --pkglibdir)
control=$extension_dir/plv8.control
library=$library_dir/plv8.so
v8_prefix=out/v8
stamp=out/plv8/installed

is_ours() { grep -q multimaster "$control"; }
state() {
    find plv8 build/setup_v8.sh -type f | sort | xargs cksum
    cksum "$control" "$library" 2>/dev/null || true
}

if [ -f "$control" ]; then
    is_ours || exit 0
    [ ! -f "$stamp" ] || [ "$(state)" != "$(cat "$stamp")" ] || exit 0
fi

echo "setup: building plv8 (this takes a minute)"
build/setup_v8.sh "$v8_prefix"
make --no-print-directory -s -j"${JOBS:-1}" -C plv8 PG_CONFIG="$pg_config"
if [ -w "$extension_dir" ] && [ -w "$library_dir" ]; then
    make --no-print-directory -s -C plv8 install PG_CONFIG="$pg_config"
else
    sudo make --no-print-directory -s -C plv8 install PG_CONFIG="$pg_config"
fi
state >"$stamp"
