#!/usr/bin/env bash
# Shows why a server's I/O thread waited: which threads ran on core 0 meanwhile, by the kernel's trace of all context
# switches; and how long the thread of the log of requests ran at a time. To be run as root beside compare.sh. The trace
# is read only after the recording, so that it takes next to no time of that core.
#   jmh/http/waits.sh [seconds (20) [milliseconds from which a wait is listed (2)]]
# State R is a wait for the processor, S for work, D for a disk, page faults from disk included.
set -euo pipefail
seconds=${1:-20} least=${2:-2}
tracing=/sys/kernel/tracing
thread=$(ps -eLo tid=,comm=,args= | { grep 'XNIO-1 I/O-1 ' || true; } | awk '/refrain\.jar/ {print $1; exit}')
[ -n "$thread" ] || { echo "Refrain is not running" >&2; exit 1; }
finish() {
  echo 0 >$tracing/tracing_on
  echo 0 >$tracing/events/sched/sched_switch/enable
  echo >$tracing/trace
  echo "$size" >$tracing/per_cpu/cpu0/buffer_size_kb
  echo 1 >$tracing/tracing_on
}
size=$(grep -oE '[0-9]+' $tracing/per_cpu/cpu0/buffer_size_kb | tail -1)
trap finish EXIT
echo 0 >$tracing/tracing_on
echo $((seconds * 4096)) >$tracing/per_cpu/cpu0/buffer_size_kb
echo >$tracing/trace
echo 1 >$tracing/events/sched/sched_switch/enable
echo 1 >$tracing/tracing_on
sleep "$seconds"
echo 0 >$tracing/tracing_on
sed -nE 's/.* ([0-9]+\.[0-9]+): sched_switch: prev_comm=(.*) prev_pid=([0-9]+) .*prev_state=(\S+) ==> .* next_pid=([0-9]+) .*/\1\t\3\t\4\t\5\t\2/p' \
  $tracing/per_cpu/cpu0/trace | awk -F'\t' -v thread="$thread" -v least="$least" '
  begun { if (out && $2 != thread && $2 != 0) had[$5] += $1 - last }
  { last = $1; begun = 1 }
  $2 == thread { out = 1; states[$3]++; split("", had) }
  $4 == thread && out {
    out = 0; sum = 0; most = ""
    for (who in had) { sum += had[who]; if (most == "" || had[who] > had[most]) most = who }
    if (sum * 1000 >= least) { count[most]++; total[most] += sum; if (sum > longest[most]) longest[most] = sum; all++ }
  }
  END {
    printf "waits of the I/O thread by state:"
    for (s in states) printf " %s %d", s, states[s]
    printf "\nof those in which others had the processor for %g ms or more, by who had most of it:\n", least
    fflush()
    for (who in count) printf "%6d  %7.0f ms  longest %5.1f ms  %s\n", count[who], total[who] * 1000, longest[who] * 1000, who | "sort -rn"
  }'

# How long the thread of the log of requests ran on the core at a time.
turns=$(sed -nE 's/.* ([0-9]+\.[0-9]+): sched_switch: prev_comm=(.*) prev_pid=.* next_comm=(.*) next_pid=.*/\1\t\2\t\3/p' $tracing/per_cpu/cpu0/trace |
  awk -F'\t' -v thread=refrain-activit '$2 == thread && begun { print ($1 - begun) * 1000; begun = 0 } $3 == thread { begun = $1 }' | sort -g)
awk '{ sum += $1; turn[NR] = $1; if ($1 >= 1) long_++; if ($1 >= 2) longer++ }
  END {
    if (NR) printf "turns of the log of requests: %d, %.0f ms; p50 %.3f, p99 %.2f, p99.9 %.2f, longest %.2f ms; of 1 ms and more %d, of 2 ms and more %d\n", \
      NR, sum, turn[int((NR + 1) / 2)], turn[int(NR * 0.99 + 0.5)], turn[int(NR * 0.999 + 0.5)], turn[NR], long_, longer
  }' <<<"$turns"
