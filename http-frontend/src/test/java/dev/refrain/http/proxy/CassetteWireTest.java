package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import dev.refrain.cassettes.Summary;
import dev.refrain.testing.Embeddings;
import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.ScriptedProvider.Script;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One proxy records requests, and another one elsewhere plays them without provider and key.
 *
 * <p>Long, since each kind of request and setting is recorded and played here.
 */
class CassetteWireTest extends WireTest {
    private static final String SECRET = "sk-very-secret-4711";

    private final AtomicInteger answers = new AtomicInteger();
    private Path recordings;

    /** The provider gives each request another answer, and some of its models fail. */
    @BeforeEach
    void script() {
        recordings = folder.resolve("cassettes");
        provider.does(this::answer);
    }

    private void answer(HttpExchange exchange, ScriptedProvider.Received request) throws IOException {
        int number = answers.incrementAndGet();
        exchange.getResponseHeaders().set("Set-Cookie", "account=" + SECRET);
        exchange.getResponseHeaders().set("x-request-id", "r-" + number);
        String body = request.body();
        if (body.contains("fails")) {
            exchange.getResponseHeaders().set("Retry-After", "7");
            ScriptedProvider.json(
                    exchange,
                    body.contains("busy") ? 429 : 401,
                    "{\"error\":{\"message\":\"wrong key " + SECRET + "\"}}");
        } else if (body.contains("\"stream\":true")) {
            String[] events = CHAT_STREAM.clone();
            events[1] = events[1].replace("Hel", "ev\u00e9nt " + number + " \uD83D\uDE00 ");
            ScriptedProvider.stream(exchange, events);
        } else {
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER.replace("Hello", "Answer " + number));
        }
    }

    private void cassettes(String mode, Map<String, String> more) throws IOException {
        Map<String, String> variables = new HashMap<>(more);
        variables.put("REFRAIN_CASSETTES", recordings.toString());
        variables.put("REFRAIN_CASSETTE_MODE", mode);
        restart(variables);
    }

    private void cassettes(String mode) throws IOException {
        cassettes(mode, Map.of());
    }

    /** Continues without the provider and the store. */
    private void replayElsewhere() throws IOException {
        proxy.close();
        provider.close();
        Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
        Path copy = elsewhere.resolve("copied");
        try (Stream<Path> files = Files.walk(recordings)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(recordings.relativize(file).toString()));
            }
        }
        recordings = copy;
        proxy = new RunningProxy(
                elsewhere.resolve("answers.refrain"), null, Map.of("REFRAIN_CASSETTES", copy.toString()));
    }

    private HttpResponse<String> post(String path, String body, String... headers) {
        return proxy.send(proxy.post(path, body, headers));
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(recordings)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        }
    }

    private static String chat(String text, boolean stream) {
        return "{\"model\":\"acme/large\"," + (stream ? "\"stream\":true," : "")
                + "\"messages\":[{\"role\":\"user\",\"content\":\"" + text + "\"}]}";
    }

    /** Makes two hundred calls of all kinds, and returns their answers. */
    private List<String> suite(String key) {
        List<String> got = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            for (String path : List.of(CHAT, "/v1/responses", "/v1/messages")) {
                String request = chat("question " + i, i % 2 == 0);
                got.add(told(post(path, i % 5 < 2 ? withTools(request) : request, "Authorization", "Bearer " + key)));
            }
            got.add(told(
                    i % 5 == 0
                            ? post(CHAT, chat("fails " + i + (i % 2 == 0 ? " busy" : ""), false), "x-api-key", key)
                            : post(
                                    "/v1/embeddings",
                                    "{\"model\":\"e\",\"input\":[\"text " + i + "\",\"and another\"]}",
                                    "Authorization",
                                    "Bearer " + key)));
        }
        return got;
    }

    private static String withTools(String request) {
        return request.replace("{\"model\"", """
                {"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object",\
                "properties":{"token":{"type":"string"}}}}}],"model\"""");
    }

    /** The answer from the vendor's documentation for such a request, a little different each time. */
    private static String vendorAnswer(String uri, String body, int number) throws IOException {
        String name = uri.contains("responses") ? "responses" : uri.contains("messages") ? "messages" : "chat";
        if (uri.contains("embeddings")) {
            name = "embeddings";
        } else if (body.contains("\"tools\"") && !name.equals("responses")) {
            name += "-tools";
        }
        String ending = body.contains("\"stream\":true") ? ".sse" : ".json";
        try (InputStream in = CassetteWireTest.class.getResourceAsStream("/vendor/" + name + ending)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replaceFirst("\"model\": ?\"", "$0answer-" + number + "-");
        }
    }

    private static String told(HttpResponse<String> response) {
        return response.statusCode() + " " + header(response, "Content-Type") + " " + header(response, "Retry-After")
                + " " + header(response, "x-request-id") + "\n" + response.body();
    }

    @Test
    void twoHundredCallsArePlayedElsewhereWithoutKeyAndProvider() throws IOException {
        Script fails = this::answer;
        provider.does((exchange, request) -> {
            if (request.body().contains("fails")) {
                fails.answer(exchange, request);
                return;
            }
            String answer = vendorAnswer(request.uri(), request.body(), answers.incrementAndGet());
            exchange.getResponseHeaders().set("x-request-id", "r-" + answers.get());
            if (request.body().contains("\"stream\":true")) {
                ScriptedProvider.stream(exchange, answer.split("(?<=\n\n)"));
            } else {
                ScriptedProvider.json(exchange, 200, answer);
            }
        });
        cassettes("record");
        List<String> recorded = suite(SECRET);
        assertThat(recorded).hasSize(200);
        assertThat(provider.calls()).isEqualTo(200);
        proxy.close();
        for (Path file : files()) {
            assertThat(Files.readString(file)).doesNotContain(SECRET).doesNotContain("account=");
        }
        assertThat(files()).hasSize(200);
        // Among them are tool calls, in documents and in streams.
        assertThat(recorded).filteredOn(got -> got.contains("\"tool_calls\"")).hasSizeGreaterThanOrEqualTo(20);
        assertThat(recorded).filteredOn(got -> got.contains("tool_use")).hasSizeGreaterThanOrEqualTo(20);
        replayElsewhere();
        List<String> played = suite("another-key");
        for (int i = 0; i < 200; i++) {
            // Only the key that an error repeats is missing.
            assertThat(played.get(i)).isEqualTo(recorded.get(i).replace(SECRET, "*".repeat(SECRET.length())));
        }
        Summary summary = proxy.summary();
        assertThat(summary.played()).isEqualTo(200);
        assertThat(summary.unused()).isEmpty();
        assertThat(summary.missingCount()).isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/chat/completions | \"code\":504",
                "/v1/responses | \"code\":504",
                "/v1/embeddings | \"code\":504",
                "/v1/messages | {\"type\":\"error\""
            })
    void aChangedPromptIsReportedWithItsPlaceInTheEndpointsErrorFormat(String path, String shape) throws IOException {
        cassettes("record");
        post(path, chat("Say hello", false));
        replayElsewhere();
        HttpResponse<String> missed = post(path, chat("Say goodbye", false));
        assertThat(missed.statusCode()).isEqualTo(504);
        assertThat(header(missed, "x-should-retry")).isEqualTo("false");
        assertThat(missed.body().replace("\": ", "\":"))
                .contains(shape)
                .contains("they differ first at $.messages[0].content")
                .contains("Say hello")
                .contains("Say goodbye");
        // The request also misses if no request of its endpoint was recorded.
        String other = path.equals(CHAT) ? "/v1/messages" : CHAT;
        assertThat(post(other, chat("Say hello", false)).body()).contains("none of this endpoint");
    }

    @Test
    void nothingElseReachesAProvider() throws IOException {
        cassettes("record");
        post(CHAT, CHAT_REQUEST);
        cassettes("replay");
        int calls = provider.calls();
        assertThat(proxy.send(HttpRequest.newBuilder(proxy.uri("/v1/models"))).statusCode())
                .isEqualTo(504);
        assertThat(post(CHAT, "[1]").statusCode()).isEqualTo(504);
        assertThat(post(CHAT, "{\"a\":\"" + "x".repeat(9 << 20) + "\"}").statusCode())
                .isEqualTo(504);
        assertThat(post(CHAT, CHAT_REQUEST, "Content-Encoding", "br").statusCode())
                .isEqualTo(504);
        assertThat(provider.calls()).isEqualTo(calls);
    }

    @Test
    void cachingWorksOnTopOfRecordings() throws IOException {
        cassettes("record");
        proxy.cached(CHAT, CHAT_REQUEST);
        replayElsewhere();
        HttpResponse<String> first = proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(header(first, STATUS)).isEqualTo("MISS");
        assertThat(first.body()).contains("Answer 1").contains("chatcmpl-123");
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST), STATUS)).isEqualTo("HIT");
    }

    /** W82, from a program that does not ask for caching: its samples are recorded and found all the same. */
    @Test
    void w82_samplesNeedNoCacheHeader() throws IOException {
        cassettes("record");
        List<String> asked = new ArrayList<>();
        for (int sample = 0; sample < 3; sample++) {
            asked.add(post(CHAT, CHAT_REQUEST, "X-Refrain-Sample", String.valueOf(sample))
                    .body());
        }
        assertThat(asked).doesNotHaveDuplicates();
        List<String> inTurn = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            inTurn.add(post(CHAT, CHAT_REQUEST, "X-Refrain-Samples", "3").body());
        }
        assertThat(inTurn).isEqualTo(asked);
        assertThat(provider.calls()).isEqualTo(3);
        replayElsewhere();
        for (int sample = 2; sample >= 0; sample--) {
            assertThat(post(CHAT, CHAT_REQUEST, "X-Refrain-Sample", String.valueOf(sample))
                            .body())
                    .isEqualTo(asked.get(sample));
        }
        for (int i = 0; i < 3; i++) {
            assertThat(post(CHAT, CHAT_REQUEST, "X-Refrain-Samples", "3").body())
                    .isEqualTo(asked.get(i));
        }
    }

    /** Sends credentials in every field that may hold them, and in the query. */
    @Test
    void noCredentialIsRecorded() throws IOException {
        cassettes("record", Map.of("REFRAIN_KEY_HEADERS", "anthropic-beta, x-api-key, x-tenant-token"));
        int number = 0;
        for (String line : CredentialMatrixTest.CREDENTIALS) {
            int colon = line.indexOf(':');
            String name = line.substring(0, colon);
            String value = line.substring(colon + 1).strip() + SECRET;
            assertThat(post(CHAT, chat("question " + number++, false), name, value)
                            .statusCode())
                    .isEqualTo(200);
        }
        for (String parameter : List.of("key", "api_key", "%6Bey", "access_token", "X-Amz-Signature", "code")) {
            post(CHAT + "?api-version=1&" + parameter + "=" + SECRET, chat("question " + number++, false));
        }
        post(CHAT, chat("fails", false), "Authorization", "Bearer " + SECRET);
        proxy.close();
        assertThat(files()).hasSize(number + 1);
        TreeSet<String> found = new TreeSet<>();
        for (Path file : files()) {
            String text = Files.readString(file);
            if (text.contains(SECRET) || text.contains("very-secret")) {
                found.add(file + ": " + text);
            }
        }
        assertThat(found).isEmpty();
        assertThat(number).isGreaterThan(30);
        // Each request finds its recording without a credential.
        replayElsewhere();
        for (int i = 0; i < CredentialMatrixTest.CREDENTIALS.size(); i++) {
            assertThat(post(CHAT, chat("question " + i, false)).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aCompressedRequestIsRecordedDecoded() throws IOException {
        cassettes("record");
        ByteArrayOutputStream coded = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(coded)) {
            gzip.write(CHAT_REQUEST.getBytes(StandardCharsets.UTF_8));
        }
        byte[] sent = coded.toByteArray();
        String answer = proxy.send(
                        proxy.post(CHAT, "", "Content-Encoding", "gzip").POST(BodyPublishers.ofByteArray(sent)))
                .body();
        replayElsewhere();
        assertThat(post(CHAT, CHAT_REQUEST).body()).isEqualTo(answer);
    }

    @Test
    void theProviderIsAskedNotToCompress() throws IOException {
        cassettes("record");
        String answer = post(CHAT, CHAT_REQUEST, "Accept-Encoding", "gzip").body();
        assertThat(provider.received().get(0).headers().get("Accept-Encoding")).containsExactly("identity");
        replayElsewhere();
        assertThat(post(CHAT, CHAT_REQUEST).body()).isEqualTo(answer);
    }

    @Test
    void membersThatDoNotCountBreakNoRecording() throws IOException {
        Map<String, String> ignore = Map.of("REFRAIN_KEY_IGNORE", "metadata.session");
        String request = "{\"model\":\"m\",\"messages\":[],\"metadata\":{\"session\":\"%s\"}}";
        cassettes("record", ignore);
        String answer = post(CHAT, request.formatted("monday")).body();
        cassettes("replay", ignore);
        assertThat(post(CHAT, request.formatted("tuesday")).body()).isEqualTo(answer);
        cassettes("replay");
        assertThat(post(CHAT, request.formatted("tuesday")).body()).contains("$.metadata.session");
    }

    /**
     * W86: a recording does not depend on what the cache holds while it is made, and a replay does not depend on the
     * order of the requests.
     */
    @Test
    void embeddingsAreRecordedAsRequestedEvenWithCaching() throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, Embeddings.answer(request.body())));
        String[] requests = {
            "{\"model\":\"m\",\"input\":[\"a\",\"bb\"]}",
            "{\"model\":\"m\",\"input\":[\"bb\",\"ccc\"]}",
            "{\"model\":\"m\",\"input\":[\"ccc\",\"a\",\"dddd\"]}"
        };
        cassettes("record");
        List<String> answers = new ArrayList<>();
        for (String request : requests) {
            HttpResponse<String> response = proxy.cached("/v1/embeddings", request);
            assertThat(header(response, "Cache-Status")).doesNotContain("partial");
            answers.add(response.body());
        }
        replayElsewhere();
        for (int i = requests.length - 1; i >= 0; i--) {
            assertThat(proxy.cached("/v1/embeddings", requests[i]).body()).isEqualTo(answers.get(i));
        }
        HttpResponse<String> hit = proxy.cached("/v1/embeddings", requests[0]);
        assertHit(hit);
    }

    /** W87 applies to a played answer, and to the hits that follow it. */
    @Test
    void thePaceOfAHitGoesOnTopOfRecordings() throws IOException {
        cassettes("record");
        proxy.cached(CHAT, CHAT_STREAM_REQUEST);
        replayElsewhere();
        String first = proxy.cached(CHAT, CHAT_STREAM_REQUEST, "X-Refrain-Replay", "10tps")
                .body();
        assertThat(first).contains("chatcmpl-9");
        long start = System.nanoTime();
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_STREAM_REQUEST, "X-Refrain-Replay", "10tps");
        assertHit(hit);
        // A lower bound only: on a busy machine an answer may take any time.
        assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(299));
    }

    @Test
    void theSummaryUsesConfiguredPrices() throws IOException {
        cassettes("record");
        post(CHAT, CHAT_REQUEST);
        Path settings = Files.writeString(folder.resolve("refrain.yaml"), """
                currency: EUR
                prices:
                  - {model: acme/large, prompt: 150, completion: 600}
                """);
        restart(Map.of("REFRAIN_CASSETTES", recordings.toString()), "--config", settings.toString());
        post(CHAT, CHAT_REQUEST);
        post(CHAT, CHAT_REQUEST);
        Summary summary = proxy.summary();
        assertThat(summary.tokens()).isEqualTo(42);
        assertThat(summary.toString()).contains("42 tokens and ", " EUR saved;");
        assertThat(summary.costNanos()).isPositive();
        assertThat(summary.unpricedTokens()).isZero();
    }
}
