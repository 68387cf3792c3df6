package dev.refrain.jmh.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Counts the calls to a provider that two proxies save by agreeing on which of them calls. Bursts have 1,000 requests
 * at once, identical or distributed by Zipf's law (exponent 1 over 1,000 prompts), for documents and streams, with
 * {@code shared.coalesce} and without. The provider takes a second. Starts a provider, redis-server, and two proxies
 * with a store each.
 *
 * <pre>java -cp jmh/target/benchmarks.jar dev.refrain.jmh.http.SharedBursts http-frontend/target/refrain.jar</pre>
 */
public final class SharedBursts {
    private static final int REQUESTS = 1_000;
    private static final int PROMPTS = 1_000;
    private static final int EVENTS = 50;
    private static final long CALL_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final Pattern ADDRESS =
            Pattern.compile("Refrain listens on (http://\\S+)/v1,.*?(http://\\S+)/admin/");

    private static final String DOCUMENT = "{\"id\":\"chatcmpl-1\",\"created\":1700000000,\"choices\":[{\"index\":0,"
            + "\"message\":{\"content\":\"" + "word ".repeat(200) + "\"},\"finish_reason\":\"stop\"}],"
            + "\"usage\":{\"total_tokens\":21}}";

    private final AtomicInteger calls = new AtomicInteger();
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .executor(Executors.newFixedThreadPool(4, SharedBursts::daemon))
            .build();
    private final List<Process> processes = new ArrayList<>();
    private final List<URI> proxies = new ArrayList<>();
    private final List<URI> admins = new ArrayList<>();

    private SharedBursts() {}

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Runs all bursts and prints a table.
     *
     * @param arguments the proxy's jar
     */
    public static void main(String[] arguments) throws IOException {
        Path jar = Path.of(arguments.length > 0 ? arguments[0] : "http-frontend/target/refrain.jar");
        System.out.printf(
                "%-10s %-8s %-9s %8s %9s %6s %7s %7s %10s %9s%n",
                "requests",
                "answers",
                "coalesce",
                "prompts",
                "calls",
                "waits",
                "joins",
                "failed",
                "appended",
                "seconds");
        for (boolean coalesce : new boolean[] {false, true}) {
            new SharedBursts().run(jar, coalesce);
        }
    }

