#!/usr/bin/env bash
# Measures the time from exec to the first served hit, with a store of 1 GiB that was closed cleanly, for java -jar and
# bin/refrain in turn.
#   jmh/http/startup.sh [name=COMMAND ...]        also for bin/refrain of other builds
# Needs the jars of a build. From the environment: ROUNDS (7); JAVA_HOME for another JDK, which must be the one of the
# build.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
jar=$root/http-frontend/target/refrain.jar
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
request='{"model":"demo","messages":[{"role":"user","content":"Say hello"}]}'

# Prints milliseconds from the exec of a command to the end of its first answer.
start() {
  local begin answer
  begin=$(date +%s%N)
  "$@" --port 18084 --admin-port 18085 --store "$dir/answers" >"$dir/out" 2>&1 & pid=$!
  until answer=$(curl -sf -o /dev/null -D - localhost:18084/v1/chat/completions -H 'X-OpenRouter-Cache: true' \
    -H 'X-OpenRouter-Cache-TTL: 86400' -d "$request"); do sleep 0.002; done
  echo "$((($(date +%s%N) - begin) / 1000000)) $(grep -ci 'cache-status: hit' <<<"$answer")"
  kill "$pid"; wait "$pid" || true; pid=
}

declare -A commands=([java-jar]="$java -jar $jar" [bin/refrain]=$root/bin/refrain)
names=(java-jar bin/refrain)
for other in "$@"; do commands[${other%%=*}]=${other#*=}; names+=("${other%%=*}"); done
start "$java" -jar "$jar" >/dev/null
for _ in $(seq "${ROUNDS:-7}"); do
  # shellcheck disable=SC2086 # a command and its arguments
  for how in "${names[@]}"; do echo "$how $(start ${commands[$how]})"; done
done | tee "$dir/all"
if grep -qv ' 1$' "$dir/all"; then echo "not every first answer was a hit" >&2; exit 1; fi
for how in "${names[@]}"; do
  grep "^$how " "$dir/all" | sort -nk2 | awk -v how=$how '{v[NR]=$2} END{printf "%-12s median %d ms, %d to %d\n", how, v[int((NR+1)/2)], v[1], v[NR]}'
done
