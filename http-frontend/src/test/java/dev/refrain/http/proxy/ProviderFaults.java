package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/**
 * Shared by the tests of a provider's faults: all faults of a class are tried on one proxy, which may make a single
 * call at a time, so a second simultaneous call fails with 503. If a fault leaves a call behind, the next request
 * fails.
 */
@TestInstance(Lifecycle.PER_CLASS)
abstract class ProviderFaults {
    /** An endpoint, and the answer of a healthy provider on it. */
    enum Api {
        CHAT(
                "/v1/chat/completions",
                "{\"id\":\"c1\",\"created\":7,\"choices\":[{\"finish_reason\":\"stop\"}],"
                        + "\"usage\":{\"total_tokens\":3}}",
                "data: {\"id\":\"c1\",\"created\":7,\"choices\":[{\"delta\":{\"content\":\"Hé\"}}]}\n\ndata: "
                        + "{\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"),
        RESPONSES(
                "/v1/responses",
                "{\"id\":\"r1\",\"created_at\":7,\"status\":\"completed\",\"usage\":{\"total_tokens\":3}}",
                "event: response.created\ndata: "
                        + "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\",\"created_at\":7}}\n\n"
                        + "event: response.completed\ndata: "
                        + "{\"type\":\"response.completed\",\"response\":{\"id\":\"r1\","
                        + "\"status\":\"completed\"}}\n\n"),
        MESSAGES(
                "/v1/messages",
                "{\"id\":\"m1\",\"type\":\"message\",\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3}}",
                "event: message_start\ndata: "
                        + "{\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"usage\":{\"input_tokens\":3}}}\n\n"
                        + "event: message_delta\ndata: "
                        + "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"
                        + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
        EMBEDDINGS("/v1/embeddings", "{\"object\":\"list\",\"data\":[{}],\"usage\":{\"total_tokens\":3}}", null);

        final String path;
        final String document;
        /** Null if the endpoint does not stream. */
        final String stream;

        Api(String path, String document, String stream) {
            this.path = path;
            this.document = document;
            this.stream = stream;
        }

        String goodAnswer(boolean streaming) {
            return streaming ? stream : document;
        }
    }

    /**
     * An answer, or the part of it that came.
     *
     * @param bytes the body, a character for each byte
     */
    record Received(int status, HttpHeaders headers, String bytes, boolean cut) {
        String header(String name) {
            return headers.firstValue(name).orElse(null);
        }

        String body() {
            return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
        }
    }

    private static final AtomicInteger REQUESTS = new AtomicInteger();

    private SSLContext before;
    RawProvider provider;
    RunningProxy proxy;

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        before = SSLContext.getDefault();
        if (tls() != null) {
            SSLContext.setDefault(tls());
        }
        proxy = new RunningProxy(folder.resolve("answers.refrain"), startProvider(), settings());
    }

    /** Starts the provider and returns its URL. */
    URI startProvider() throws IOException {
        provider = new RawProvider(call -> {}, tls());
        return provider.base();
    }

    void stopProvider() throws IOException {
        provider.close();
    }

    /** Makes the provider answer properly from now on. */
    void beWell(Api api, boolean streaming) {
        provider.does(answersWell(api, streaming));
    }

    /** The number of requests that the provider has received. */
    int calls() {
        return provider.calls();
    }

    @AfterAll
    void stop() throws IOException {
        proxy.close();
        stopProvider();
        SSLContext.setDefault(before);
    }

    /** The provider's TLS; null for none. */
    SSLContext tls() {
        return null;
    }

    Map<String, String> settings() {
        return Map.of(
                "REFRAIN_LIMITS_UPSTREAM_CALLS", "1",
                "REFRAIN_TIMEOUTS_RESPONSE", "10s",
                "REFRAIN_TIMEOUTS_IDLE", "10s");
    }

    /** A request that no test has made before. */
    static String newRequest(boolean streaming) {
        return "{\"n\":" + REQUESTS.incrementAndGet() + (streaming ? ",\"stream\":true}" : "}");
    }

    Received fetch(Api api, String request, String... headers) {
        return fetch(proxy.post(api.path, request, headers).setHeader("X-OpenRouter-Cache", "true"));
    }

