#!/bin/sh
# A master, a replica and three Sentinels as plain processes: ./sentinel.sh starts them, ./sentinel.sh stop ends them.
# PORT (the first of five), DIR and PASSWORD can be set. For separate machines, replace 127.0.0.1 by their addresses.
set -eu
: "${PORT:=6379}" "${DIR:=$PWD}" "${PASSWORD:=change-me}"
here=$(cd "$(dirname "$0")" && pwd)
replica=$((PORT + 1))
sentinels="$((PORT + 2)) $((PORT + 3)) $((PORT + 4))"
if [ "${1:-}" = stop ]; then
  for port in $sentinels $replica $PORT; do
    kill "$(cat "$DIR/redis-$port.pid")"
  done
  exit
fi
for port in $PORT $replica; do
  sed "s/PASSWORD/$PASSWORD/" "$here/users.acl" > "$DIR/users-$port.acl"
  # The account of replicas and Sentinels.
  echo "user operator on >$PASSWORD-operator ~* &* +@all" >> "$DIR/users-$port.acl"
  redis-server --port "$port" --bind 127.0.0.1 --dir "$DIR" --daemonize yes --pidfile "$DIR/redis-$port.pid" \
    --aclfile "$DIR/users-$port.acl" --maxmemory 1gb --maxmemory-policy volatile-lru --save '' \
    --appendonly yes --appendfilename "aof-$port" --masteruser operator --masterauth "$PASSWORD-operator" \
    $([ "$port" = "$PORT" ] || echo "--replicaof 127.0.0.1 $PORT")
done
uri=
for port in $sentinels; do
  cat > "$DIR/sentinel-$port.conf" <<END
sentinel monitor answers 127.0.0.1 $PORT 2
sentinel auth-user answers operator
sentinel auth-pass answers $PASSWORD-operator
sentinel down-after-milliseconds answers 3000
sentinel failover-timeout answers 10000
END
  redis-server "$DIR/sentinel-$port.conf" --sentinel --port "$port" --bind 127.0.0.1 --dir "$DIR" --daemonize yes \
    --pidfile "$DIR/redis-$port.pid"
  uri="$uri${uri:+,}127.0.0.1:$port"
done
echo "redis-sentinel://refrain:$PASSWORD@$uri#answers"
