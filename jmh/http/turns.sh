#!/usr/bin/env bash
# Measures what a miss, or an event of a fetched stream, costs each thread of Refrain: voluntary context switches
# ("turns") and processor time, from /proc, and system calls, from strace. Unlike times, counts do not depend on other
# load of the machine.
#   jmh/http/turns.sh [answers|stream]
# Takes a minute. Needs Linux, strace, python3 and the jars of a build. From the environment: JAR of another build, JAVA
# (java), BEFORE as warm-up (20000 misses, or 6 streams).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export JAR=${JAR:-$root/http-frontend/target/refrain.jar} BENCHMARKS=$root/jmh/target/benchmarks.jar JAVA=${JAVA:-java} WHAT=${1:-answers}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
export WORK=$work
python3 - <<'PY'
import collections, os, re, signal, subprocess, time
java, jar, benchmarks, what, work = (os.environ[name] for name in ("JAVA", "JAR", "BENCHMARKS", "WHAT", "WORK"))
stream = what == "stream"
provider = subprocess.Popen([java, "-Xmx256m", "-cp", benchmarks, "dev.refrain.jmh.http.BareServer", "18590", "4096", "0", "5" if stream else "0"],
                            stderr=subprocess.DEVNULL)
time.sleep(2)
refrain = subprocess.Popen(["taskset", "-c", "0", java, "-Xmx256m", "-jar", jar, "--port", "18583", "--admin-port", "0",
                            "--upstream", "http://127.0.0.1:18590/v1", "--store", work + "/answers"], stdout=subprocess.PIPE, text=True)
refrain.stdout.readline()

def load(count):
    subprocess.run([java, "-cp", benchmarks, "dev.refrain.jmh.http.AddedDelay", what, str(count), "0", "refrain=http://127.0.0.1:18583"],
                   check=True, stdout=subprocess.DEVNULL)

def threads():
    turns, nanos = collections.Counter(), collections.Counter()
    for task in os.listdir("/proc/%d/task" % refrain.pid):
        try:
            status = open("/proc/%d/task/%s/status" % (refrain.pid, task)).read()
            name = re.search(r"Name:\s+(.*)", status).group(1)
            turns[name] += int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", status).group(1))
            nanos[name] += int(open("/proc/%d/task/%s/schedstat" % (refrain.pid, task)).read().split()[0])
        except FileNotFoundError:
            pass  # the thread has ended
    return turns, nanos

try:
    count, events = (5, 200) if stream else (5000, 1)
    load(int(os.environ.get("BEFORE", 6 if stream else 20000)))
    (turns, nanos), _ = threads(), load(count)
    turns_then, nanos_then = threads()
    print("%-16s %6s %8s   for each %s" % ("thread", "turns", "cpu us", "event" if stream else "miss"))
    for name in sorted(nanos_then, key=lambda name: nanos[name] - nanos_then[name])[:8]:
        print("%-16s %6.2f %8.1f" % (name, (turns_then[name] - turns[name]) / count / events, (nanos_then[name] - nanos[name]) / count / events / 1e3))
    strace = subprocess.Popen(["strace", "-f", "-c", "-o", work + "/calls", "-p", str(refrain.pid)], stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    traced = 1 if stream else 1500
    load(traced)
    strace.send_signal(signal.SIGINT)
    strace.wait()
    for line in open(work + "/calls"):
        call = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if call and int(call.group(1)) > 0.05 * traced * events:
            print("%-16s %6.2f" % (call.group(2), int(call.group(1)) / traced / events))
finally:
    for process in (refrain, provider):
        process.terminate()
        process.wait()
PY
