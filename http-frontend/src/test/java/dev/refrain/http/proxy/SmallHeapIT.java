package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The jar in a process with a heap of 64 MiB, which ends at the first OutOfMemoryError: the longest values of all
 * fields, many long answers at once, and clients that read nothing. Other clients send ordinary requests all the time,
 * and are answered each time.
 *
 * <p>Long, since two ordinary clients observe all floods.
 *
 * <p>{@code -Drefrain.smallheap=N} makes each flood N times as large; the numbers in the comments below are for 10.
 */
class SmallHeapIT {
    private static final int SCALE = Integer.getInteger("refrain.smallheap", 1);
    private static final int VALUES = 500 * SCALE;
    private static final int LONG_ANSWERS = 20 * SCALE;
    private static final int STALLED = 200 * SCALE;

    private static final int LONG_ANSWER = 16 << 20;
    private static final int LONGEST_WAIT_MILLIS = 15_000;
    private static final String PATH = "/v1/chat/completions";
    private static final String ANSWER =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":"
                    + "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"yes\"},"
                    + "\"finish_reason\":\"stop\"}]}";

    /**
     * A well-behaved client during the flood. It has had an answer over its connection before the others come: in the
     * first 2 s of a connection, a client cannot be told from a flood (docs/HTTP.md, Memory).
     */
    private static final class Pinger implements AutoCloseable {
        private final RunningJar jar;
        private final ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
        private final AtomicInteger answered = new AtomicInteger();
        private final AtomicInteger refused = new AtomicInteger();
        private final AtomicLong longestMillis = new AtomicLong();
        /** Not shared with the clients that read much. */
        private final HttpClient http =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

        private volatile boolean over;
        private final Thread thread = new Thread(this::run);
        /**
         * Opens a new connection for each request, so that no answer has been sent on it before. Some of these requests
         * may get a 503, but none has to be repeated for long.
         */
        private final Thread newcomer = new Thread(this::comeAnew);

        private final AtomicLong longestUnansweredMillis = new AtomicLong();

        Pinger(RunningJar jar) throws InterruptedException {
            this.jar = jar;
            thread.start();
            askMore(1);
            newcomer.start();
        }

        private void comeAnew() {
            long answeredNanos = System.nanoTime();
            for (int i = 0; !over; i++) {
                String body = "{\"new\":" + i / 2 + "}";
                try (RawClient client = new RawClient(jar.port())) {
                    client.send("POST " + PATH + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Length: "
                            + body.length() + "\r\n\r\n" + body);
                    String got = client.readResponse();
                    if (got.startsWith("HTTP/1.1 200 ")) {
                        answeredNanos = System.nanoTime();
                    } else if (!got.isEmpty() && !(got.startsWith("HTTP/1.1 503 ") && got.contains("Retry-After: "))) {
                        wrong.add("newcomer " + i + " " + got);
                    }
                } catch (IOException closed) {
                    // Refused: there is no room for it.
                }
                longestUnansweredMillis.accumulateAndGet(
                        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - answeredNanos), Math::max);
                try {
                    Thread.sleep(100); // the client's pace; no assertion depends on it
                } catch (InterruptedException e) {
                    return;
                }
            }
        }

