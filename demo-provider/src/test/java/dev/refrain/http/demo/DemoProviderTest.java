package dev.refrain.http.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DemoProviderTest {
    private static final JsonMapper JSON = new JsonMapper();
    private static final String CHAT = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    /** Answers at the pace that users get. Slow, so only for tests of that pace. */
    private static DemoProvider paced;

    private static DemoProvider quick;

    @BeforeAll
    static void start() {
        paced = DemoProvider.start();
        quick = DemoProvider.start(Duration.ofMillis(10));
    }

    @AfterAll
    static void stop() {
        paced.close();
        quick.close();
    }

    @Test
    void streamsForAboutASecondFromTheStart() throws Exception {
        long start = System.nanoTime();
        HttpResponse<InputStream> response = CLIENT.send(
                request(paced, "/chat/completions", CHAT.replaceFirst("\\{", "{\"stream\":true,")),
                HttpResponse.BodyHandlers.ofInputStream());
        List<Long> arrivals = new ArrayList<>();
        String last = "";
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isEmpty()) {
                    arrivals.add((System.nanoTime() - start) / 1_000_000);
                    last = line;
                }
            }
        }

        assertThat(response.headers().firstValue("content-type"))
                .hasValueSatisfying(type -> assertThat(type).startsWith("text/event-stream"));
        assertThat(last).isEqualTo("data: [DONE]");
        assertThat(arrivals.get(arrivals.size() - 1)).isGreaterThan(900L);
        assertThat(arrivals.get(1))
                .as("the first token does not wait for the rest")
                .isLessThan(arrivals.get(arrivals.size() - 1) - 500);
    }

    @Test
    void answersManyAtATimeBecauseNoThreadWaits() {
        long start = System.nanoTime();
        List<CompletableFuture<HttpResponse<String>>> answers = IntStream.range(0, 20)
                .mapToObj(i -> CLIENT.sendAsync(
                        request(paced, "/chat/completions", CHAT), HttpResponse.BodyHandlers.ofString()))
                .toList();

        assertThat(answers.stream().map(CompletableFuture::join)).allMatch(answer -> answer.statusCode() == 200);
        assertThat(Duration.ofNanos(System.nanoTime() - start))
                .isGreaterThan(Duration.ofMillis(900))
                .isLessThan(Duration.ofSeconds(10));
    }

    @Test
    void givesEveryAnswerAFreshIdAndTheRealTime() throws Exception {
        JsonNode one = post("/chat/completions", CHAT, 200);
        JsonNode two = post("/chat/completions", CHAT, 200);

        assertThat(one.path("id").asText())
                .matches("chatcmpl-[A-Za-z0-9]{29}")
                .isNotEqualTo(two.path("id").asText());
        assertThat(one.path("choices")).isEqualTo(two.path("choices"));
        assertThat(Instant.ofEpochSecond(two.path("created").asLong()))
                .isBetween(Instant.now().minusSeconds(30), Instant.now());
    }

    @Test
    void survivesAClientThatLeavesInTheMiddleOfAStream() throws Exception {
        byte[] body = CHAT.replaceFirst("\\{", "{\"stream\":true,").getBytes(StandardCharsets.UTF_8);
        try (Socket socket =
                new Socket(InetAddress.getLoopbackAddress(), paced.baseUri().getPort())) {
            socket.setSoLinger(true, 0);
            socket.getOutputStream()
                    .write(("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length
                                    + "\r\n\r\n")
                            .getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().write(body);
            assertThat(socket.getInputStream().read()).isEqualTo('H');
        }
        assertThat(CLIENT.send(request(paced, "/chat/completions", CHAT), HttpResponse.BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(200);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "/chat/completions | not json            | The request body is not valid JSON. Send one JSON object. | "
                        + "null",
                "/chat/completions | {} x                | The request body is not valid JSON. Send one JSON object. | "
                        + "null",
                "/chat/completions | []                  | The request body must be a JSON object. | null",
                "/chat/completions | ``                  | The request body must be a JSON object. | null",
                "/chat/completions | {\"input\":\"x\"}   | Missing required parameter: 'messages'. | messages",
                "/responses        | {\"messages\":[]}   | Missing required parameter: 'input'. | input",
                "/embeddings       | {\"input\":null}    | Missing required parameter: 'input'. | input",
                "/embeddings       | {\"input\":\"x\",\"dimensions\":0} | 'dimensions' must be a number from 1 to "
                        + "4096. | dimensions",
                "/embeddings       | {\"input\":\"x\",\"encoding_format\":\"hex\"} | 'encoding_format' must be 'float' "
                        + "or 'base64'. | encoding_format",
                "/embeddings       | {\"input\":[{}]}    | 'input' must be a text, an array of token numbers, or an "
                        + "array of 1 to 2048 of these. | input",
            })
    void refusesABadRequestInOpenAisShape(String path, String body, String message, String parameter) throws Exception {
        JsonNode error = post(path, body, 400).path("error");

        assertThat(error.path("message").asText()).isEqualTo(message);
        assertThat(error.path("type").asText()).isEqualTo("invalid_request_error");
        assertThat(error.path("param").asText()).isEqualTo(parameter);
        assertThat(error.has("code")).isTrue();
    }

    @Test
    void refusesABadRequestInAnthropicsShape() throws Exception {
        JsonNode error = post("/messages", "{}", 400);

        assertThat(error.path("type").asText()).isEqualTo("error");
        assertThat(error.at("/error/type").asText()).isEqualTo("invalid_request_error");
        assertThat(error.at("/error/message").asText()).isEqualTo("Missing required parameter: 'messages'.");
    }

    @Test
    void knowsWhatItDoesNotHave() throws Exception {
        assertThat(post("/audio/speech", "{}", 404).at("/error/message").asText())
                .contains("has no /v1/audio/speech", "/v1/responses");
        assertThat(get("/chat/completions", 405).at("/error/message").asText())
                .isEqualTo("Use POST for /v1/chat/completions.");
        assertThat(get("/models", 200).at("/data/0/id").asText()).isEqualTo("refrain-demo");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"a\"             | 1",
                "[\"a\",\"b\",\"a\"] | 3",
                "[1,2,3]           | 1",
                "[[1,2],[3]]       | 2",
            })
    void embedsTextsAndTokens(String input, int vectors) throws Exception {
        JsonNode data = post("/embeddings", "{\"input\":" + input + "}", 200).path("data");

        assertThat(data).hasSize(vectors);
        assertThat(data.at("/0/embedding")).hasSize(1536);
        assertThat(data.get(vectors - 1).path("index").asInt()).isEqualTo(vectors - 1);
        assertThat(data)
                .isEqualTo(post("/embeddings", "{\"input\":" + input + "}", 200).path("data"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\\n "
                        + "b\"},{\"type\":\"image_url\"}]}] | You wrote: \"a b\".",
                "[{\"role\":\"user\",\"content\":\"one\"},{\"role\":\"user\",\"content\":\"two\"}] | You wrote: "
                        + "\"two\".",
                "[]                                                                               | You sent no text.",
                "[{\"role\":\"user\",\"content\":\"\\\"q\\\" 😀\"}]                                | You wrote: "
                        + "\"\"q\" 😀\".",
            })
    void echoesTheLastText(String messages, String echo) throws Exception {
        assertThat(post("/chat/completions", "{\"messages\":" + messages + "}", 200)
                        .at("/choices/0/message/content")
                        .asText())
                .contains(echo);
    }

    @Test
    void echoesOnlyTheBeginningOfALongText() throws Exception {
        String answer = post("/messages", "{\"messages\":[{\"content\":\"" + "😀".repeat(100) + "\"}]}", 200)
                .at("/content/0/text")
                .asText();
        assertThat(answer).contains("\"" + "😀".repeat(60) + "...\"");
    }

    private static JsonNode post(String path, String body, int status) throws Exception {
        return send(request(quick, path, body), status);
    }

    private static JsonNode get(String path, int status) throws Exception {
        return send(HttpRequest.newBuilder(URI.create(quick.baseUri() + path)).build(), status);
    }

    private static JsonNode send(HttpRequest request, int status) throws Exception {
        HttpResponse<String> response = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(response.headers().firstValue("content-type")).contains("application/json");
        return JSON.readTree(response.body());
    }

    private static HttpRequest request(DemoProvider provider, String path, String body) {
        return HttpRequest.newBuilder(URI.create(provider.baseUri() + path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }
}
