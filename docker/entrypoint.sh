#!/bin/sh
# Prepares the node from the environment (ts-src/cli/container_prepare.ts says which
# variables), then becomes the server. Further arguments are the server's.
set -eu
here=$(dirname "$(readlink -f "$0")")
"$here/../bin/multimaster" container-prepare
exec postgres -D "$PGDATA" "$@"
