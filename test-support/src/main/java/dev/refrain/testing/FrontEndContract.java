package dev.refrain.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.FrontEnd.Reply;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The wire rules that every front-end keeps, both the proxy and front-ends inside a JVM, against a provider over real
 * sockets. Only rules that need no socket on the client's side. Long, since it is one whole contract.
 */
@Timeout(120)
public abstract class FrontEndContract {
    /** Models for which a policy has {@code cache: never}. */
    public static final String NEVER = "secret*";
    /** Models for which a policy caches only requests with a single message of the user. */
    public static final String ONE_TURN = "chatty*";
    /** Header fields that go into the key. */
    public static final String KEY_HEADERS = "anthropic-beta, x-tenant";
    /** A member of chat requests that is not part of the key. */
    public static final String IGNORED = "trace";

    private static final String CHAT = "/chat/completions";
    private static final String REQUEST = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String STREAM_REQUEST = "{\"model\":\"m\",\"stream\":true,\"messages\":[]}";
    private static final String ANSWER = """
            {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "m",
             "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
             "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}}""";
    private static final String[] STREAM = {
        ": PROCESSING\n\n",
        "data: {\"id\":\"chatcmpl-9\",\"created\":1700000000,"
                + "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n",
        "data: {\"id\":\"chatcmpl-9\",\"created\":1700000000,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},"
                + "\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"id\":\"chatcmpl-9\",\"created\":1700000000,\"choices\":[],\"usage\":{\"total_tokens\":21}}\n\n",
        "data: [DONE]\n\n"
    };

    private static final String STATUS = "X-OpenRouter-Cache-Status";
    private static final String ON = "X-OpenRouter-Cache";
    private static final int MANY = 20;
    private static final long PATIENCE_SECONDS = 60;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private ScriptedProvider provider;
    private FrontEnd frontEnd;

    /**
     * A front-end with a new cache in front of a provider, with the policies and key rules that the constants describe.
     *
     * @param base the URL before {@code /chat/completions}
     */
    protected abstract FrontEnd open(URI base) throws IOException;

    /** Whether the client library shows the header of an unsuccessful answer. */
    protected boolean showsHeadersOfErrors() {
        return true;
    }

    @BeforeEach
    void openBoth() throws IOException {
        provider = new ScriptedProvider();
        provider.does((exchange, request) -> {
            if (request.body().contains("\"stream\":true")) {
                ScriptedProvider.stream(exchange, STREAM);
            } else {
                ScriptedProvider.json(exchange, 200, ANSWER);
            }
        });
        frontEnd = open(provider.base());
    }

    @AfterEach
    void closeBoth() {
        // All memory that was reserved must be released in the end, whatever the test has done.
        Await.until(() -> frontEnd.heldBytes() == 0);
        frontEnd.close();
        provider.close();
        threads.shutdownNow();
    }

    private Reply ask(String path, String body, String... headers) throws IOException {
        List<String> all = new ArrayList<>(List.of(ON, "true", "Authorization", "Bearer sk-test"));
        for (int i = 0; i < headers.length; i += 2) {
            int at = all.indexOf(headers[i]);
            if (at >= 0) {
                all.set(at + 1, headers[i + 1]);
            } else {
                all.addAll(List.of(headers[i], headers[i + 1]));
            }
        }
        return frontEnd.send(path, body, all.toArray(String[]::new));
    }

    /**
     * Repeats a request until it no longer joins the earlier call. A client may have read a whole answer before its
     * call has ended.
     */
    private Reply askAfterTheCall(String path, String body) throws IOException {
        Reply reply = ask(path, body);
        while (String.valueOf(reply.only("Cache-Status")).contains("collapsed")) {
            reply.close();
            reply = ask(path, body);
        }
        return reply;
    }

