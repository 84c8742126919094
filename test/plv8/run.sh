#!/bin/bash
# Runs plv8's tests: pgTAP files (*.sql) and vitest files (*.test.ts) against
# one temporary server on 127.0.0.1:$MTM_TEST_PORT (default 6100), which is
# stopped whatever happens. Exits non-zero where anything failed.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${MTM_TEST_PORT:-6100}
bin=$("${PG_CONFIG:-pg_config}" --bindir) || exit 1
say() { printf 'plv8 tests: %s\n' "$*"; }
fail() { printf 'plv8 tests: %s\n' "$*" >&2; exit 1; }

command -v pg_prove >/dev/null ||
    fail "pg_prove is missing: apt-get install libtap-parser-sourcehandler-pgtap-perl"
sharedir=$("${PG_CONFIG:-pg_config}" --sharedir)
[ -f "$sharedir/extension/plv8.control" ] ||
    fail "plv8 is not installed: make -C plv8 install"
[ -f "$sharedir/extension/pgtap.control" ] ||
    fail "pgTAP is missing: apt-get install postgresql-15-pgtap"

as_server_user=()
if [ "$(id -u)" -eq 0 ]; then
    as_server_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi

work=$(mktemp -d /tmp/plv8-test-XXXXXX) || exit 1
[ "$(id -u)" -ne 0 ] || chown postgres: "$work"
# shellcheck disable=SC2329 # called by trap
stop() {
    if [ -f "$work/data/postmaster.pid" ]; then
        "${as_server_user[@]}" "$bin/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null 2>&1
    fi
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

say "starting a server on port $port"
cd /
"${as_server_user[@]}" "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 \
    --locale=C.UTF-8 -N >"$work/initdb.log" 2>&1 || fail "initdb: $(tail -n 1 "$work/initdb.log")"
cat >>"$work/data/postgresql.conf" <<CONF
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
shared_buffers = 32MB
log_min_messages = log
CONF
server() {
    "${as_server_user[@]}" "$bin/pg_ctl" -D "$work/data" -l "$work/server.log" -w "$@" \
        >/dev/null 2>&1 || fail "pg_ctl $*: $(tail -n 1 "$work/server.log")"
}
server start

export PGHOST=127.0.0.1 PGPORT=$port PGUSER=postgres PGDATABASE=postgres PGOPTIONS=
export PLV8_TEST_LOG=$work/server.log
psql -Xq -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION plv8' -c 'CREATE EXTENSION pgtap' ||
    fail "CREATE EXTENSION failed"

status=0
cd "$here" || exit 1
pg_prove --quiet ./*.sql || status=1
cd "$root" || exit 1
node_modules/.bin/vitest run --config "$here/vitest.config.ts" || status=1

# plv8 proper hangs the server when it is preloaded. Ours may be.
say "the same with shared_preload_libraries = 'plv8'"
server -m fast -o '-c shared_preload_libraries=plv8' restart
cd "$here" || exit 1
pg_prove --quiet functions.sql sessions.sql || status=1

# A WARNING here is PostgreSQL's word for something left open.
if grep -E 'terminated by signal|TRAP:|WARNING:.*(leak|snapshot|left)' "$work/server.log"; then
    say "a server process crashed, or left something open"
    status=1
fi
[ $status -eq 0 ] && say "all passed"
exit $status
