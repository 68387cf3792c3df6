package dev.refrain.jmh.load;

import io.undertow.server.HttpServerExchange;
import io.undertow.server.ServerConnection;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.xnio.IoUtils;

/**
 * Bursts of calls to a provider behind TLS, through nginx and Refrain in turn: {@code TlsBurst [jar] [calls] [rounds]
 * [heap] [h1|h2] [before]}. The provider answers no call before all calls have come.
 *
 * <p>With {@code h1} each call needs a connection of its own. With {@code h2} the provider also offers HTTP/2, with 100
 * streams on a connection, which nginx 1.22 does not use. After each burst the provider closes all connections, so that
 * the next burst makes new ones. nginx has a worker for each processor, checks the certificate as Refrain does, and
 * keeps no idle connections. Medians leave out the first {@code before} bursts, numbered 0 and below, in which the JVM
 * is still compiling. Exits with 1 if a call fails.
 */
public final class TlsBurst implements AutoCloseable {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(120);

    private final Queue<HttpServerExchange> asked = new ConcurrentLinkedQueue<>();
    private final Set<ServerConnection> connections = ConcurrentHashMap.newKeySet();
    private final int calls;
    private final TlsProvider provider;
    private final ChildNginx nginx;
    private final ChildProxy refrain;
    private final List<Peer> peers;
    private int failed;

    /** One of the proxies that are compared. */
    private record Peer(String name, int port, Supplier<Duration> processorTime, List<Double> seconds) {}

    private TlsBurst(int calls, Path jar, String heap, boolean offersHttp2) throws Exception {
        this.calls = calls;
        provider = new TlsProvider(
                offersHttp2,
                exchange -> exchange.getRequestReceiver().receiveFullBytes((whole, body) -> {
                    whole.dispatch(() -> {}); // keeps the exchange open after this method
                    connections.add(whole.getConnection());
                    asked.add(whole);
                }));
        nginx = new ChildNginx(provider.port(), provider.certificate(), 0);
        refrain = new ChildProxy(jar, heap, "https://localhost:" + provider.port() + "/v1", provider.trust());
        peers = List.of(
                new Peer("nginx", nginx.port(), nginx::processorTime, new ArrayList<>()),
                new Peer("refrain", refrain.port(), refrain::processorTime, new ArrayList<>()));
    }

    /** See the description of the class. Defaults: three bursts of 2,000 calls, after eight to warm up, in 512 MiB. */
    public static void main(String[] args) throws Exception {
        // By default, idle connections of all rounds would pile up, until the process has no file descriptors left.
        System.setProperty("jdk.httpclient.keepalive.timeout", "1");
        Path jar = Path.of(args.length > 0 ? args[0] : "http-frontend/target/refrain.jar");
        int calls = args.length > 1 ? Integer.parseInt(args[1]) : 2000;
        int rounds = args.length > 2 ? Integer.parseInt(args[2]) : 3;
        String heap = args.length > 3 ? args[3] : "512m";
        boolean offersHttp2 = args.length > 4 && args[4].equals("h2");
        int before = args.length > 5 ? Integer.parseInt(args[5]) : 8;
        int failed;
        try (TlsBurst burst = new TlsBurst(calls, jar, heap, offersHttp2)) {
            System.out.printf(
                    Locale.ROOT,
                    "%,d new calls at once, a heap of %s, %s; seconds%n%-8s %-8s %9s %9s %9s %12s %7s%n",
                    calls,
                    heap,
                    offersHttp2 ? "HTTP/2 offered" : "HTTP/1.1",
                    "burst",
                    "",
                    "all there",
                    "all done",
                    "processor",
                    "connections",
                    "failed");
            for (int round = 1 - before; round <= rounds; round++) {
                for (Peer peer : burst.peers) {
                    burst.run(peer, round);
                }
            }
            burst.compare();
            failed = burst.failed;
        }
        if (failed > 0) {
            System.exit(1);
        }
    }

    private void run(Peer peer, int round) throws InterruptedException, IOException {
        Duration before = peer.processorTime().get();
        HttpClient http =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        URI uri = URI.create("http://127.0.0.1:" + peer.port() + "/v1/chat/completions");
        long start = System.nanoTime();
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            answers.add(http.sendAsync(
                    HttpRequest.newBuilder(uri)
                            .POST(HttpRequest.BodyPublishers.ofString("{\"round\":" + round + ",\"call\":" + i + "}"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString()));
        }
        while (asked.size() + answers.stream().filter(CompletableFuture::isDone).count() < calls
                && System.nanoTime() - start < PATIENCE_NANOS) {
            Thread.sleep(20);
        }
        double arrived = (System.nanoTime() - start) / 1e9;
        for (HttpServerExchange call = asked.poll(); call != null; call = asked.poll()) {
            call.getResponseSender().send("{}");
        }
        int lost = 0;
        for (CompletableFuture<HttpResponse<String>> answer : answers) {
            lost += answer.handle((response, failure) -> failure == null && response.statusCode() == 200)
                            .join()
                    ? 0
                    : 1;
        }
        double done = (System.nanoTime() - start) / 1e9;
        if (round > 0) {
            peer.seconds().add(done);
        }
        failed += lost;
        System.out.printf(
                Locale.ROOT,
                "%-8d %-8s %9.1f %9.1f %9.1f %12d %7d%n",
                round,
                peer.name(),
                arrived,
                done,
                peer.processorTime().get().minus(before).toMillis() / 1000.0,
                connections.size(),
                lost);
        if (lost > 0 && peer.name().equals("nginx")) {
            System.out.println(nginx.errors());
        }
        connections.forEach(IoUtils::safeClose);
        connections.clear();
    }

    /** Prints the ratio of medians. */
    private void compare() {
        double[] medians = new double[peers.size()];
        for (int i = 0; i < medians.length; i++) {
            double[] sorted = peers.get(i).seconds().stream()
                    .mapToDouble(Double::doubleValue)
                    .sorted()
                    .toArray();
            medians[i] = sorted[sorted.length / 2];
        }
        System.out.printf(
                Locale.ROOT,
                "medians %s; Refrain takes %.2f times as long as nginx%n",
                Arrays.toString(medians),
                medians[1] / medians[0]);
    }

    @Override
    public void close() throws IOException {
        refrain.close();
        nginx.close();
        provider.close();
    }
}
