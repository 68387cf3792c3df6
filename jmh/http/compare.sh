#!/usr/bin/env bash
# Compares cached hits over HTTP, in turn and in several rounds: nginx's proxy_cache, a minimal server on Undertow, and
# Refrain. Each server runs on core 0, the load on core 1. Needs wrk and nginx (Debian: wrk, nginx-light) and the jars
# of a build.
#   jmh/http/compare.sh [name=URL ...]        further servers, which must be running
# From the environment:
#   MODE=hits     the most hits a second: wrk, ROUNDS (5) of EACH (5) seconds
#        rate     RATE (20000) a second, one round of EACH seconds; delays are measured from when a request was due
#        misses   the cost of a miss beyond the provider's own time: MISSES (10000), after BEFORE (60000) as warm-up,
#                 with PAUSE (0) microseconds between two; also proxies without a cache (undertow, jdk, direct, apache)
#        chunks   the delay of an event in a fetched stream: STREAMS (20) of 200 events, PACE (5) ms apart, after BEFORE
#                 (100) streams as warm-up
#   N bodies (1000), ZIPF=1 requested by Zipf's law, not in turn; SIZE of a request (1024), BYTES of an answer (4096)
#   STREAM=1 answers are event streams of 200 KB; VARY=1 a different head in each request
#   TLS=1 clients use TLS 1.3 (only mode hits; only nginx and refrain)
#   H2=1  clients use HTTP/2, with TLS=1 by ALPN, else by prior knowledge: h2load (Debian: nghttp2-client) in place of
#         wrk, STREAMS (10) at a time on each connection, all for one body (only mode hits; only nginx and refrain)
#   CONNECTIONS (32); IDLE=n measures again beside n idle connections; WARM seconds of load first for each JVM (40)
#   ACCESS=1 a further Refrain that writes an access log (log.access) on the disk of TMPDIR, 200 bytes for each request
#   JAVA (java), FLAGS for Refrain's JVM (-Xmx256m), ARGUMENTS for Refrain, ONLY these names, separated by spaces (all)
#   NICE (0) of servers and load; with a negative value (root only) other programs disturb them less
#   CSV a file to which a line for each server is appended (none)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export N=${N:-1000} ZIPF=${ZIPF:-0} SIZE=${SIZE:-1024} STREAM=${STREAM:-0} VARY=${VARY:-0}
mode=${MODE:-hits} rounds=${ROUNDS:-5} each=${EACH:-5} connections=${CONNECTIONS:-32} idle=${IDLE:-0} warm=${WARM:-40} rate=${RATE:-20000}
bytes=${BYTES:-4096} java=${JAVA:-java} jar=$root/jmh/target/benchmarks.jar
core0=(taskset -c 0 nice -n "${NICE:-0}") core1=(taskset -c 1 nice -n "${NICE:-0}")
dir=$(mktemp -d)
pids=()
scheme=http tls=${TLS:-0} h2=${H2:-0} streams=${STREAMS:-10}
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  [ -f "$dir/nginx.pid" ] && kill "$(cat "$dir/nginx.pid")" 2>/dev/null || true
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap cleanup EXIT

# ---- servers

certificate=()
if [ "$tls" = 1 ]; then
  scheme=https
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout "$dir/key.pem" -out "$dir/certificate.pem" 2>/dev/null
  certificate=("REFRAIN_TLS_CERTIFICATE=$dir/certificate.pem" "REFRAIN_TLS_KEY=$dir/key.pem")
fi

await() { for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done; echo "nothing listens on $1" >&2; exit 1; }
bare() { local -n on=core$1; "${on[@]}" "$java" -Xmx256m -cp "$jar" dev.refrain.jmh.http.BareServer "$2" "$bytes" 0 "$3" 2>/dev/null & pids+=($!); await "$2"; }

