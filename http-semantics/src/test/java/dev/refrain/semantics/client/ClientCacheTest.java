package dev.refrain.semantics.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.policy.Policy;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Requests whose heads the client cache has seen before, and executors that refuse tasks.
 *
 * <p>Long, since all tests use the same kind of request.
 */
class ClientCacheTest {
    private static final String ANSWER =
            "{\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},"
                    + "\"finish_reason\":\"stop\"}]}";

    /** The heads of the requests that the provider got. */
    private final List<String> called = new ArrayList<>();

    private final AtomicInteger threads = new AtomicInteger();
    private ResponseCache cache;
    private ClientCache client;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.onHeap(4 << 20).open();
        client = ClientCache.of(
                cache,
                RefrainOptions.builder()
                        .executor(task -> {
                            threads.incrementAndGet();
                            task.run();
                        })
                        .build());
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private class Request implements ClientRequest, RequestFields {
        private final String path;
        private final TreeMap<String, List<String>> fields = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        private final boolean isKnown;

        Request(boolean isKnown, String path, String... headers) {
            this.isKnown = isKnown;
            this.path = path;
            for (int i = 0; i < headers.length; i += 2) {
                fields.put(headers[i], List.of(headers[i + 1]));
            }
        }

        @Override
        public boolean digest(HeadDigest head) {
            if (isKnown) {
                head.add(path);
                fields.forEach((name, lines) -> head.add(name).addAll(lines));
            }
            return isKnown;
        }

        @Override
        public String method() {
            return "POST";
        }

        @Override
        public RequestUrl url() {
            return RequestUrl.of("https://h" + path);
        }

        @Override
        public RequestFields fields() {
            return this;
        }

        @Override
        public String first(String name) {
            return fields.containsKey(name) ? fields.get(name).get(0) : null;
        }

        @Override
        public List<String> all(String name) {
            return fields.get(name);
        }

        @Override
        public void forEach(BiConsumer<String, List<String>> action) {
            fields.forEach(action);
        }

        @Override
        public byte[] body(int limit) {
            return "{}".getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public ProviderAnswer send(byte[] changed) {
            String whose = path + fields;
            called.add(whose);
            byte[] bytes = ANSWER.formatted(called.size()).getBytes(StandardCharsets.UTF_8);
            return new ProviderAnswer(
                    200,
                    Map.of(
                            "Content-Type",
                            List.of("application/json"),
                            "Content-Length",
                            List.of(Integer.toString(bytes.length))),
                    new ByteArrayInputStream(bytes));
        }
    }

    /** The body might have turned caching on, but cannot be parsed. */
    @Test
    void anUnreadableBodyIsPassedOnIfItsHeadDoesNotTurnCachingOn() throws IOException {
        Policy byModel =
                Policy.builder("any model").model("*").cache(Policy.Caching.ON).build();
        RefrainOptions options = RefrainOptions.builder()
                .on(false)
                .policies(byModel)
                .executor(Runnable::run)
                .build();
        String[] headers = {"Authorization", "Bearer k", "Content-Encoding", "br"};
        try (ClientAnswer answer =
                ClientCache.of(cache, options).execute(new Request(true, "/v1/chat/completions", headers))) {
            assertThat(answer.body().readAllBytes()).isNotEmpty();
            assertThat(answer.field("X-OpenRouter-Cache-Status")).isNull();
        }
        assertThat(called).hasSize(1);
    }

    private static List<String[]> different() {
        List<String[]> different = new ArrayList<>();
        for (String[] more : new String[][] {
            {},
            {"X-Refrain-Namespace", "n"},
            {"X-Refrain-Sample", "1"},
            {"anthropic-version", "2023-06-01"},
            {"anthropic-version", "2023-01-01"},
            {"x-api-key", "k"}
        }) {
            for (String key : List.of("a", "b")) {
                List<String> headers = new ArrayList<>(List.of("Authorization", "Bearer " + key));
                headers.addAll(List.of(more));
                different.add(headers.toArray(String[]::new));
            }
        }
        return different;
    }

    /** More different heads than the cache keeps are sent again and again. Each request gets its own answer. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void requestsWithDifferentHeadsGetTheirOwnAnswers(boolean isKnown) throws IOException {
        List<String> answers = new ArrayList<>();
        for (int round = 0; round < 3; round++) {
            List<String> these = new ArrayList<>();
            for (String path : List.of("/v1/chat/completions", "/v2/chat/completions")) {
                for (String[] headers : different()) {
                    // Twice, so that the second request finds the first one's head.
                    for (int i = 0; i < 2; i++) {
                        try (ClientAnswer answer = client.execute(new Request(isKnown, path, headers))) {
                            String body = new String(answer.body().readAllBytes(), StandardCharsets.UTF_8);
                            these.add(body.replaceAll("\"id\":\"[^\"]*\"", ""));
                        }
                    }
                }
            }
            assertThat(these).as("round %s", round).isEqualTo(answers.isEmpty() ? these : answers);
            answers = these;
        }
        assertThat(called).doesNotHaveDuplicates().hasSize(2 * different().size());
        assertThat(answers.stream().distinct()).hasSize(2 * different().size());
    }

    @Test
    void directivesApplyOnlyToTheirOwnHead() throws IOException {
        String[] key = {"Authorization", "Bearer a"};
        String[] off = {"Authorization", "Bearer a", "X-OpenRouter-Cache", "false"};
        String[] fresh = {"Authorization", "Bearer a", "Cache-Control", "no-cache"};
        for (int i = 0; i < 2; i++) {
            client.execute(new Request(true, "/v1/chat/completions", key)).close();
            assertThat(client.execute(new Request(true, "/v1/chat/completions", off)))
                    .isNull();
            client.execute(new Request(true, "/v1/chat/completions", fresh)).close();
            assertThat(client.execute(new Request(true, "/v1/models", key))).isNull();
        }
        assertThat(called).hasSize(3);
    }

    @Test
    void aHitCostsNoThread() throws Exception {
        String[] key = {"Authorization", "Bearer a"};
        client.execute(new Request(true, "/v1/chat/completions", key)).close();
        int before = threads.get();
        assertThat(before).isPositive();
        assertThat(client.execute(new Request(true, "/v1/chat/completions", key))
                        .field("X-OpenRouter-Cache-Status"))
                .isEqualTo("HIT");
        assertThat(client.executeAsync(new Request(true, "/v1/chat/completions", key)))
                .isDone();
        assertThat(threads).hasValue(before);
    }

    /** Wire rule W81: the log hears of the policy, too. */
    @Test
    void w81_theLogNamesThePolicyOfEachRequest() throws IOException {
        List<String> names = new ArrayList<>();
        Policy turns = Policy.builder("turns").maxTurns(1).build();
        ClientCache logged = ClientCache.of(
                cache,
                RefrainOptions.builder()
                        .executor(Runnable::run)
                        .policies(turns)
                        .log((endpoint, caller) -> new RequestRecord() {
                            @Override
                            public void policy(String name) {
                                names.add(name);
                            }

                            @Override
                            public String cost(Savings savings) {
                                return null;
                            }
                        })
                        .build());
        String[] key = {"Authorization", "Bearer a"};
        for (int i = 0; i < 2; i++) {
            logged.execute(new Request(true, "/v1/chat/completions", key)).close();
        }
        assertThat(names).containsExactly("turns", "turns");
    }

    /** Wire rule W61. Caching is off by the request's header, by the options, or by a policy for the endpoint. */
    @Test
    void w61_theLogHearsOfRequestsForWhichCachingIsOff() throws IOException {
        List<String> heard = new ArrayList<>();
        RequestLog log = (endpoint, caller) -> new RequestRecord() {
            @Override
            public void policy(String name) {
                heard.add(endpoint.id() + ", policy " + name);
            }

            @Override
            public void head(int status, String generationId, CacheOutcome outcome) {
                heard.add(status + " " + outcome);
            }

            @Override
            public void wrote(long count) {
                heard.add(count > 0 ? "bytes" : "nothing");
            }

            @Override
            public void served(boolean broken) {
                heard.add(broken ? "broken" : "served");
            }

            @Override
            public String cost(Savings savings) {
                return null;
            }
        };
        RefrainOptions.Builder options =
                RefrainOptions.builder().executor(Runnable::run).log(log);
        String path = "/v1/chat/completions";
        ClientCache on = ClientCache.of(cache, options.build());
        ClientCache off = ClientCache.of(cache, options.on(false).build());
        Policy never = Policy.builder("never").cache(Policy.Caching.NEVER).build();
        ClientCache forbidden =
                ClientCache.of(cache, options.on(true).policies(never).build());
        assertPassesBy(on, new Request(true, path, "Authorization", "Bearer a", "X-OpenRouter-Cache", "false"));
        assertPassesBy(off, new Request(true, path, "Authorization", "Bearer a"));
        // The same without a credential, when nothing is cached in any case.
        assertPassesBy(off, new Request(true, path));
        assertPassesBy(forbidden, new Request(true, path, "Authorization", "Bearer a"));
        List<String> each = List.of("200 null", "bytes", "served");
        assertThat(heard)
                .filteredOn(line -> !line.startsWith("chat"))
                .containsExactlyElementsOf(
                        Stream.of(each, each, each, each).flatMap(List::stream).toList());
        assertThat(heard)
                .filteredOn(line -> line.startsWith("chat"))
                .containsExactly("chat, policy null", "chat, policy null", "chat, policy null", "chat, policy never");
        assertThat(called).hasSize(4);
        // Requests outside the endpoints are not logged.
        assertThat(on.execute(new Request(true, "/v1/models", "Authorization", "Bearer a")))
                .isNull();
        assertThat(cache.admin().memory().usedBytes()).isZero();
    }

    private static void assertPassesBy(ClientCache asked, Request request) throws IOException {
        try (ClientAnswer answer = asked.execute(request)) {
            assertThat(new String(answer.body().readAllBytes(), StandardCharsets.UTF_8))
                    .contains("chatcmpl-1");
            assertThat(answer.field("X-OpenRouter-Cache-Status")).isNull();
            assertThat(answer.field("Cache-Status")).isNull();
        }
    }

    /** A follower whose executor refuses tasks hears of its time limit on another thread. */
    @Test
    void aTimeoutIsReportedEvenIfTheExecutorRefusesTasks() throws Exception {
        Queue<Runnable> calls = new ConcurrentLinkedQueue<>();
        AtomicBoolean isShut = new AtomicBoolean();
        ClientCache joined = ClientCache.of(
                cache,
                RefrainOptions.builder()
                        .executor(task -> {
                            if (isShut.get()) {
                                throw new RejectedExecutionException("shut down");
                            }
                            calls.add(task);
                        })
                        .build());
        String[] key = {"Authorization", "Bearer a"};
        CompletableFuture<ClientAnswer> leader = joined.executeAsync(new Request(true, "/v1/chat/completions", key));
        CompletableFuture<ClientAnswer> follower = joined.executeAsync(new Request(true, "/v1/chat/completions", key) {
            @Override
            public Duration timeout() {
                return Duration.ofMillis(50);
            }
        });
        isShut.set(true);
        assertThatThrownBy(() -> follower.get(20, TimeUnit.SECONDS)).hasCauseInstanceOf(InterruptedIOException.class);
        isShut.set(false);
        // Runs the call, and tasks that pass its answer on, perhaps to the follower.
        for (Runnable task = calls.remove(); task != null; task = calls.poll()) {
            task.run();
        }
        leader.get(20, TimeUnit.SECONDS).close();
        assertThat(called).hasSize(1);
    }

    /**
     * A long answer continues when its reader has taken a part of it. If no thread can continue, the reader is told.
     */
    @Test
    void aReaderIsToldIfTheExecutorRefusesTasks() throws Exception {
        Queue<Runnable> calls = new ConcurrentLinkedQueue<>();
        AtomicBoolean isShut = new AtomicBoolean();
        AtomicBoolean isClosed = new AtomicBoolean();
        ClientCache asked = ClientCache.of(
                cache,
                RefrainOptions.builder()
                        .executor(task -> {
                            if (isShut.get()) {
                                throw new RejectedExecutionException("shut down");
                            }
                            calls.add(task);
                        })
                        .build());
        CompletableFuture<ClientAnswer> begun =
                asked.executeAsync(new Request(true, "/v1/chat/completions", "Authorization", "Bearer a") {
                    @Override
                    public ProviderAnswer send(byte[] changed) {
                        return new ProviderAnswer(
                                200,
                                Map.of("Content-Type", List.of("application/json")),
                                new ByteArrayInputStream(new byte[1 << 20]) {
                                    @Override
                                    public void close() {
                                        isClosed.set(true);
                                    }
                                });
                    }
                });
        for (Runnable task = calls.poll(); task != null; task = calls.poll()) {
            task.run();
        }
        isShut.set(true);
        try (ClientAnswer answer = begun.get(20, TimeUnit.SECONDS)) {
            assertThat(isClosed).isFalse();
            assertThatThrownBy(() -> answer.body().readAllBytes())
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("executor");
            assertThat(isClosed).isTrue();
        }
    }

    /** {@code sk-} and random digits, so that copies can only come from a request. */
    private static String newKey() {
        return "sk-" + UUID.randomUUID();
    }

    private static byte[] backwards(String text) {
        return new StringBuilder(text).reverse().toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Sends a miss and two hits with each key, on a thread that has ended when this returns. */
    private List<byte[]> askWithNewKeys(ClientCache asked) throws InterruptedException {
        List<byte[]> sent = new ArrayList<>();
        Thread asking = new Thread(() -> {
            for (String field : List.of("Authorization", "x-api-key", "Cookie", "x-tenant-token", "?key=")) {
                String key = newKey();
                sent.add(backwards(key));
                String path = "/v1/chat/completions" + (field.startsWith("?") ? field + key : "");
                String value = field.equals("Authorization") ? "Bearer " + key : key;
                for (int i = 0; i < 3; i++) {
                    try {
                        asked.execute(new Request(true, path, field.startsWith("?") ? "Accept" : field, value))
                                .close();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            }
        });
        asking.start();
        asking.join();
        return sent;
    }

    /** Wire rule W15, also for heads that are seen again, and for fields that are part of the key. */
    @Test
    void w15_f17_noCredentialIsOnTheHeapWhenItsRequestHasEnded(@TempDir Path folder) throws Exception {
        ClientCache keyed = ClientCache.of(
                cache,
                RefrainOptions.builder()
                        .executor(Runnable::run)
                        .keyHeaders(FieldNames.parse("x-tenant-token"))
                        .build());
        List<byte[]> sent = askWithNewKeys(keyed);
        assertThat(called).hasSize(5);
        called.clear();
        List<Integer> found = List.of(-1);
        // Tries again, because the garbage collector may not have reached everything.
        for (int i = 0; i < 5 && !found.isEmpty(); i++) {
            Path heap = folder.resolve("heap" + i + ".hprof");
            ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).dumpHeap(heap.toString(), true);
            found = found(heap, sent);
            Files.delete(heap);
        }
        assertThat(found).isEmpty();
    }

    /** The indexes of keys whose text is in the file. The keys are given reversed, so that this test adds no copies. */
    private static List<Integer> found(Path file, List<byte[]> keys) throws IOException {
        List<Integer> found = new ArrayList<>();
        byte[] last = new byte[64];
        long at = 0;
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 20)) {
            for (int b = in.read(); b >= 0; b = in.read(), at++) {
                last[(int) (at % last.length)] = (byte) b;
                for (int key = 0; key < keys.size(); key++) {
                    if (b == keys.get(key)[0] && endsWith(last, at, keys.get(key))) {
                        found.add(key);
                    }
                }
            }
        }
        return found;
    }

    private static boolean endsWith(byte[] last, long at, byte[] backwards) {
        for (int i = 0; i < backwards.length; i++) {
            if (at < i || last[(int) ((at - i) % last.length)] != backwards[i]) {
                return false;
            }
        }
        return true;
    }
}
