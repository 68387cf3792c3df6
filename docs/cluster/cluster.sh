#!/bin/sh
# A cluster of three nodes as plain processes: ./cluster.sh starts it, ./cluster.sh stop ends it. PORT (the first of
# three, below 55533), DIR and PASSWORD can be set. For nodes on separate machines, replace 127.0.0.1 by their
# addresses, and give each node a replica: --cluster-replicas 1 with six nodes.
set -eu
: "${PORT:=7000}" "${DIR:=$PWD}" "${PASSWORD:=change-me}"
here=$(cd "$(dirname "$0")" && pwd)
ports="$PORT $((PORT + 1)) $((PORT + 2))"
if [ "${1:-}" = stop ]; then
  for port in $ports; do
    kill "$(cat "$DIR/redis-$port.pid")"
  done
  exit
fi
addresses=
for port in $ports; do
  sed "s/PASSWORD/$PASSWORD/; s/+time/+time +zcount +zrem +zremrangebyscore +cluster +info +asking +client|setname/" \
    "$here/users.acl" > "$DIR/users-$port.acl"
  echo "user operator on >$PASSWORD-operator ~* &* +@all" >> "$DIR/users-$port.acl"
  redis-server --port "$port" --bind 127.0.0.1 --dir "$DIR" --daemonize yes --pidfile "$DIR/redis-$port.pid" \
    --aclfile "$DIR/users-$port.acl" --maxmemory 1gb --maxmemory-policy volatile-lru --save '' \
    --appendonly yes --appendfilename "aof-$port" --cluster-enabled yes --cluster-config-file "nodes-$port.conf" \
    --cluster-require-full-coverage no --masteruser operator --masterauth "$PASSWORD-operator"
  addresses="$addresses 127.0.0.1:$port"
done
for port in $ports; do
  until redis-cli -p "$port" --user operator --pass "$PASSWORD-operator" --no-auth-warning ping > /dev/null 2>&1; do
    sleep 0.1
  done
done
redis-cli --user operator --pass "$PASSWORD-operator" --no-auth-warning --cluster create $addresses --cluster-yes > /dev/null
echo "redis-cluster://refrain:$PASSWORD@$(echo $addresses | tr ' ' ,)"