    private static <T> T within(CompletableFuture<T> future) throws Exception {
        return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private static void acquire(Semaphore permits) throws InterruptedException {
        assertThat(permits.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    }

    /** Reads until a text has come, and returns all that was read. */
    private static String readUntil(InputStream in, String text) throws IOException {
        StringBuilder read = new StringBuilder();
        while (read.indexOf(text) < 0) {
            int next = in.read();
            assertThat(next).as("the answer ended after " + read).isNotNegative();
            read.append((char) next);
        }
        return read.toString();
    }

    // ---- miss and hit

    @Test
    void w23_aBodyIsAMissToTheByteAndThenAHit() throws IOException {
        try (Reply miss = ask(CHAT, REQUEST)) {
            assertThat(miss.status()).isEqualTo(200);
            assertThat(miss.only(STATUS)).isEqualTo("MISS");
            assertThat(miss.only("X-OpenRouter-Cache-TTL")).isEqualTo("300");
            assertThat(miss.only("X-Generation-Id")).isEqualTo("chatcmpl-1");
            assertThat(miss.only("Cache-Status")).startsWith("refrain; fwd=miss; stored");
            assertThat(miss.text()).isEqualTo(ANSWER);
        }
        try (Reply hit = ask(CHAT, REQUEST)) {
            assertThat(hit.only(STATUS)).isEqualTo("HIT");
            assertThat(hit.only("X-OpenRouter-Cache-Source-Id")).isEqualTo("chatcmpl-1");
            assertThat(hit.only("Cache-Status")).startsWith("refrain; hit; ttl=");
            assertThat(hit.only("Content-Type")).startsWith("application/json");
            assertThat(hit.only("X-Refrain-Saved-Tokens")).isEqualTo("21");
            String id = hit.only("X-Generation-Id");
            assertThat(id).startsWith("gen-");
            String text = hit.text();
            assertThat(text).contains("\"" + id + "\"", "\"total_tokens\": 0", "Hello");
            assertThat(text.replace(id, "chatcmpl-1").replaceAll("\"created\": \\d+", "\"created\": 1700000000"))
                    .isEqualTo(ANSWER.replaceAll("_tokens\": \\d+", "_tokens\": 0"));
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w25_aStreamIsAMissToTheByteAndThenAHit() throws IOException {
        try (Reply miss = ask(CHAT, STREAM_REQUEST)) {
            assertThat(miss.only(STATUS)).isEqualTo("MISS");
            assertThat(miss.text()).isEqualTo(String.join("", STREAM));
        }
        try (Reply hit = ask(CHAT, STREAM_REQUEST)) {
            assertThat(hit.only(STATUS)).isEqualTo("HIT");
            assertThat(hit.only("Content-Type")).startsWith("text/event-stream");
            assertThat(hit.only("X-Accel-Buffering")).isEqualTo("no");
            String id = hit.only("X-Generation-Id");
            assertThat(hit.text().replace(id, "chatcmpl-9").replaceAll("\"created\":\\d+", "\"created\":1700000000"))
                    .isEqualTo(String.join("", STREAM).replace(STREAM[0], "").replace(":21", ":0"));
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w87_aStreamIsReplayedAtTheRequestedPace() throws IOException {
        ask(CHAT, STREAM_REQUEST).text();
        String instant = ask(CHAT, STREAM_REQUEST).text();
        long start = System.nanoTime();
        try (Reply paced = ask(CHAT, STREAM_REQUEST, "X-Refrain-Replay", "20tps")) {
            assertThat(paced.only(STATUS)).isEqualTo("HIT");
            String text = paced.text();
            // Four events of one token each. Only a lower bound, since a busy machine may take any time.
            assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(149));
            String id = paced.only("X-Generation-Id");
            assertThat(text.replace(id, "").replaceAll("\"created\":\\d+", ""))
                    .isEqualTo(instant.replaceAll("gen-[0-9A-Za-z-]+", "").replaceAll("\"created\":\\d+", ""));
        }
        try (Reply flaw = ask(CHAT, STREAM_REQUEST, "X-Refrain-Replay", "soon")) {
            assertThat(flaw.only("Cache-Status")).startsWith("refrain; fwd=bypass; detail=invalid-replay");
            flaw.text();
        }
        assertThat(provider.received())
                .allSatisfy(received -> assertThat(received.headers()).doesNotContainKey("X-Refrain-Replay"));
    }

    @Test
    void w12_differentRequestsShareNothing() throws IOException {
        ask(CHAT, REQUEST).text();
        assertMissThatIsRead(ask(CHAT, REQUEST.replace("hi", "ho")));
        assertMissThatIsRead(ask(CHAT, REQUEST, "Authorization", "Bearer sk-other"));
        assertMissThatIsRead(ask(CHAT, REQUEST, "anthropic-beta", "new"));
        assertMissThatIsRead(ask(CHAT + "?api-version=1", REQUEST));
        assertMissThatIsRead(ask(CHAT + "?api-version=2", REQUEST));
        assertMissThatIsRead(ask(CHAT, REQUEST, "api-key", "of another"));
        assertMissThatIsRead(ask(CHAT, REQUEST.replace("{\"model\"", "{\"stream\":true,\"model\"")));
        assertMissThatIsRead(ask("/responses", REQUEST));
        try (Reply spaced = ask(CHAT, REQUEST.replace(":", " : "))) {
            assertThat(spaced.only(STATUS)).isEqualTo("HIT");
        }
    }

    private static void assertMissThatIsRead(Reply reply) throws IOException {
        assertThat(reply.only(STATUS)).isEqualTo("MISS");
        reply.text();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/responses | {\"id\":\"resp_1\",\"created_at\":1,\"status\":\"completed\",\"error\":null}",
                "/messages | {\"id\":\"msg_1\",\"type\":\"message\",\"stop_reason\":\"end_turn\",\"usage\":{\"x\":5}}",
                "/embeddings | {\"object\":\"list\",\"data\":[{\"embedding\":[0.5]}],\"usage\":{\"total_tokens\":3}}"
            })
    void w1_eachEndpointIsCached(String path, String answer) throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
        assertThat(ask(path, "{\"model\":\"m\"}").text()).isEqualTo(answer);
        try (Reply hit = ask(path, "{\"model\":\"m\"}")) {
            assertThat(hit.only(STATUS)).isEqualTo("HIT");
        }
    }

    @Test
    void w86_eachTextOfAnEmbeddingsRequestIsCachedByItself() throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, Embeddings.answer(request.body())));
        String path = "/embeddings";
        assertThat(ask(path, embed("a", "bb")).text()).isEqualTo(Embeddings.answer(embed("a", "bb")));
        try (Reply part = ask(path, embed("ccc", "bb", "a"))) {
            assertThat(part.only(STATUS)).isEqualTo("MISS");
            assertThat(part.only("Cache-Status")).contains("fwd=miss; stored; detail=partial-2/3");
            // The whole answer, but the usage counts only the fetched item.
            assertThat(part.text())
                    .isEqualTo(Embeddings.answer(embed("ccc", "bb", "a")).replace("tokens\":6", "tokens\":3"));
        }
        try (Reply hit = ask(path, embed("bb", "ccc"))) {
            assertThat(hit.only(STATUS)).isEqualTo("HIT");
            assertThat(hit.text())
                    .isEqualTo(Embeddings.answer(embed("bb", "ccc")).replace("tokens\":5", "tokens\":0"));
        }
        assertThat(provider.received())
                .extracting(received -> Embeddings.texts(received.body()))
                .containsExactly(List.of("a", "bb"), List.of("ccc"));
    }

    private static String embed(String... texts) {
        return "{\"model\":\"m\",\"input\":[\"" + String.join("\",\"", texts) + "\"]}";
    }

    @Test
    void w17_toolCallsAreRepeatedAsTheyCame() throws IOException {
        String tools = "\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                + "\"arguments\":\"{\\\"usage\\\":{\\\"n\\\":1},\\\"id\\\":\\\"x\\\"}\"}}]";
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange,
                200,
                "{\"id\":\"c\",\"choices\":[{\"message\":{" + tools + "},\"finish_reason\":\"tool_calls\"}]}"));
        ask(CHAT, REQUEST).text();
        try (Reply hit = ask(CHAT, REQUEST)) {
            assertThat(hit.only(STATUS)).isEqualTo("HIT");
            assertThat(hit.text()).contains(tools);
        }
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void w26b_theProviderGetsItsOwnIdInsteadOfAHitsId(String caching) throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange, 200, "{\"id\":\"resp_1\",\"created_at\":1,\"status\":\"completed\",\"error\":null}"));
        ask("/responses", "{\"model\":\"m\"}").text();
        String id;
        try (Reply hit = ask("/responses", "{\"model\":\"m\"}")) {
            id = hit.only("X-Generation-Id");
            assertThat(id).startsWith("gen-");
            hit.text();
        }
        String next = "{\"model\":\"m\",\"previous_response_id\":\"%s\"}";
        ask("/responses", next.formatted(id), ON, caching).text();
        ask("/responses", next.formatted("resp_0"), ON, caching).text();
        assertThat(provider.received().stream().skip(1))
                .extracting(ScriptedProvider.Received::body)
                .containsExactly(next.formatted("resp_1"), next.formatted("resp_0"));
    }

    // ---- dialects of providers

    private static List<String> dialects() {
        try (Stream<Path> files = Files.list(folder())) {
            return files.map(file -> file.getFileName().toString().replace(".txt", ""))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Tests run in the folder of their module, so this method looks in the parents of that folder. */
    private static Path folder() {
        Path dialects = Path.of("engine/src/test/resources/dialects");
        Path up = Path.of("..").resolve(dialects);
        return Files.isDirectory(up) ? up : Path.of("../..").resolve(dialects);
    }

    /** One cache for all dialects: opening one for each would take most of the test's time. */
    @Test
    void w16_eachDialectIsPassedOnToTheByteAndStoredIfItIsWhole() throws IOException {
        for (String name : dialects()) {
            passesOn(name, Files.readString(folder().resolve(name + ".txt")));
        }
    }

    private void passesOn(String name, String file) throws IOException {
        int head = file.indexOf("---\n");
        Map<String, String> expected = new HashMap<>();
        file.substring(0, head)
                .lines()
                .forEach(line ->
                        expected.put(line.substring(0, line.indexOf(": ")), line.substring(line.indexOf(": ") + 2)));
        String answer = file.substring(head + 4);
        boolean streaming = Boolean.parseBoolean(expected.get("streaming"));
        provider.does((exchange, request) -> {
            if (streaming) {
                ScriptedProvider.stream(exchange, answer);
            } else {
                ScriptedProvider.json(exchange, 200, answer);
            }
        });
        String path = expected.get("endpoint").equals("chat") ? CHAT : "/" + expected.get("endpoint");
        String request = "{\"model\":\"" + name + "\",\"stream\":" + streaming + "}";
        assertThat(ask(path, request).text()).as(name).isEqualTo(answer);
        try (Reply second = askAfterTheCall(path, request)) {
            boolean stored = Boolean.parseBoolean(expected.get("stored"));
            assertThat(second.only(STATUS)).as(name).isEqualTo(stored ? "HIT" : "MISS");
            assertThat(second.text()).as(name).contains(expected.getOrDefault("hit-has", ""));
        }
    }

    // ---- fields for the cache

    @Test
    void w9_fieldsForTheCacheAreNotForwarded() throws IOException {
        ask(CHAT, REQUEST, "X-OpenRouter-Cache-TTL", "60", "X-OpenRouter-Cache-Clear", "true")
                .text();
        ask(CHAT, REQUEST, ON, "false").text();
        ask("/completions", REQUEST).text();
        assertThat(provider.calls()).isEqualTo(3);
        for (ScriptedProvider.Received received : provider.received()) {
            assertThat(received.headers().keySet())
                    .noneMatch(name -> name.toLowerCase(Locale.ROOT).startsWith("x-openrouter-cache"));
            assertThat(received.body()).isEqualTo(REQUEST);
            assertThat(received.headers().getFirst("Authorization")).isEqualTo("Bearer sk-test");
        }
    }

    @Test
    void w21_uncachedAnswersHaveNoCacheFields() throws IOException {
        for (int i = 0; i < 2; i++) {
            try (Reply off = ask(CHAT, REQUEST, ON, "false");
                    Reply elsewhere = ask("/completions", REQUEST)) {
                for (Reply reply : List.of(off, elsewhere)) {
                    assertThat(reply.only(STATUS)).isNull();
                    assertThat(reply.only("Cache-Status")).isNull();
                    assertThat(reply.text()).isEqualTo(ANSWER);
                }
            }
        }
        assertThat(provider.calls()).isEqualTo(4);
    }

    @Test
    void w30_onlyIfCachedMakesNoCall() throws IOException {
        try (Reply reply = ask(CHAT, REQUEST, "Cache-Control", "only-if-cached")) {
            assertThat(reply.status()).isEqualTo(504);
            if (showsHeadersOfErrors()) {
                assertThat(reply.only("x-should-retry")).isEqualTo("false");
                assertThat(reply.only("Cache-Status")).contains("detail=only-if-cached");
            }
            assertThat(reply.text()).contains("\"error\"", "only-if-cached");
        }
        ask(CHAT, REQUEST).text();
        assertThat(ask(CHAT, REQUEST, "Cache-Control", "only-if-cached").only(STATUS))
                .isEqualTo("HIT");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w7_clearFetchesAnew() throws IOException {
        ask(CHAT, REQUEST).text();
        assertMissThatIsRead(ask(CHAT, REQUEST, "X-OpenRouter-Cache-Clear", "true", "X-OpenRouter-Cache-TTL", "60"));
        try (Reply hit = ask(CHAT, REQUEST)) {
            assertThat(hit.only(STATUS)).isEqualTo("HIT");
            assertThat(Long.parseLong(hit.only("X-OpenRouter-Cache-TTL"))).isLessThanOrEqualTo(60);
        }
    }

    @Test
    void w27_anIneligibleRequestGetsAReason() throws IOException {
        try (Reply reply = ask("/responses", "{\"model\":\"m\",\"background\":true}")) {
            assertThat(reply.only("Cache-Status")).startsWith("refrain; fwd=bypass; detail=background");
            assertThat(reply.text()).isEqualTo(ANSWER);
        }
    }

    // ---- policies and key rules

    @Test
    void w81_aPolicyThatSaysNeverIsFinalAndOneWithALimitKeepsIt() throws IOException {
        String secret = REQUEST.replace("\"m\"", "\"secret-1\"");
        String turns =
                REQUEST.replace("\"m\"", "\"chatty\"").replace("[{", "[{\"role\":\"user\",\"content\":\"first\"},{");
        for (int i = 0; i < 2; i++) {
            try (Reply never = ask(CHAT, secret);
                    Reply tooMany = ask(CHAT, turns)) {
                assertThat(never.only("Cache-Status")).isNull();
                assertThat(never.text()).isEqualTo(ANSWER);
                assertThat(tooMany.only("Cache-Status")).startsWith("refrain; fwd=bypass; detail=max-turns");
                assertThat(tooMany.text()).isEqualTo(ANSWER);
            }
        }
        assertThat(provider.calls()).isEqualTo(4);
        assertMissThatIsRead(ask(CHAT, REQUEST.replace("\"m\"", "\"chatty\"")));
        assertThat(ask(CHAT, REQUEST.replace("\"m\"", "\"chatty\"")).only(STATUS))
                .isEqualTo("HIT");
    }

    @Test
    void w84_keyRulesDecideWhichRequestsDiffer() throws IOException {
        String traced = REQUEST.replace("{\"model\"", "{\"trace\":%d,\"model\"");
        assertMissThatIsRead(ask(CHAT, traced.formatted(1)));
        try (Reply hit = ask(CHAT, traced.formatted(2))) {
            assertThat(hit.only(STATUS)).isEqualTo("HIT");
        }
        assertMissThatIsRead(ask(CHAT, REQUEST, "x-tenant", "a"));
        assertMissThatIsRead(ask(CHAT, REQUEST, "x-tenant", "b"));
        assertThat(provider.received().get(0).body()).isEqualTo(traced.formatted(1));
    }

    @Test
    void w82_samplesAndNamespacesAreKeptApart() throws IOException {
        for (String status : List.of("MISS", "HIT")) {
            for (String sample : List.of("0", "1")) {
                try (Reply reply = ask(CHAT, REQUEST, "X-Refrain-Sample", sample)) {
                    assertThat(reply.only(STATUS)).isEqualTo(status);
                    assertThat(reply.only("Cache-Status")).contains("; sample=" + sample);
                    reply.text();
                }
            }
        }
        // Both samples are stored, so a hit picks one of them.
        try (Reply picked = ask(CHAT, REQUEST, "X-Refrain-Samples", "2")) {
            assertThat(picked.only(STATUS)).isEqualTo("HIT");
            assertThat(picked.only("Cache-Status")).matches(".*; sample=[01];.*");
        }
        assertMissThatIsRead(ask(CHAT, REQUEST, "X-Refrain-Namespace", "a"));
        assertMissThatIsRead(ask(CHAT, REQUEST, "X-Refrain-Namespace", "b"));
        for (ScriptedProvider.Received received : provider.received()) {
            assertThat(received.headers().keySet())
                    .noneMatch(name -> name.toLowerCase(Locale.ROOT).startsWith("x-refrain-"));
        }
    }

    @Test
    void w33_aHitReportsItsSavings() throws IOException {
        provider.does((exchange, request) -> {
            long begin = System.nanoTime();
            while (System.nanoTime() - begin < TimeUnit.MILLISECONDS.toNanos(20)) {
                Thread.onSpinWait();
            }
            ScriptedProvider.json(exchange, 200, ANSWER);
        });
        try (Reply miss = ask(CHAT, REQUEST)) {
            assertThat(miss.only("X-Refrain-Saved-Tokens")).isNull();
            miss.text();
        }
        try (Reply hit = askAfterTheCall(CHAT, REQUEST)) {
            assertThat(hit.only("X-Refrain-Saved-Tokens")).isEqualTo("21");
            assertThat(Long.parseLong(hit.only("X-Refrain-Saved-Ms"))).isBetween(15L, 120_000L);
        }
    }

    @Test
    void w85_anAnswerIsTakenBackByItsClient() throws IOException {
        String other = REQUEST.replace("hi", "ho");
        assertMissThatIsRead(ask(CHAT, other));
        try (Reply miss = ask(CHAT, REQUEST)) {
            miss.text();
            frontEnd.takeBack(miss);
        }
        assertMissThatIsRead(ask(CHAT, REQUEST));
        try (Reply hit = askAfterTheCall(CHAT, REQUEST)) {
            assertThat(hit.only(STATUS)).isEqualTo("HIT");
            hit.text();
            frontEnd.takeBack(hit);
        }
        assertMissThatIsRead(ask(CHAT, REQUEST));
        assertThat(ask(CHAT, other).only(STATUS)).isEqualTo("HIT");
    }

    // ---- failures

    @ParameterizedTest
    @CsvSource({"400", "401", "429", "500", "529"})
    void w16_aProvidersErrorIsPassedOnAndNotStored(int status) throws IOException {
        AtomicInteger calls = new AtomicInteger();
        String error = "{\"error\":{\"message\":\"no\",\"type\":\"t\"}}";
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("Retry-After", "3");
            boolean first = calls.getAndIncrement() == 0;
            ScriptedProvider.json(exchange, first ? status : 200, first ? error : ANSWER);
        });
        try (Reply failed = ask(CHAT, REQUEST)) {
            assertThat(failed.status()).isEqualTo(status);
            assertThat(failed.text()).isEqualTo(error);
            if (showsHeadersOfErrors()) {
                assertThat(failed.only(STATUS)).isEqualTo("MISS");
                assertThat(failed.only("Retry-After")).isEqualTo("3");
                assertThat(failed.only("X-OpenRouter-Cache-TTL")).isNull();
            }
        }
        assertMissThatIsRead(ask(CHAT, REQUEST));
        assertThat(ask(CHAT, REQUEST).only(STATUS)).isEqualTo("HIT");
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void w16_aCutStreamIsCutAndNotStored() throws IOException {
        provider.does((exchange, request) -> {
            // The server closes the connection, because the body is shorter than announced.
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
            exchange.sendResponseHeaders(200, 10_000);
            ScriptedProvider.write(exchange, STREAM[1]);
        });
        try (Reply cut = ask(CHAT, STREAM_REQUEST)) {
            assertThatThrownBy(cut::text).isInstanceOf(IOException.class);
        }
        provider.does((exchange, request) -> ScriptedProvider.stream(exchange, STREAM));
        assertMissThatIsRead(ask(CHAT, STREAM_REQUEST));
    }

    // ---- at the same time

    /** Lets the provider stream; each permit lets it send one more piece. */
    private Semaphore pieceByPiece() {
        Semaphore pieces = new Semaphore(0);
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange);
            for (String piece : STREAM) {
                acquire(pieces);
                ScriptedProvider.write(exchange, piece);
            }
        });
        return pieces;
    }

    @Test
    void w28_aStreamArrivesLiveAndIsJoinedLive() throws IOException {
        Semaphore pieces = pieceByPiece();
        pieces.release(2);
        try (Reply leader = ask(CHAT, STREAM_REQUEST)) {
            readUntil(leader.body(), "Hel\"}}]}\n\n");
            try (Reply follower = ask(CHAT, STREAM_REQUEST)) {
                assertThat(follower.only(STATUS)).isEqualTo("HIT");
                assertThat(follower.only("Cache-Status")).startsWith("refrain; fwd=miss; collapsed");
                assertThat(readUntil(follower.body(), "Hel\"}}]}\n\n"))
                        .contains(follower.only("X-Generation-Id"))
                        .doesNotContain("chatcmpl-9");
                pieces.release(1);
                readUntil(follower.body(), "\"stop\"}]}\n\n");
                readUntil(leader.body(), "\"stop\"}]}\n\n");
                pieces.release(2);
                assertThat(follower.text()).contains("\"total_tokens\":0", "[DONE]");
                assertThat(leader.text()).contains("\"total_tokens\":21", "[DONE]");
            }
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w28_manyAtOnceCostOneCall() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            assertThat(answer.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            ScriptedProvider.json(exchange, 200, ANSWER);
        });
        List<CompletableFuture<String>> replies = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            replies.add(CompletableFuture.supplyAsync(
                    () -> {
                        try (Reply reply = ask(CHAT, REQUEST)) {
                            assertThat(reply.text()).contains("Hello");
                            return reply.only(STATUS);
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    },
                    threads));
        }
        // A request that comes after the call has ended is a hit, too.
        answer.countDown();
        List<String> statuses = new ArrayList<>();
        for (CompletableFuture<String> reply : replies) {
            statuses.add(within(reply));
        }
        assertThat(statuses).filteredOn("MISS"::equals).hasSize(1);
        assertThat(statuses).filteredOn("HIT"::equals).hasSize(MANY - 1);
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w29_aClientThatLeavesHalfWayCutsNobodyOffAndTheAnswerIsStored() throws IOException {
        Semaphore pieces = pieceByPiece();
        pieces.release(2);
        Reply leader = ask(CHAT, STREAM_REQUEST);
        readUntil(leader.body(), "Hel\"}}]}\n\n");
        try (Reply follower = ask(CHAT, STREAM_REQUEST)) {
            readUntil(follower.body(), "Hel\"}}]}\n\n");
            leader.close();
            pieces.release(3);
            assertThat(follower.text()).contains("[DONE]");
        }
        assertThat(ask(CHAT, STREAM_REQUEST).text()).contains("[DONE]");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w29_anAnswerThatNobodyWaitsForIsStored() throws IOException {
        Semaphore pieces = pieceByPiece();
        pieces.release(2);
        Reply leader = ask(CHAT, STREAM_REQUEST);
        readUntil(leader.body(), "Hel\"}}]}\n\n");
        leader.close();
        pieces.release(3);
        // This request joins the call, or is a hit after its end.
        try (Reply retry = ask(CHAT, STREAM_REQUEST)) {
            assertThat(retry.only(STATUS)).isEqualTo("HIT");
            assertThat(retry.text()).endsWith("data: [DONE]\n\n");
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void aClientThatReadsNothingHoldsTheProviderBack() throws Exception {
        AtomicLong written = new AtomicLong();
        AtomicBoolean finished = new AtomicBoolean();
        int megabytes = 32;
        String piece = "data: {\"x\":\"" + "y".repeat(64 * 1024) + "\"}\n\n";
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange);
            while (written.get() < (long) megabytes << 20) {
                ScriptedProvider.write(exchange, piece);
                written.addAndGet(piece.length());
            }
            finished.set(true);
        });
        try (Reply reply = ask(CHAT, STREAM_REQUEST)) {
            byte[] first = reply.body().readNBytes(16);
            assertThat(new String(first, StandardCharsets.US_ASCII)).startsWith("data: {");
            long before = -1;
            // Until the provider makes no progress: it is blocked, or has written everything.
            while (before != written.get()) {
                before = written.get();
                TimeUnit.MILLISECONDS.sleep(300);
            }
            assertThat(finished).isFalse();
            long rest = reply.body().skip(Long.MAX_VALUE >> 1);
            while (reply.body().read() >= 0) {
                rest++;
            }
            assertThat(rest + first.length).isEqualTo(written.get());
        }
        assertThat(finished).isTrue();
    }
}
