#!/bin/sh
# Runs the pgTAP files of test/sql by pg_prove on a cluster of its own, which is
# removed at the end, however that comes.
#   build/run_pgtap.sh [FILE ...]
set -eu
cd "$(dirname "$0")/.."

FIRST_PORT=7010
RANGES=9

multimaster=bin/multimaster
dir=$(mktemp -d "${TMPDIR:-/tmp}/multimaster-pgtap-XXXXXX")
end() {
    [ ! -f "$dir/cluster.json" ] ||
        $multimaster down --dir "$dir" --purge 2>/dev/null || true
    rm -rf "$dir"
}
trap end EXIT
trap 'exit 1' INT TERM HUP

echo "starting a cluster in $dir"
# The first range of ports that nobody uses.
port=$FIRST_PORT
while ! $multimaster up --dir "$dir" --port "$port" 2>"$dir.log"; do
    grep -q 'is taken' "$dir.log" && [ "$port" -lt $((FIRST_PORT + 10 * RANGES)) ] ||
        { cat "$dir.log" >&2; rm -f "$dir.log"; exit 1; }
    port=$((port + 10))
done
rm -f "$dir.log"

$multimaster psql --dir "$dir" 1 -qXc 'CREATE EXTENSION IF NOT EXISTS pgtap'
[ $# -gt 0 ] || set -- test/sql/*.sql
PGHOST=127.0.0.1 PGPORT=$port PGDATABASE=app PGUSER=postgres PGPASSFILE=$dir/pgpass
export PGHOST PGPORT PGDATABASE PGUSER PGPASSFILE
pg_prove --verbose "$@"