    private void run(Path jar, boolean coalesce) throws IOException {
        HttpServer provider = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1_000);
        provider.setExecutor(Executors.newCachedThreadPool(SharedBursts::daemon));
        provider.createContext("/", this::answer);
        provider.start();
        Path folder = Files.createTempDirectory("bursts");
        try {
            int redis = freePort();
            processes.add(new ProcessBuilder("redis-server", "--port", "" + redis, "--save", "", "--bind", "127.0.0.1")
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start());
            Path secret = Files.writeString(folder.resolve("secret"), "a secret of this cluster, not a real one");
            for (int i = 0; i < 2; i++) {
                startProxy(
                        jar,
                        folder.resolve("answers" + i),
                        secret,
                        redis,
                        provider.getAddress().getPort(),
                        coalesce);
            }
            awaitConnected();
            for (boolean streams : new boolean[] {false, true}) {
                burst("identical", streams, coalesce, new int[REQUESTS]);
                burst("zipf", streams, coalesce, zipf());
            }
        } finally {
            processes.forEach(Process::destroyForcibly);
            provider.stop(0);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private void startProxy(Path jar, Path store, Path secret, int redis, int provider, boolean coalesce)
            throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-jar",
                jar.toString(),
                "--port",
                "0",
                "--admin-port",
                "0",
                "--capacity",
                "64MiB",
                "--store",
                store.toString(),
                "--upstream",
                "http://127.0.0.1:" + provider + "/v1");
        builder.environment().put("REFRAIN_SHARED_URI", "redis://127.0.0.1:" + redis);
        builder.environment().put("REFRAIN_SHARED_SECRET_FILE", secret.toString());
        // All programs share one machine, so a lookup may take long, which is not what is measured.
        builder.environment().put("REFRAIN_SHARED_TIMEOUT", "2s");
        builder.environment().put("REFRAIN_SHARED_COALESCE", Boolean.toString(coalesce));
        builder.redirectError(ProcessBuilder.Redirect.DISCARD);
        Process process = builder.start();
        processes.add(process);
        String line = process.inputReader(StandardCharsets.UTF_8).readLine();
        Matcher addresses = ADDRESS.matcher(line == null ? "" : line);
        if (!addresses.find()) {
            throw new IOException("Not a start: " + line);
        }
        proxies.add(URI.create(addresses.group(1) + "/v1/chat/completions"));
        admins.add(URI.create(addresses.group(2) + "/metrics"));
    }

    private void awaitConnected() throws IOException {
        while (sum("refrain_shared_connected") < 2 || sum("refrain_shared_available") < 2) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
    }

    /** The sum of a metric over all proxies. */
    private double sum(String metric) throws IOException {
        double sum = 0;
        for (URI admin : admins) {
            HttpResponse<String> page;
            try {
                page = client.send(HttpRequest.newBuilder(admin).build(), BodyHandlers.ofString());
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            sum += page.body()
                    .lines()
                    .filter(line -> line.startsWith(metric + " "))
                    .mapToDouble(line -> Double.parseDouble(line.substring(metric.length() + 1)))
                    .sum();
        }
        return sum;
    }

    private static int[] zipf() {
        double[] cumulated = new double[PROMPTS];
        double sum = 0;
        for (int rank = 0; rank < PROMPTS; rank++) {
            sum += 1.0 / (rank + 1);
            cumulated[rank] = sum;
        }
        SplittableRandom random = new SplittableRandom(17);
        int[] drawn = new int[REQUESTS];
        for (int i = 0; i < REQUESTS; i++) {
            int found = Arrays.binarySearch(cumulated, random.nextDouble() * sum);
            drawn[i] = Math.min(found >= 0 ? found : -found - 1, PROMPTS - 1);
        }
        return drawn;
    }

    private void burst(String name, boolean streams, boolean coalesce, int[] drawn) throws IOException {
        calls.set(0);
        double waits = sum("refrain_shared_waits_total");
        double joins = sum("refrain_shared_joins_total");
        double appended = sum("refrain_shared_bytes_total{direction=\"appended\"}");
        long began = System.nanoTime();
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        Set<Integer> different = new HashSet<>();
        for (int i = 0; i < drawn.length; i++) {
            different.add(drawn[i]);
            String body = "{\"model\":\"m\",\"stream\":" + streams + ",\"messages\":[{\"role\":\"user\",\"content\":\""
                    + name + ' ' + drawn[i] + "\"}]}";
            answers.add(client.sendAsync(
                    HttpRequest.newBuilder(proxies.get(i % proxies.size()))
                            .header("Authorization", "Bearer sk-burst")
                            .header("X-OpenRouter-Cache", "true")
                            .POST(BodyPublishers.ofString(body))
                            .build(),
                    BodyHandlers.ofString()));
        }
        int failed = 0;
        for (CompletableFuture<HttpResponse<String>> answer : answers) {
            String body = answer.handle((got, failure) -> failure == null ? got.body() : failure.toString())
                    .join();
            if (!body.contains("\"stop\"")) {
                System.out.println("Failed: " + body.substring(Math.max(0, body.length() - 200)));
            }
            failed += body.contains("\"stop\"") ? 0 : 1;
        }
        System.out.printf(
                "%-10s %-8s %-9s %8d %9d %6.0f %7.0f %7d %10.0f %9.1f%n",
                name,
                streams ? "streams" : "bodies",
                coalesce,
                different.size(),
                calls.get(),
                sum("refrain_shared_waits_total") - waits,
                sum("refrain_shared_joins_total") - joins,
                failed,
                sum("refrain_shared_bytes_total{direction=\"appended\"}") - appended,
                (System.nanoTime() - began) / 1e9);
    }

    // ---- the provider

    private void answer(HttpExchange exchange) {
        try (exchange) {
            String request = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            calls.incrementAndGet();
            if (request.contains("\"stream\":true")) {
                stream(exchange);
            } else {
                LockSupport.parkNanos(CALL_NANOS);
                byte[] body = DOCUMENT.getBytes(StandardCharsets.UTF_8);
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                exchange.sendResponseHeaders(200, body.length);
                exchange.getResponseBody().write(body);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void stream(HttpExchange exchange) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        OutputStream out = exchange.getResponseBody();
        for (int i = 1; i <= EVENTS; i++) {
            String event = "data: {\"id\":\"chatcmpl-1\",\"created\":1700000000,\"choices\":[{\"index\":0,\"delta\":"
                    + "{\"content\":\"word \"},\"finish_reason\":" + (i == EVENTS ? "\"stop\"" : "null") + "}]}\n\n";
            out.write(event.getBytes(StandardCharsets.UTF_8));
            out.flush();
            LockSupport.parkNanos(CALL_NANOS / EVENTS);
        }
        out.write("data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8));
    }
}
