#!/bin/sh
# The end of `make cluster`: a row from each node, read on each node.
set -eu
cd "$(dirname "$0")/.."

cluster=bin/multimaster
on_node() { # node, sql, further arguments of psql
    node=$1 sql=$2
    shift 2
    $cluster psql "$node" -qXv ON_ERROR_STOP=1 "$@" -c "$sql"
}

nodes=$($cluster status --json |
    node -e 'let t="";process.stdin.on("data",d=>t+=d).on("end",()=>
        console.log(JSON.parse(t).nodes.map(n=>n.node).join(" ")))')

on_node 1 'CREATE TABLE IF NOT EXISTS greetings (
    written_on int, written_at timestamptz DEFAULT now(), greeting text,
    PRIMARY KEY (written_on, written_at))' 2>/dev/null
for node in $nodes; do
    echo "node $node writes a row"
    on_node "$node" "INSERT INTO greetings VALUES ($node, DEFAULT, 'hello from node $node')"
done
for node in $nodes; do
    echo
    echo "node $node reads:"
    on_node "$node" 'SELECT * FROM greetings ORDER BY written_at'
done
$cluster status
cat <<'END'

The cluster runs. What you can do now:
  bin/multimaster psql 1      a session on node 1 (or 2, or 3)
  bin/multimaster status      what every node says of itself
  bin/multimaster logs 2 -f   watch a node
  bin/multimaster kill 2      lose a node;  bin/multimaster start 2  bring it back
  bin/multimaster down        stop;  with --purge: remove the data, too
END
