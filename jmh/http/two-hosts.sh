#!/usr/bin/env bash
# Simulates two hosts, and a third with Redis, as network namespaces on this machine. Shows that an answer fetched by
# one host is a hit on the other, that a purge holds on both, and what happens while one host is cut off. Then counts
# shared hits a second of 1, 2 and 4 processes on the two hosts. Needs root, iproute2, redis-server (or the one that
# REDIS names), curl and the jars of a build. Takes two minutes. FIGURES=no leaves out the counts, COUNTED=3 counts for
# 3 seconds each instead of 10, CLOCK=+1h lets the second host's clock be that much wrong, by faketime.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
jar=${JAR:-$root/http-frontend/target/refrain.jar}
java=${JAVA:-java}
redis=${REDIS:-redis-server}
for needed in ip curl redis-cli "$redis" "$java"; do
  command -v "$needed" > /dev/null || { echo "$needed is not installed" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "network namespaces need root" >&2; exit 2; }
[ -f "$jar" ] || { echo "$jar is not there: mvn -q package -DskipTests makes it" >&2; exit 2; }
dir=$(mktemp -d)
id=rf$$
pids=()

end() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for host in one other redis; do ip netns del "$id-$host" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap end EXIT

on() { local host=$1; shift; ip netns exec "$id-$host" "$@"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
until_() { # seconds, what, command...
  local end=$((SECONDS + $1)) what=$2; shift 2
  until "$@"; do [ $SECONDS -lt $end ] || fail "$what"; sleep 0.1; done
}

# Each host has an interface to a bridge in Redis's namespace.
for host in redis one other; do ip netns add "$id-$host"; on $host ip link set lo up; done
on redis ip link add bridge type bridge
on redis ip addr add 10.17.0.1/24 dev bridge
on redis ip link set bridge up
number=2
for host in one other; do
  ip link add "$id$number" type veth peer name net0 netns "$id-$host"
  ip link set "$id$number" netns "$id-redis"
  on redis ip link set "$id$number" master bridge
  on redis ip link set "$id$number" up
  on $host ip addr add 10.17.0.$number/24 dev net0
  on $host ip link set net0 up
  number=$((number + 1))
done

(exec ip netns exec "$id-redis" "$redis" --port 6379 --bind 10.17.0.1 --protected-mode no --save '' --appendonly no \
  --dir "$dir" > "$dir/redis.log") &
pids+=($!)
head -c 48 /dev/urandom | base64 > "$dir/secret"
chmod 600 "$dir/secret"
for host in one other; do
  mkdir "$dir/$host"
  # A long timeout, because a new JVM is slow, and slower with faketime.
  printf 'shared:\n  uri: redis://10.17.0.1:6379\n  secret-file: %s\n  timeout: 2s\n' "$dir/secret" > "$dir/$host/refrain.yaml"
  wrong=()
  if [ $host = other ] && [ -n "${CLOCK:-}" ]; then wrong=(env FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f "$CLOCK"); fi
  (cd "$dir/$host" && exec ip netns exec "$id-$host" "${wrong[@]}" "$java" -jar "$jar" --config refrain.yaml > log 2>&1) &
  pids+=($!)
done
connected() { on "$1" curl -s --max-time 5 localhost:8081/metrics | grep -q '^refrain_shared_connected 1'; }
cut_off() { ! connected "$1"; }
for host in one other; do until_ 180 "$host connects" connected $host; done

# Prints the header of an answer; the body goes to $dir/body.
ask() { # host, question
  on "$1" curl -s --max-time 30 -D - -o "$dir/body" -w 'seconds: %{time_total}\n' localhost:8080/v1/chat/completions \
    -H 'X-OpenRouter-Cache: true' -H 'Content-Type: application/json' \
    -d "{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":\"$2\"}]}" | tr -d '\r'
}
expect() { # what, host, question, pattern
  local said
  said=$(ask "$2" "$3" | grep -i -e '^cache-status' -e '^seconds' | tr '\n' ' ')
  [[ $said =~ $4 ]] || fail "$1: $said"
  printf '%-58s %s\n' "$1" "$said"
}
purge() { on "$1" "$java" -jar "$jar" purge --all --yes; }

expect 'the first host fetches' one 'Say hello' 'refrain; fwd=miss'
stored() { on redis redis-cli -h 10.17.0.1 --raw keys 'refrain:1:entry:*' | grep -q .; }
until_ 60 'the answer is in Redis' stored
expect 'the other has what it fetched' other 'Say hello' 'refrain-shared; hit'
expect 'and then in its own store' other 'Say hello' 'refrain; hit'
purge one
expect 'after a purge on the first, the other fetches' other 'Say hello' 'refrain; fwd=miss'
until_ 60 'the answer is in Redis' stored
expect 'and the first has what that one fetched' one 'Say hello' 'refrain-shared; hit'

# The interface goes down: no connection is refused or closed, but packets are lost.
on other ip link set net0 down
expect 'cut off, the other has what it had stored' other 'Say hello' 'refrain; hit'
until_ 60 'the other knows that it is cut off' cut_off other
expect 'and fetches what it has not' other 'Say goodbye' 'refrain; fwd=miss.*shared-unavailable'
purge one
expect 'after a purge elsewhere it still has that' other 'Say hello' 'refrain; hit'
on other ip link set net0 up
until_ 180 'the other is connected again' connected other
expect 'joined again, it has followed the purge' other 'Say hello' 'refrain; fwd=miss'

[ "${FIGURES:-yes}" = yes ] || exit 0
for pid in "${pids[@]:1}"; do kill "$pid"; wait "$pid" 2> /dev/null || true; done
pids=("${pids[0]}")
figures=("$java" -Xmx256m "-Drefrain.counted=${COUNTED:-10}" -cp "$root/jmh/target/benchmarks.jar" dev.refrain.jmh.load.SharedTierFigures)
on one "${figures[@]}" fill redis://10.17.0.1:6379 2> /dev/null
for processes in 1 2 4; do
  for ((i = 0; i < processes; i++)); do
    if ((i % 2)); then host=other; else host=one; fi
    on $host "${figures[@]}" redis://10.17.0.1:6379 > "$dir/hits$i" 2> /dev/null &
    counting[i]=$!
  done
  for ((i = 0; i < processes; i++)); do
    wait "${counting[i]}" && grep -Eq '^[0-9.]+$' "$dir/hits$i" || fail "process $i of $processes counted nothing"
  done
  cat "$dir"/hits* | awk -v n=$processes '{ sum += $1 } END { printf "shared hits a second, %d processes on two hosts: %d\n", n, sum }'
  rm "$dir"/hits*
done