        private void run() {
            for (int i = 0; !over; i++) {
                try {
                    long before = System.nanoTime();
                    // Every second request is a hit.
                    HttpResponse<String> got = http.send(
                            jar.post(PATH, "{\"ping\":" + i / 2 + "}")
                                    .setHeader("X-OpenRouter-Cache", "true")
                                    .timeout(Duration.ofSeconds(15))
                                    .build(),
                            BodyHandlers.ofString());
                    boolean isRefused = got.statusCode() == 503
                            && got.headers().firstValue("Retry-After").isPresent();
                    (isRefused ? refused : answered).incrementAndGet();
                    if (!isRefused && got.statusCode() != 200) {
                        wrong.add(got.statusCode() + " " + got.body());
                    }
                    longestMillis.accumulateAndGet(
                            TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before), Math::max);
                    Thread.sleep(20); // the client's pace; no assertion depends on it
                } catch (IOException e) {
                    wrong.add("ping " + i + " " + e);
                } catch (InterruptedException e) {
                    return;
                }
            }
        }

        /**
         * Goes on until that many more requests are answered, or one fails. Meanwhile the proxy cuts clients that make
         * no progress.
         */
        void askMore(int times) throws InterruptedException {
            int enough = answered.get() + times;
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (answered.get() < enough && refused.get() == 0 && wrong.isEmpty() && System.nanoTime() < deadline) {
                Thread.sleep(20);
            }
        }

        @Override
        public void close() {
            over = true;
            try {
                thread.join(20_000);
                newcomer.join(30_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @TempDir
    private Path folder;

    private static ScriptedProvider provider() throws IOException {
        ScriptedProvider provider = new ScriptedProvider();
        return provider.does((exchange, request) -> {
            // Otherwise the provider would keep all requests in memory.
            provider.received().clear();
            if (request.body().contains("\"long\"")) {
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                exchange.sendResponseHeaders(200, LONG_ANSWER);
                OutputStream out = exchange.getResponseBody();
                byte[] begin =
                        (ANSWER.substring(0, ANSWER.length() - 1) + ",\"x\":\"").getBytes(StandardCharsets.UTF_8);
                out.write(begin);
                byte[] piece = "x".repeat(64 * 1024).getBytes(StandardCharsets.UTF_8);
                int left = LONG_ANSWER - begin.length - 2;
                while (left > 0) {
                    out.write(piece, 0, Math.min(left, piece.length));
                    left -= Math.min(left, piece.length);
                }
                out.write("\"}".getBytes(StandardCharsets.UTF_8));
            } else {
                ScriptedProvider.json(exchange, 200, ANSWER);
            }
        });
    }

    private static RunningJar start(Path folder, URI upstream, String... flags) throws IOException {
        List<String> jvm = new ArrayList<>(RunningJar.QUIET);
        jvm.addAll(List.of("-Xmx64m", "-XX:+ExitOnOutOfMemoryError"));
        return RunningJar.start(jvm, folder, upstream, flags);
    }

    private void check(RunningJar jar, Pinger pinger) {
        pinger.close();
        // The process ends at the first OutOfMemoryError.
        assertThat(jar.isAlive()).isTrue();
        assertThat(jar.err()).doesNotContain("OutOfMemory");
        assertThat(jar.cached(PATH, "{\"after\":1}").statusCode()).isEqualTo(200);
        assertThat(pinger.wrong).isEmpty();
        assertThat(pinger.answered.get())
                .as("%s answered, %s refused", pinger.answered, pinger.refused)
                .isGreaterThan(20);
        assertThat(pinger.refused.get())
                .as("refused requests, while %s were answered", pinger.answered)
                .isZero();
        assertThat(pinger.longestMillis.get()).as("the longest wait, in ms").isLessThan(LONGEST_WAIT_MILLIS);
        assertThat(pinger.longestUnansweredMillis.get())
                .as("the longest time in which no new client was answered, in ms")
                .isLessThan(LONGEST_WAIT_MILLIS);
    }

    /** Each field has its maximum length, with many different values. */
    @Test
    @Timeout(300)
    void f16_f17_theLongestValueOfEveryField() throws Exception {
        try (ScriptedProvider provider = provider();
                RunningJar jar = start(folder, provider.base())) {
            try (Pinger pinger = new Pinger(jar)) {
                ExecutorService clients = Executors.newFixedThreadPool(8);
                HttpClient http = HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .build();
                ConcurrentLinkedQueue<Integer> statuses = new ConcurrentLinkedQueue<>();
                String head = "h".repeat(12_000);
                String name = "n".repeat(60_000);
                for (int i = 0; i < VALUES; i++) {
                    int n = i;
                    clients.execute(() -> {
                        HttpRequest.Builder request = request(jar, n, head, name);
                        try {
                            statuses.add(http.send(request.build(), BodyHandlers.ofString())
                                    .statusCode());
                        } catch (IOException e) {
                            // A head that is too long is answered, or its connection is closed.
                            statuses.add(0);
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                    });
                }
                clients.shutdown();
                assertThat(clients.awaitTermination(200, TimeUnit.SECONDS)).isTrue();
                assertThat(statuses).hasSize(VALUES).contains(200);
                // F16: models of megabytes, one after the other.
                for (int i = 0; i < 5 * SCALE; i++) {
                    jar.cached(
                            PATH,
                            "{\"model\":\"" + i + "m".repeat(4_000_000) + "\"}",
                            "Cache-Control",
                            "only-if-cached");
                }
                check(jar, pinger);
            }
        }
    }

    private static HttpRequest.Builder request(RunningJar jar, int n, String head, String name) {
        String value = n + head;
        return switch (n % 12) {
            case 0 ->
                jar.post(PATH, "{\"n\":1}", "Authorization", "Bearer " + value).setHeader("X-OpenRouter-Cache", "true");
            case 1 -> jar.post(PATH, "{\"model\":\"" + n + name + "\"}").setHeader("X-OpenRouter-Cache", "true");
            case 2 -> jar.post(PATH, "{\"preset\":\"" + n + name + "\"}").setHeader("X-OpenRouter-Cache", "true");
            case 3 -> jar.post(PATH + "?q=" + value, "{\"n\":1}").setHeader("X-OpenRouter-Cache", "true");
            case 4 -> jar.post("/v1/" + value, "{\"n\":1}");
            case 5 ->
                jar.post(PATH, "{\"n\":1}", "X-Title", value, "X-Generation-Id", value)
                        .setHeader("X-OpenRouter-Cache", "true");
            case 6 -> HttpRequest.newBuilder(jar.uri("/v1/generation?id=" + value));
            case 7 ->
                jar.post("/v1/responses", "{\"model\":\"m\",\"previous_response_id\":\"" + n + name + "\"}")
                        .setHeader("X-OpenRouter-Cache", "true");
            case 8 ->
                jar.post(
                                PATH,
                                "{\"n\":1}",
                                "X-Refrain-Namespace",
                                (n + head).substring(0, 64),
                                "X-Refrain-Sample",
                                "9999")
                        .setHeader("X-OpenRouter-Cache", "true");
            case 9 ->
                jar.post(PATH, "{\"stream\":true}", "X-Refrain-Replay", value, "X-Refrain-Samples", "100")
                        .setHeader("X-OpenRouter-Cache", "true");
            // The provider's answer has no embeddings, but each item counts as a call that others may join.
            case 10 ->
                jar.post("/v1/embeddings", "{\"model\":\"m\",\"input\":[" + items(n) + "]}")
                        .setHeader("X-OpenRouter-Cache", "true");
            default ->
                jar.post("/v1/messages", "{\"model\":\"m\",\"thread\":{\"previous_message_id\":\"" + n + name + "\"}}")
                        .setHeader("X-OpenRouter-Cache", "true");
        };
    }

    private static String items(int n) {
        return IntStream.range(0, 2048).mapToObj(i -> "\"" + n + " " + i + "\"").collect(Collectors.joining(","));
    }

    /** Keys that are not allowed, and requests that are not recorded. */
    @Test
    @Timeout(300)
    void refusedKeysAndRequestsThatAreNotRecorded() throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest("sk-test".getBytes(StandardCharsets.UTF_8));
        Path config = Files.writeString(
                folder.resolve("cassettes.yaml"),
                "access: {keys: %s}\ncassettes: %s\n"
                        .formatted(
                                HexFormat.of().formatHex(digest), Files.createDirectory(folder.resolve("recorded"))));
        String head = "h".repeat(12_000);
        String name = "n".repeat(60_000);
        try (ScriptedProvider provider = provider();
                RunningJar jar = start(folder, provider.base(), "--config", config.toString())) {
            for (int i = 0; i < VALUES / 2; i++) {
                assertThat(jar.send(jar.post(PATH, "{\"n\":1}", "Authorization", "Bearer " + i + head))
                                .statusCode())
                        .isEqualTo(401);
                HttpResponse<String> missing =
                        jar.send(jar.post(PATH, "{\"model\":\"" + i + name + "\"}", "Authorization", "Bearer sk-test"));
                assertThat(missing.statusCode()).isEqualTo(504);
            }
            assertThat(jar.isAlive()).isTrue();
            assertThat(jar.err()).doesNotContain("OutOfMemory");
        }
    }

    /** Unfinished heads, with many fields and with one, and whole heads with unfinished bodies. */
    @Test
    @Timeout(300)
    void unfinishedHeadsAndBodies() throws Exception {
        List<RawClient> clients = new ArrayList<>();
        String begin = "POST " + PATH + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n";
        StringBuilder fields = new StringBuilder();
        for (int i = 0; i < 150; i++) {
            fields.append("X-Field-")
                    .append(i)
                    .append(": ")
                    .append("v".repeat(66))
                    .append("\r\n");
        }
        try (ScriptedProvider provider = provider();
                RunningJar jar = start(folder, provider.base())) {
            try (Pinger pinger = new Pinger(jar)) {
                for (int i = 0; i < 300; i++) {
                    RawClient admin = RawClient.ofAdmin(jar.admin().getPort());
                    clients.add(admin);
                    admin.send("GET /healthz HTTP/1.1\r\nHost: x\r\n" + fields);
                }
                for (int i = 0; i < 1000 + 200 * SCALE; i++) {
                    RawClient client = new RawClient(jar.port());
                    clients.add(client);
                    try {
                        client.send(
                                switch (i % 3) {
                                    case 0 -> begin + fields;
                                    case 1 -> begin + "X-Long: " + i + "v".repeat(14_000);
                                    default -> begin + fields + "Content-Length: 1000\r\n\r\n{\"a\":";
                                });
                    } catch (IOException closed) {
                        // Refused: there is no room for it.
                    }
                }
                pinger.askMore(80);
                check(jar, pinger);
            }
        } finally {
            closeAll(clients);
        }
    }

    private static void closeAll(List<RawClient> clients) throws IOException {
        for (RawClient client : clients) {
            client.close();
        }
    }

    /** Connections that stay open after a request with a long field. */
    @Test
    @Timeout(300)
    void connectionsKeepNothingOfTheirLastRequest() throws Exception {
        List<RawClient> clients = new ArrayList<>();
        try (ScriptedProvider provider = provider();
                RunningJar jar = start(folder, provider.base())) {
            try (Pinger pinger = new Pinger(jar)) {
                String value = "v".repeat(14_000);
                for (int i = 0; i < 3000; i++) {
                    RawClient client = new RawClient(jar.port());
                    clients.add(client);
                    client.send("GET /v2/" + i + value + " HTTP/1.1\r\nHost: x\r\n\r\n");
                    assertThat(client.readResponse()).startsWith("HTTP/1.1 404");
                }
                check(jar, pinger);
            }
        } finally {
            closeAll(clients);
        }
    }

    @Test
    @Timeout(300)
    void f56_longAnswersAtOnceAndClientsThatReadNothing() throws Exception {
        List<RawClient> stalled = new ArrayList<>();
        try (ScriptedProvider provider = provider();
                RunningJar jar = start(folder, provider.base())) {
            try (Pinger pinger = new Pinger(jar)) {
                AtomicInteger whole = new AtomicInteger();
                AtomicInteger refused = new AtomicInteger();
                ConcurrentLinkedQueue<String> broken = new ConcurrentLinkedQueue<>();
                CountDownLatch done = new CountDownLatch(LONG_ANSWERS);
                for (int i = 0; i < LONG_ANSWERS; i++) {
                    String body = "{\"long\":" + i + "}";
                    Thread client = new Thread(() -> {
                        try {
                            HttpResponse<Long> got = jar.send(
                                    jar.post(PATH, body).setHeader("X-OpenRouter-Cache", "true"),
                                    info -> java.net.http.HttpResponse.BodySubscribers.mapping(
                                            java.net.http.HttpResponse.BodySubscribers.ofInputStream(),
                                            SmallHeapIT::count));
                            (got.statusCode() == 503 ? refused : whole)
                                    .addAndGet(got.statusCode() == 503 || got.body() == LONG_ANSWER ? 1 : 0);
                        } catch (RuntimeException e) {
                            // Cut, or refused before the request was read.
                            broken.add(String.valueOf(e.getCause()));
                        } finally {
                            done.countDown();
                        }
                    });
                    client.setDaemon(true);
                    client.start();
                }
                for (int i = 0; i < STALLED; i++) {
                    RawClient client = RawClient.slow(jar.port());
                    stalled.add(client);
                    String body = "{\"long\":" + i % 100 + ",\"stalled\":" + i + "}";
                    client.send("POST " + PATH + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Length: "
                            + body.length() + "\r\n\r\n" + body);
                }
                assertThat(done.await(200, TimeUnit.SECONDS)).isTrue();
                assertThat(jar.isAlive()).as("the process is alive").isTrue();
                assertThat(whole.get())
                        .as("%s refused, broken: %s; %s", refused, broken, jar.err())
                        .isPositive();
                pinger.askMore(60);
                check(jar, pinger);
            }
        } finally {
            closeAll(stalled);
        }
    }

    private static long count(java.io.InputStream in) {
        try (in) {
            return in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
