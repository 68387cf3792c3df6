package dev.refrain.jmh.load;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/**
 * Measures misses after a pause, over TLS and a line of 25 ms each way: {@code SparseMisses [jar] [every 100 ms] [every
 * 6 s] [every 30 s] [milliseconds each way]}. The second to fourth arguments are numbers of misses.
 *
 * <p>A call over a new connection takes at least two further round trips. So the goal, that sparse misses cost at most
 * 5 % more than dense ones, can be met only if connections are kept. nginx and Refrain each have a line of their own to
 * the same provider, and are measured at the same time. Exits with 1 if an answer is wrong.
 */
public final class SparseMisses {
    private static final int WARM_UP = 100;
    private static final Duration DENSE = Duration.ofMillis(100);
    private static final Duration SPARSE = Duration.ofSeconds(6);
    private static final Duration RARE = Duration.ofSeconds(30);

    private final String name;
    private final URI uri;
    private final DelayLine line;
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final StringBuilder table = new StringBuilder();
    private int number;
    private double denseMillis;

    private SparseMisses(String name, int port, DelayLine line) {
        this.name = name;
        this.uri = URI.create("http://127.0.0.1:" + port + "/v1/chat/completions");
        this.line = line;
    }

    /** See the description of the class; by default it takes under two minutes. */
    public static void main(String[] args) throws Exception {
        Path jar = Path.of(args.length > 0 ? args[0] : "http-frontend/target/refrain.jar");
        int dense = args.length > 1 ? Integer.parseInt(args[1]) : 50;
        int sparse = args.length > 2 ? Integer.parseInt(args[2]) : 6;
        int rare = args.length > 3 ? Integer.parseInt(args[3]) : 2;
        int oneWay = args.length > 4 ? Integer.parseInt(args[4]) : 25;
        try (TlsProvider provider = new TlsProvider(
                        false,
                        exchange -> exchange.getRequestReceiver()
                                .receiveFullBytes((whole, body) -> whole.getResponseSender()
                                        .send("{\"id\":\"chatcmpl-1\",\"choices\":[{\"finish_reason\":\"stop\"}]}")));
                DelayLine toNginx = new DelayLine(provider.port(), oneWay);
                DelayLine toRefrain = new DelayLine(provider.port(), oneWay);
                ChildNginx nginx = new ChildNginx(toNginx.port(), provider.certificate(), 64);
                ChildProxy refrain = new ChildProxy(
                        jar, "256m", "https://localhost:" + toRefrain.port() + "/v1", provider.trust())) {
            SparseMisses[] both = {
                new SparseMisses("nginx", nginx.port(), toNginx), new SparseMisses("refrain", refrain.port(), toRefrain)
            };
            CompletableFuture<?>[] runs = Arrays.stream(both)
                    .map(one -> CompletableFuture.runAsync(
                            () -> one.run(dense, sparse, rare), task -> new Thread(task, one.name).start()))
                    .toArray(CompletableFuture[]::new);
            CompletableFuture.allOf(runs).join();
            System.out.printf(
                    Locale.ROOT,
                    "a line of %d ms each way; milliseconds; new: connections made to the provider meanwhile%n"
                            + "%-8s %-14s %6s %9s %9s %9s %5s%n",
                    oneWay,
                    "",
                    "a miss every",
                    "misses",
                    "p50",
                    "worst",
                    "to dense",
                    "new");
            for (SparseMisses one : both) {
                System.out.print(one.table);
            }
        }
    }

    private void run(int dense, int sparse, int rare) {
        for (int i = 0; i < WARM_UP; i++) {
            miss();
        }
        measure(DENSE, dense);
        measure(SPARSE, sparse);
        measure(RARE, rare);
    }

    private void measure(Duration every, int count) {
        double[] millis = new double[count];
        int before = line.connections();
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
            long due = start + (i + 1) * every.toNanos();
            for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            millis[i] = miss() / 1e6;
        }
        if (count == 0) {
            return;
        }
        Arrays.sort(millis);
        double median = (millis[(count - 1) / 2] + millis[count / 2]) / 2;
        denseMillis = every.equals(DENSE) ? median : denseMillis;
        table.append(String.format(
                Locale.ROOT,
                "%-8s %-14s %6d %9.1f %9.1f %8.1f%% %5d%n",
                name,
                every.toMillis() + " ms",
                count,
                median,
                millis[count - 1],
                denseMillis == 0 ? Double.NaN : 100 * (median / denseMillis - 1),
                line.connections() - before));
    }

    /** Makes a miss. Returns its time in nanoseconds. */
    private long miss() {
        HttpRequest request = HttpRequest.newBuilder(uri)
                .header("Content-Type", "application/json")
                .header("X-OpenRouter-Cache", "true")
                .POST(HttpRequest.BodyPublishers.ofString("{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
                        + "\"content\":\"question " + number++ + "\"}]}"))
                .build();
        long begin = System.nanoTime();
        HttpResponse<String> answer =
                http.sendAsync(request, HttpResponse.BodyHandlers.ofString()).join();
        long took = System.nanoTime() - begin;
        boolean isHit = answer.headers()
                .firstValue("X-OpenRouter-Cache-Status")
                .orElse("MISS")
                .equals("HIT");
        if (answer.statusCode() != 200 || isHit) {
            throw new IllegalStateException(name + " answered " + answer + " " + answer.body());
        }
        return took;
    }
}
