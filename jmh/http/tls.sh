#!/usr/bin/env bash
# Measures calls to a provider behind TLS through Refrain and, for sparse and burst, through nginx in the same run.
# Prints a table, takes less than two minutes, and needs the jars of a build and nginx (Debian: nginx-light).
#   jmh/http/tls.sh sparse    misses after a pause, over a line of DELAY (25) ms each way: DENSE (50) every 100 ms,
#                             SPARSE (6) every 6 s, RARE (2) every 30 s. Goal: sparse ones at most 5 % slower
#   jmh/http/tls.sh burst     CALLS (2000) new calls at once, ROUNDS (5) after BEFORE (8), PROTOCOL h1 or h2 (h1) of the
#                             provider. Goal: none fails, and at most 1.5 times the time of nginx
#   jmh/http/tls.sh streams   memory for CLIENTS (2000) live streams of ANSWERS (CLIENTS) answers, each LENGTH (20) s
# From the environment: JAR of another build, HEAP (512m) of Refrain, JAVA (java).
# A program of this tree simulates the line (DelayLine says how it differs from a network), because the kernel's netem
# would need root, and a module that many machines lack.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
jar=${JAR:-$root/http-frontend/target/refrain.jar}
run() { exec "${JAVA:-java}" -cp "$root/jmh/target/benchmarks.jar" "dev.refrain.jmh.load.$@"; }
case ${1:-} in
  sparse) run SparseMisses "$jar" "${DENSE:-50}" "${SPARSE:-6}" "${RARE:-2}" "${DELAY:-25}" ;;
  burst) run TlsBurst "$jar" "${CALLS:-2000}" "${ROUNDS:-5}" "${HEAP:-512m}" "${PROTOCOL:-h1}" "${BEFORE:-8}" ;;
  streams) run StreamLoad "$jar" "${CLIENTS:-2000}" "${ANSWERS:-${CLIENTS:-2000}}" "${LENGTH:-20}" "${HEAP:-512m}" https ;;
  *) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2; exit 2 ;;
esac
