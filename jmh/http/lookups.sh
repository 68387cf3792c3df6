#!/usr/bin/env bash
# Shows by strace that DNS lookups block no thread. Runs in a network namespace whose only name server never answers.
# One call goes to a provider by name; until it fails, others go one after the other to a provider by address. Prints
# which threads used which system calls with the name server, which of these blocked, and how long the other calls took.
# Exits with 1 if a thread was blocked. Takes half a minute. Needs root (or user namespaces), strace, iproute2, python3,
# and the jar of a build. From the environment: JAR of another build, JAVA (java).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export JAR=${JAR:-$root/http-frontend/target/refrain.jar} JAVA=${JAVA:-java}
if [ -z "${LOOKUPS_INSIDE:-}" ]; then
  exec env LOOKUPS_INSIDE=1 unshare --net --mount --map-root-user "$0"
fi
ip link set lo up
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
echo "nameserver 127.0.0.53" > "$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
cat > "$work/check.py" <<'PY'
import atexit, collections, http.client, http.server, os, re, signal, socket, subprocess, sys, threading, time
work = sys.argv[1]
# Receives queries and answers none.
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.53", 53))
class Provider(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *unused): pass
provider = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=provider.serve_forever, daemon=True).start()
refrain = subprocess.Popen(
    ["strace", "-f", "-ttt", "-T", "-yy", "-o", work + "/trace",
     "-e", "trace=network,poll,ppoll,select,pselect6,read,write,prctl", "--seccomp-bpf",
     os.environ["JAVA"], "-XX:TieredStopAtLevel=1", "-jar", os.environ["JAR"], "--port", "0", "--admin-port", "0",
     "--capacity", "32MiB", "--store", work + "/answers.refrain",
     "--upstream", "http://127.0.0.1:%d/v1" % provider.server_port],
    stdout=subprocess.PIPE, text=True,
    env=dict(os.environ, REFRAIN_TIMEOUTS_CONNECT="30s", REFRAIN_UPSTREAMS_EMBEDDINGS="http://no.such.name.example/v1"))
port = int(re.search(r":(\d+)", refrain.stdout.readline()).group(1))
def post(path, times):
    began = time.time()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    client.request("POST", path, b"{}", {"Authorization": "Bearer k"})
    answer = client.getresponse(); body = answer.read(); client.close()
    times.append(time.time() - began)
    return answer.status, body
def stop():
    # strace with -o ignores signals, so its child is stopped.
    for child in open("/proc/%d/task/%d/children" % (refrain.pid, refrain.pid)).read().split():
        os.kill(int(child), signal.SIGTERM)
    refrain.wait(60)
atexit.register(stop)
by_address, by_name = [], []
post("/v1/chat/completions", [])
stuck = []
names = threading.Thread(target=lambda: stuck.append(post("/v1/embeddings", by_name)))
names.start()
silent.settimeout(20); silent.recv(512)  # the lookup has begun
while not by_name:
    status, _ = post("/v1/chat/completions", by_address)
    assert status == 200, status
assert len(by_address) > 10, "there were too few calls to be held up"
names.join(90)
status, body = stuck[0]
assert status == 502 and b"name" in body, (status, body)
atexit.unregister(stop); stop()
asked, blocked, blocking = collections.Counter(), [], []
names_of = {}
for line in open(work + "/trace", errors="replace"):
    call = re.match(r"(\d+)\s+(\S+) (\w+)\((.*)", line)
    if not call: continue
    thread, at, name, rest = call.groups()
    named = re.search(r'PR_SET_NAME, "([^"]*)"', rest)
    if named: names_of[thread] = named.group(1)
    if ":53]>" not in rest and "port=htons(53)" not in rest: continue
    took = re.search(r"<([\d.]+)>$", rest.strip())
    seconds = float(took.group(1)) if took else 0.0
    asked[(thread, name)] += 1
    if name in ("poll", "ppoll", "select"): blocking.append(line.strip())
    if seconds > 0.1: blocked.append(line.strip())
by_address.sort()
print("calls by address while a look-up hung: %d, p50 %.1f ms, longest %.1f ms (under strace)"
      % (len(by_address), by_address[len(by_address) // 2] * 1e3, by_address[-1] * 1e3))
print("the call by name: %d after %.1f s: %s" % (status, by_name[0], body.decode()[:160]))
for (thread, name), count in sorted(asked.items()):
    print("thread %s (%s): %s on the name server's socket: %d times" % (thread, names_of.get(thread, "?"), name, count))
print("waits for the name server in a system call (poll, or more than 0.1 s in any): %d" % (len(blocking) + len(blocked)))
for line in (blocking + blocked)[:10]: print("   ", line)
assert asked, "nobody asked the name server"
sys.exit(1 if blocking or blocked or by_address[-1] > 4 else 0)
PY
python3 "$work/check.py" "$work"
