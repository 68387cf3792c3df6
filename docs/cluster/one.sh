#!/bin/sh
# One server as a plain process: ./one.sh starts it, ./one.sh stop ends it. PORT, DIR (for its files) and PASSWORD can
# be set.
set -eu
: "${PORT:=6379}" "${DIR:=$PWD}" "${PASSWORD:=change-me}"
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" = stop ]; then
  kill "$(cat "$DIR/redis-$PORT.pid")"
  exit
fi
sed "s/PASSWORD/$PASSWORD/" "$here/users.acl" > "$DIR/users-$PORT.acl"
redis-server --port "$PORT" --bind 127.0.0.1 --dir "$DIR" --daemonize yes --pidfile "$DIR/redis-$PORT.pid" \
  --aclfile "$DIR/users-$PORT.acl" --maxmemory 1gb --maxmemory-policy volatile-lru --save '' \
  --appendonly yes --appendfilename "aof-$PORT"
echo "redis://refrain:$PASSWORD@127.0.0.1:$PORT"
