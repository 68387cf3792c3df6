#!/usr/bin/env bash
# Measures how fast a server is in its first seconds: cached hits a second in the first five seconds of load after a
# start, compared with those after a minute of load. Runs java -jar and bin/refrain in turn, each on the store of 1 GiB
# that the run before has closed.
#   jmh/http/warmup.sh [name=COMMAND ...]     also for bin/refrain of other builds
# The server runs on core 0 with its compilers, the load on core 1. Needs wrk (Debian) and the jars of a build. From the
# environment: ROUNDS (3), LATER (50: seconds between), N bodies (1000), SIZE of a request (1024), BYTES of an answer
# (4096), ONLY these names; JAVA_HOME for another JDK, which must be the one of the build.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
export N=${N:-1000} SIZE=${SIZE:-1024} STREAM=0 ZIPF=0 VARY=0 JAVA_OPTS=${JAVA_OPTS:--Xmx256m}
dir=$(mktemp -d)
pid=
trap 'kill $pid $provider 2>/dev/null || true; rm -rf "$dir"' EXIT
taskset -c 1 "$java" -Xmx256m -cp "$root/jmh/target/benchmarks.jar" dev.refrain.jmh.http.BareServer 18090 "${BYTES:-4096}" 0 0 2>/dev/null & provider=$!

load() { taskset -c 1 wrk -t1 -c32 -d"$1"s -s "$here/bodies.lua" http://127.0.0.1:18084 | sed -nE 's/^RESULT rps=([0-9]+).*errors=0$/\1/p'; }
# Starts a server, and prints hits a second in its first five seconds, after LATER seconds more, and their ratio.
measure() {
  local first later
  taskset -c 0 "$@" --port 18084 --admin-port 0 --upstream http://127.0.0.1:18090/v1 --store "$dir/answers" >"$dir/out" 2>&1 & pid=$!
  until grep -q 'Refrain listens' "$dir/out"; do kill -0 "$pid" || { cat "$dir/out" >&2; exit 1; }; sleep 0.01; done
  first=$(load 5)
  load "${LATER:-50}" >/dev/null
  later=$(load 5)
  kill "$pid"; wait "$pid" || true; pid=
  echo "$first $later $(awk "BEGIN {printf \"%.2f\", $first / $later}")"
}

# shellcheck disable=SC2086 # flags are meant to be split
declare -A commands=([java-jar]="$java $JAVA_OPTS -jar $root/http-frontend/target/refrain.jar" [bin/refrain]=$root/bin/refrain)
names=(java-jar bin/refrain)
for other in "$@"; do commands[${other%%=*}]=${other#*=}; names+=("${other%%=*}"); done
[ -z "${ONLY:-}" ] || read -ra names <<<"$ONLY"
# Fills the store.
LATER=1 measure ${commands[${names[0]}]} >/dev/null
echo "server        first5s   later  ratio"
for _ in $(seq "${ROUNDS:-3}"); do
  # shellcheck disable=SC2086 # a command and its arguments
  for how in "${names[@]}"; do printf '%-12s %8s %7s %6s\n' "$how" $(measure ${commands[$how]}); done
done | tee "$dir/all"
for how in "${names[@]}"; do
  grep -F "$how " "$dir/all" | sort -nk4 | awk -v how="$how" '{v[NR] = $4} END {printf "%-12s median %s, %s to %s\n", how, v[int((NR + 1) / 2)], v[1], v[NR]}'
done
