#!/bin/sh
# The end of `make cluster`: a row from each node, read on each node.
#   build/try_cluster.sh [--dir DIR]
set -eu
cd "$(dirname "$0")/.."

case $# in
0) dir='' ;;
2) dir=$2 ;;
*) echo "usage: build/try_cluster.sh [--dir DIR]" >&2; exit 2 ;;
esac

cluster() { # command, its arguments
    command=$1
    shift
    bin/multimaster "$command" ${dir:+--dir "$dir"} "$@"
}
# Not for ever, and without "already exists" where this ran before.
export PGOPTIONS='-c statement_timeout=60s -c client_min_messages=warning'
on_node() { # node, arguments of psql
    node=$1
    shift
    cluster psql "$node" -qXv ON_ERROR_STOP=1 "$@"
}
# A commit is durable on all nodes when it returns, and visible there soon after.
until_visible='DO $$ BEGIN
    WHILE EXISTS (SELECT FROM pg_prepared_xacts) LOOP PERFORM pg_sleep(0.01); END LOOP;
END $$'

nodes=$(cluster status --json |
    node -e 'let t="";process.stdin.on("data",d=>t+=d).on("end",()=>
        console.log(JSON.parse(t).nodes.map(n=>n.node).join(" ")))')

on_node 1 -c 'CREATE TABLE IF NOT EXISTS greetings (
    written_on int, written_at timestamptz DEFAULT now(), greeting text,
    PRIMARY KEY (written_on, written_at))'
for node in $nodes; do
    echo "node $node writes a row"
    on_node "$node" -c "INSERT INTO greetings VALUES ($node, DEFAULT, 'hello from node $node')"
done
for node in $nodes; do
    echo
    echo "node $node reads:"
    on_node "$node" -c "$until_visible" -c 'SELECT * FROM greetings ORDER BY written_at'
done
echo
cluster status
at=${dir:+ --dir $dir}
cat <<END

The cluster runs. What you can do now:
  bin/multimaster psql$at 1      a session on node 1 (or 2, or 3)
  bin/multimaster status$at      what every node says of itself
  bin/multimaster logs$at 2 -f   watch a node
  bin/multimaster kill$at 2      lose a node
  bin/multimaster start$at 2     bring it back
  bin/multimaster down$at        stop; with --purge: remove the data, too
END