    Received fetch(HttpRequest.Builder request) {
        return fetch(request, 0, () -> {});
    }

    /**
     * Reads an answer in two parts.
     *
     * @param first number of bytes of the body after which {@code then} runs
     */
    Received fetch(HttpRequest.Builder request, int first, Runnable then) {
        AtomicReference<HttpResponse.ResponseInfo> head = new AtomicReference<>();
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        // The body is not read from an InputStream: that of the JDK drops unread bytes on a failure.
        HttpResponse.BodyHandler<Void> reader = info -> {
            head.set(info);
            return BodySubscribers.ofByteArrayConsumer(piece -> {
                boolean before = body.size() < first;
                body.writeBytes(piece.orElse(new byte[0]));
                if (before && body.size() >= first) {
                    then.run();
                }
            });
        };
        boolean cut = false;
        try {
            proxy.send(request, reader);
        } catch (UncheckedIOException e) {
            if (head.get() == null) {
                throw e;
            }
            cut = true;
        }
        // An answer of known length is complete for its reader a moment before its call ends.
        until(() -> proxy.callsInFlight() == 0);
        return new Received(
                head.get().statusCode(), head.get().headers(), body.toString(StandardCharsets.ISO_8859_1), cut);
    }

    HttpRequest.Builder cached(Api api, String request) {
        return proxy.post(api.path, request).setHeader("X-OpenRouter-Cache", "true");
    }

    /** The head of an answer whose body ends with the connection. */
    static String head(String status, String... fields) {
        return "HTTP/1.1 " + status + "\r\n"
                + (fields.length == 0 ? "" : String.join("\r\n", fields) + "\r\n")
                + "\r\n";
    }

    static String length(String body) {
        return "Content-Length: " + body.getBytes(StandardCharsets.UTF_8).length;
    }

    static RawProvider.Script answers(String contentType, String body) {
        return call -> {
            call.body();
            call.write(head("200 OK", "Content-Type: " + contentType, length(body), "Connection: close"))
                    .write(body.getBytes(StandardCharsets.UTF_8));
        };
    }

    /** A well-formed answer to the request. */
    static RawProvider.Script answersWell(Api api, boolean streaming) {
        return answers(streaming ? "text/event-stream" : "application/json", api.goodAnswer(streaming));
    }

    /** Asserts that the fault has left neither an entry nor a call: the next answer is fetched and stored. */
    void assertNothingIsLeft(Api api, String request, boolean streaming) {
        beWell(api, streaming);
        int before = calls();
        Received next = fetch(api, request);
        assertThat(next.status()).as(next.body()).isEqualTo(200);
        assertThat(next.body()).isEqualTo(api.goodAnswer(streaming));
        assertThat(next.header(WireTest.STATUS)).isEqualTo("MISS");
        assertThat(fetch(api, request).header(WireTest.STATUS)).isEqualTo("HIT");
        assertThat(calls()).isEqualTo(before + 1);
    }

    /** Wire rule W31: asserts that this is an error of the proxy itself. */
    static void assertOwnError(Api api, Received answer, int status, String says) {
        assertThat(answer.status()).as(answer.body()).isEqualTo(status);
        String type = status == 504 ? "timeout_error" : "api_error";
        if (api == Api.MESSAGES) {
            assertThat(answer.body())
                    .startsWith("{\"type\":\"error\",\"error\":{\"message\":\"")
                    .endsWith("\"type\":\"" + type + "\"}}");
        } else {
            assertThat(answer.body())
                    .startsWith("{\"error\":{\"message\":\"")
                    .endsWith("\"type\":\"upstream_error\",\"param\":null,\"code\":" + status + "}}");
        }
        assertThat(answer.body()).contains(says).doesNotContain("Exception", "sk-test");
        assertThat(answer.header("Content-Type")).isEqualTo("application/json");
        assertThat(answer.header(WireTest.GENERATION)).startsWith("gen-");
        assertThat(answer.header(WireTest.STATUS)).isEqualTo("MISS");
        assertThat(answer.header("Cache-Status"))
                .contains("refrain; fwd=miss")
                .doesNotContain("stored", "hit", "collapsed");
    }
}