declare -A url process
order=()
wanted() { [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $1 "* ]]; }
pace=0
buffering=on # nginx then collects events for up to 66 ms
[ "$mode" = chunks ] && pace=${PACE:-5} && STREAM=1 && buffering=off
bare 1 18090 "$pace"
if wanted nginx; then
  mkdir "$dir/cache"
  if [ "$tls" = 1 ]; then ssl="ssl; ssl_certificate $dir/certificate.pem; ssl_certificate_key $dir/key.pem; ssl_protocols TLSv1.3"; else ssl=; fi
  if [ "$h2" = 1 ]; then ssl="http2 $ssl"; fi
  sed "s#PORT;#PORT $ssl;#; s#DIR#$dir#g; s#UPSTREAM#18090#; s#BUFFERING#$buffering#; s#PORT#18081#; s#USER#$(id -un)#" "$here/nginx.conf.in" >"$dir/nginx.conf"
  "${core0[@]}" nginx -p "$dir" -c "$dir/nginx.conf" 2>/dev/null
  await 18081; url[nginx]=$scheme://127.0.0.1:18081; order+=(nginx)
  process[nginx]=$(pgrep -P "$(cat "$dir/nginx.pid")" | tr '\n' ' ')
fi
if [ "$mode" = misses ]; then
  port=18085
  for proxy in undertow jdk direct apache; do
    if wanted $proxy; then
      "${core0[@]}" "$java" -Xmx256m -cp "$jar" dev.refrain.jmh.http.BareProxy $port http://127.0.0.1:18090 $proxy 2>/dev/null & pids+=($!)
      await $port; url[$proxy]=http://127.0.0.1:$port; order+=("$proxy")
    fi
    port=$((port + 1))
  done
elif wanted bare; then bare 0 18082 "$pace"; url[bare]=http://127.0.0.1:18082; process[bare]=${pids[-1]}; order+=(bare); fi
start_refrain() { # name, port, further variables
  # shellcheck disable=SC2086 # flags are meant to be split
  env "${certificate[@]}" "${@:3}" "${core0[@]}" "$java" ${FLAGS:--Xmx256m} -jar "$root/http-frontend/target/refrain.jar" --port "$2" --admin-port 0 \
    --upstream http://127.0.0.1:18090/v1 --store "$dir/answers-$1" ${ARGUMENTS:-} >"$dir/$1.log" & pids+=($!)
  await "$2"; url[$1]=$scheme://127.0.0.1:$2; process[$1]=${pids[-1]}; order+=("$1")
}
if wanted refrain; then
  start_refrain refrain 18083
  if [ "${ACCESS:-0}" = 1 ]; then start_refrain refrain+access 18084 "REFRAIN_LOG_ACCESS=$dir/access.log"; fi
fi
for server in "$@"; do url[${server%%=*}]=${server#*=}; order+=("${server%%=*}"); done

# ---- misses and chunks are measured by a program of their own

if [ "$mode" = misses ] || [ "$mode" = chunks ]; then
  servers=(provider=http://127.0.0.1:18090)
  for server in "${order[@]}"; do [ "$server" = bare ] || servers+=("$server=${url[$server]}"); done
  if [ "$mode" = misses ]; then what=answers,${PAUSE:-0} count=${MISSES:-10000} before=${BEFORE:-60000}; else what=stream count=${STREAMS:-20} before=${BEFORE:-100}; fi
  "${core1[@]}" "$java" -cp "$jar" dev.refrain.jmh.http.AddedDelay "$what" "$count" "$before" "${servers[@]}" | tee "$dir/delays"
  if [ -n "${CSV:-}" ]; then
    awk -v date="$(date -u +%F)" -v jdk="$("$java" -version 2>&1 | sed -nE '1s/.*"(.*)".*/\1/p')" -v mode="$mode" \
      'NR > 1 {printf "%s,%s,%s,%s,%s,%s,%s,%s,%s,\n", date, jdk, mode, $1, $2, $3, $4, $5, $6}' "$dir/delays" >>"${CSV%.csv}-delays.csv"
  fi
  exit
fi

# ---- hits

# Prints a server's processor time so far in hundredths of a second: all threads, I/O, logs, compiler, collector.
ticks() {
  for pid in ${process[$1]:-}; do
    [ -d "/proc/$pid" ] || continue # nginx's helpers end by themselves
    for task in /proc/"$pid"/task/*; do echo "$(tr ' ' _ <"$task/comm") $(sed 's/.*) //' "$task/stat" | cut -d' ' -f12,13)"; done
  done | awk '{t = $2 + $3; all += t}
    /^XNIO/ {io += t} /^refrain-ac[ct]/ {log_ += t} /^C[12]_Comp/ {jit += t} /^(GC_|G1_|VM_Thread)/ {gc += t}
    END {print all + 0, io + 0, log_ + 0, jit + 0, gc + 0}'
}
one_body() { printf '{"model":"acme/bench","messages":[{"role":"user","content":"'; printf 'explain the cache %.0s' $(seq $((SIZE / 18))); printf '"}]}'; }
# Runs h2load, and prints the line of wrk's script from h2load's log: each request's start, status and microseconds.
h2() {
  one_body >"$dir/body.json"
  rm -f "$dir/requests"
  # A number of requests for the first load: with -D h2load hangs if a slow new JVM accepts a connection too late.
  if [ "$2" = first ]; then how=-n$((connections * streams)); else how=-D$2; fi
  "${core1[@]}" h2load -t1 -c"$connections" -m"$streams" "$how" -d "$dir/body.json" -H 'content-type: application/json' -H 'authorization: Bearer sk-bench' \
    -H 'x-openrouter-cache: true' -H 'x-openrouter-cache-ttl: 86400' --log-file="$dir/requests" "${url[$1]}/v1/chat/completions" >"$dir/h2load"
  errors=$(sed -nE 's/^requests: .* ([0-9]+) failed, ([0-9]+) errored, ([0-9]+) timeout.*/\1 \2 \3/p' "$dir/h2load" | awk '{print $1 + $2 + $3}')
  awk '$2 != 200 {bad++} {print $3} END {print "bad", bad + 0 >"/dev/stderr"}' "$dir/requests" 2>"$dir/bad" | sort -n >"$dir/sorted"
  awk -v s="$2" -v errors="$((errors + $(cut -d' ' -f2 "$dir/bad")))" \
    '{v[NR] = $1} END {printf "RESULT rps=%.0f p50us=%d p99us=%d p999us=%d maxus=%d errors=%d\n", NR / s, v[int(NR * .5) + 1], v[int(NR * .99) + 1], v[int(NR * .999) + 1], v[NR], errors}' "$dir/sorted"
}
throughput() { if [ "$h2" = 1 ]; then h2 "$@"; else wrk1 "$@"; fi; }
wrk1() { "${core1[@]}" wrk -t1 -c"$connections" -d"$2"s -s "$here/bodies.lua" "${url[$1]}" | grep RESULT; }
fixed() { "${core1[@]}" "$java" -Xmx1g -cp "$jar" dev.refrain.jmh.http.FixedRate "${url[$1]}" "$2" "$3" "$N" "$SIZE" "$ZIPF" "$STREAM" "$connections"; }
value() { sed -E "s/.* $1=([0-9.]+).*/\1/"; }
round() { # row name, server
  before=$(ticks "$2")
  if [ "$mode" = rate ]; then line=$(fixed "$2" "$rate" "$each"); length=$((each + 5)); else line=$(throughput "$2" "$each"); length=$each; fi
  after=$(ticks "$2")
  # Microseconds for each request; with a fixed rate the requests of the warm-up count, too.
  echo "$1 $line $(echo "$before $after" | awk -v n="$(echo "$line" | value rps)" -v s="$length" \
    '{k = 10000 / (n * s); printf "cpu=%.2f io=%.2f log=%.2f jit=%.2f gc=%.2f", ($6-$1)*k, ($7-$2)*k, ($8-$3)*k, ($9-$4)*k, ($10-$5)*k}')" | tee -a "$dir/all"
}

for server in "${order[@]}"; do
  # Requests each body once, so that all are stored.
  if [ "$h2" = 1 ]; then h2 "$server" first >/dev/null; elif [ "$tls" = 1 ]; then throughput "$server" 3 >/dev/null; else fixed "$server" 0 0 >/dev/null; fi
  if [ "$server" = nginx ]; then seconds=5; else seconds=$warm; fi
  if [ "$seconds" -gt 0 ]; then
    echo "$server, first seconds of load: $(throughput "$server" 5)"
    if [ "$seconds" -gt 5 ]; then throughput "$server" $((seconds - 5)) >/dev/null; fi
  fi
done
[ "$mode" = rate ] && rounds=1
rows=()
for server in "${order[@]}"; do rows+=("$server"); if [ "$idle" -gt 0 ]; then rows+=("$server+$idle"); fi; done
for _ in $(seq "$rounds"); do
  for server in "${order[@]}"; do
    round "$server" "$server"
    if [ "$idle" -gt 0 ]; then
      "${core1[@]}" "$java" -cp "$jar" dev.refrain.jmh.http.IdleClients "${url[$server]}" "$idle" $((each + 4)) & waiting=$!
      sleep 3
      round "$server+$idle" "$server"
      wait "$waiting"
    fi
  done
done

# ---- the table: medians, and the worst of all rounds

sorted() { grep "^$1 " "$dir/all" | value "$2" | sort -n; }
median() { sorted "$1" "$2" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
worst() { sorted "$1" "$2" | tail -1; }
sum() { grep "^$1 " "$dir/all" | { grep -oE " $2=[0-9]+" || true; } | awk -F= '{s += $2} END {print s + 0}'; }
echo
echo "microseconds; processor time for each request of all threads, and of Refrain's and Undertow's by what they do"
format='%-14s %8s %6s %7s %7s %8s %7s %6s | %6s %6s %6s %6s %6s | %6s\n'
# shellcheck disable=SC2059 # one format for all
printf "$format" server req/s p50 p99 p99.9 worst '>10ms' errors cpu io log jit gc ratio
first=$(median "${rows[0]}" rps)
settings="mode=$mode tls=$tls h2=$h2 size=$SIZE bytes=$bytes stream=$STREAM entries=$N zipf=$ZIPF vary=$VARY connections=$connections rate=$rate rounds=$rounds each=$each warm=$warm"
[ "$idle" -gt 0 ] && settings="$settings idle=$idle"
for row in "${rows[@]}"; do
  ratio=$(awk "BEGIN {printf \"%.2f\", $(median "$row" rps) / $first}")
  # shellcheck disable=SC2059
  printf "$format" "$row" "$(median "$row" rps)" "$(median "$row" p50us)" "$(median "$row" p99us)" "$(median "$row" p999us)" "$(worst "$row" maxus)" \
    "$(sum "$row" over10ms)" "$(sum "$row" errors)" "$(median "$row" cpu)" "$(median "$row" io)" "$(median "$row" log)" "$(median "$row" jit)" "$(median "$row" gc)" "$ratio"
  if [ -n "${CSV:-}" ]; then
    [ -s "$CSV" ] || echo "date,jdk,settings,server,requests_per_second,lowest,highest,p50_us,p99_us,p999_us,worst_us,over_10ms,errors,cpu_us,io_us,log_us,jit_us,gc_us,ratio" >"$CSV"
    echo "$(date -u +%F),$("$java" -version 2>&1 | sed -nE '1s/.*"(.*)".*/\1/p'),$settings,$row,$(median "$row" rps),$(sorted "$row" rps | head -1),$(worst "$row" rps),$(median "$row" p50us),$(median "$row" p99us),$(median "$row" p999us),$(worst "$row" maxus),$(sum "$row" over10ms),$(sum "$row" errors),$(median "$row" cpu),$(median "$row" io),$(median "$row" log),$(median "$row" jit),$(median "$row" gc),$ratio" >>"$CSV"
  fi
done
