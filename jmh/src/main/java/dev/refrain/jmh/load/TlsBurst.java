package dev.refrain.jmh.load;

import dev.refrain.testing.SelfSigned;
import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpServerExchange;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/**
 * Bursts of calls to a provider behind TLS, none of which it answers before all are there:
 * {@code TlsBurst [jar] [calls] [rounds] [heap]}. Each call wants a connection of its own, and between two bursts all
 * are closed. The provider offers HTTP/2, too, for 100 streams on a connection. Ends with status 1 if a call fails.
 */
public final class TlsBurst implements AutoCloseable {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(120);
    /** Longer than the proxy keeps an idle connection. */
    private static final long PAUSE_MILLIS = 6_000;

    private final Queue<HttpServerExchange> asked = new ConcurrentLinkedQueue<>();
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final int calls;
    private final Undertow provider;
    private final ChildProxy proxy;

    private TlsBurst(int calls, Path keys, Path jar, String heap) throws IOException, GeneralSecurityException {
        this.calls = calls;
        provider = Undertow.builder()
                .setServerOption(UndertowOptions.ENABLE_HTTP2, true)
                .setServerOption(UndertowOptions.HTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100)
                .addHttpsListener(0, "127.0.0.1", SelfSigned.context(keys))
                .setHandler(exchange -> exchange.getRequestReceiver().receiveFullBytes((whole, body) -> {
                    whole.dispatch(() -> {}); // so that it does not end here
                    asked.add(whole);
                }))
                .build();
        provider.start();
        int port = ((InetSocketAddress) provider.getListenerInfo().get(0).getAddress()).getPort();
        String trust =
                "-Djavax.net.ssl.trustStore=" + keys + " -Djavax.net.ssl.trustStorePassword=" + SelfSigned.PASSWORD;
        proxy = new ChildProxy(jar, heap, "https://127.0.0.1:" + port + "/v1", Map.of("JAVA_TOOL_OPTIONS", trust));
    }

    /** See the description of the class; the defaults are two bursts of 2,000 calls in 512 MiB. */
    public static void main(String[] args) throws Exception {
        Path jar = Path.of(args.length > 0 ? args[0] : "http-frontend/target/refrain.jar");
        int calls = args.length > 1 ? Integer.parseInt(args[1]) : 2000;
        int rounds = args.length > 2 ? Integer.parseInt(args[2]) : 2;
        String heap = args.length > 3 ? args[3] : "512m";
        Path folder = Files.createTempDirectory("refrain-tls");
        Path keys = folder.resolve("keys.p12");
        int failed = 0;
        try {
            SelfSigned.write(keys);
            try (TlsBurst burst = new TlsBurst(calls, keys, jar, heap)) {
                for (int round = 1; round <= rounds; round++) {
                    failed += burst.run(round);
                    Thread.sleep(PAUSE_MILLIS);
                }
            }
        } finally {
            Files.deleteIfExists(keys);
            Files.delete(folder);
        }
        if (failed > 0) {
            System.exit(1);
        }
    }

    /** Returns how many calls have failed. */
    private int run(int round) throws InterruptedException {
        Duration before = proxy.processorTime();
        long start = System.nanoTime();
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            answers.add(http.sendAsync(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + proxy.port() + "/v1/chat/completions"))
                            .POST(HttpRequest.BodyPublishers.ofString("{\"round\":" + round + ",\"call\":" + i + "}"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString()));
        }
        while (asked.size() + answers.stream().filter(CompletableFuture::isDone).count() < calls
                && System.nanoTime() - start < PATIENCE_NANOS) {
            Thread.sleep(20);
        }
        long arrived = System.nanoTime();
        System.out.printf(
                Locale.ROOT,
                "burst %d: %,d of %,d calls are there after %.1f s; processor time of the proxy %.1f s%n",
                round,
                asked.size(),
                calls,
                (arrived - start) / 1e9,
                proxy.processorTime().minus(before).toMillis() / 1000.0);
        for (HttpServerExchange call = asked.poll(); call != null; call = asked.poll()) {
            call.getResponseSender().send("{}");
        }
        int failed = 0;
        for (CompletableFuture<HttpResponse<String>> answer : answers) {
            failed += answer.handle((response, failure) -> failure == null && response.statusCode() == 200)
                            .join()
                    ? 0
                    : 1;
        }
        System.out.printf(Locale.ROOT, "  failed: %,d%n", failed);
        return failed;
    }

    @Override
    public void close() throws IOException {
        proxy.close();
        provider.stop();
    }
}
