#!/usr/bin/env bash
# Cached hits over HTTP: nginx's proxy_cache, Refrain, and the least that a server on Undertow can do, in turn, several rounds.
# Each server runs on core 0, the load on core 1. Needs wrk and nginx (Debian: wrk, nginx-light) and the jars of a build.
#   jmh/http/compare.sh [name=URL ...]        more servers, that listen already
# From the environment: ROUNDS (5) EACH seconds (5) CONNECTIONS (32) IDLE more connections that do nothing (0)
#   N bodies (1000) SIZE of a request (1024) BYTES of an answer (4096) STREAM=1 for event streams of 200 KB
#   JAVA (java) FLAGS for Refrain's JVM (-Xmx256m) ONLY names, separated by spaces (all)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export N=${N:-1000} SIZE=${SIZE:-1024} STREAM=${STREAM:-0}
rounds=${ROUNDS:-5} each=${EACH:-5} connections=${CONNECTIONS:-32} idle=${IDLE:-0} java=${JAVA:-java}
dir=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  [ -f "$dir/nginx.pid" ] && kill "$(cat "$dir/nginx.pid")" 2>/dev/null || true
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap cleanup EXIT

await() { for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done; echo "nothing listens on $1" >&2; exit 1; }
bare() { taskset -c "$1" "$java" -Xmx256m -cp "$root/jmh/target/benchmarks.jar" dev.refrain.jmh.http.BareServer "$2" "${BYTES:-4096}" & pids+=($!); await "$2"; }

declare -A url
order=()
wanted() { [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $1 "* ]]; }
bare 1 18090 2>/dev/null
if wanted nginx; then
  mkdir "$dir/cache"
  sed "s#DIR#$dir#g; s#UPSTREAM#18090#; s#PORT#18081#; s#USER#$(id -un)#" "$here/nginx.conf.in" >"$dir/nginx.conf"
  taskset -c 0 nginx -p "$dir" -c "$dir/nginx.conf" 2>/dev/null
  await 18081; url[nginx]=http://127.0.0.1:18081; order+=(nginx)
fi
if wanted bare; then bare 0 18082 2>/dev/null; url[bare]=http://127.0.0.1:18082; order+=(bare); fi
if wanted refrain; then
  # shellcheck disable=SC2086 # flags are meant to be split
  taskset -c 0 "$java" ${FLAGS:--Xmx256m} -jar "$root/http-frontend/target/refrain.jar" --port 18083 --upstream http://127.0.0.1:18090/v1 \
    --store "$dir/answers" ${ARGUMENTS:-} >"$dir/refrain.log" & pids+=($!)
  await 18083; url[refrain]=http://127.0.0.1:18083; order+=(refrain)
fi
for server in "$@"; do url[${server%%=*}]=${server#*=}; order+=("${server%%=*}"); done

load() { taskset -c 1 wrk -t1 -c"$2" -d"$3"s -s "$here/bodies.lua" "${url[$1]}" | grep RESULT; }
for server in "${order[@]}"; do for _ in 1 2 3 4 5; do load "$server" "$connections" $((each + 3)) >/dev/null; done; done
for round in $(seq "$rounds"); do
  for server in "${order[@]}"; do
    if [ "$idle" -gt 0 ]; then "$java" -cp "$root/jmh/target/benchmarks.jar" dev.refrain.jmh.http.IdleClients "${url[$server]}" "$idle" $((each + 1)) & sleep 1; fi
    echo "$server $(load "$server" "$connections" "$each")"
    [ "$idle" -gt 0 ] && wait $! || true
  done
done | tee "$dir/all"

median() { grep "^$1 " "$dir/all" | sed -E "s/.*$2=([0-9]+).*/\1/" | sort -n | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
echo
printf '%-12s %10s %8s %8s %8s %8s %6s\n' server 'req/s' p50us p99us p999us errors ratio
base=
for server in "${order[@]}"; do
  rate=$(median "$server" rps); base=${base:-$rate}
  errors=$(grep "^$server " "$dir/all" | sed -E 's/.*errors=([0-9]+).*/\1/' | awk '{s+=$1} END{print s}')
  printf '%-12s %10s %8s %8s %8s %8s %6s\n' "$server" "$rate" "$(median "$server" p50us)" "$(median "$server" p99us)" \
    "$(median "$server" p999us)" "$errors" "$(awk "BEGIN{printf \"%.2f\", $rate/$base}")"
done
