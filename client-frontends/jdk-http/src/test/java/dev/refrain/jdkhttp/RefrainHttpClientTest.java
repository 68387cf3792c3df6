package dev.refrain.jdkhttp;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.ResponseCache;
import dev.refrain.testing.ScriptedProvider;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.WeakReference;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Features of the JDK's client only: body handlers, body publishers, futures, time limits. */
class RefrainHttpClientTest {
    private static final String STATUS = "X-OpenRouter-Cache-Status";
    private static final String REQUEST = "{\"model\":\"m\"}";

    @TempDir
    Path folder;

    private final ResponseCache cache = open();
    private final HttpClient client = RefrainHttpClient.wrap(HttpClient.newHttpClient(), cache);
    private final CountDownLatch proceed = new CountDownLatch(1);
    private ScriptedProvider provider;

    private static ResponseCache open() {
        try {
            return ResponseCache.onHeap(16L << 20).open();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @BeforeEach
    void start() throws IOException {
        provider = new ScriptedProvider();
    }

    @AfterEach
    void stop() {
        proceed.countDown();
        cache.close();
        provider.close();
    }

    private HttpRequest.Builder request(BodyPublisher body) {
        return HttpRequest.newBuilder(URI.create(provider.base() + "/chat/completions"))
                .header("Authorization", "Bearer sk-test")
                .POST(body);
    }

    private HttpRequest request() {
        return request(BodyPublishers.ofString(REQUEST)).build();
    }

    private void waitBeforeAnswering() {
        provider.does((exchange, received) -> {
            assertThat(proceed.await(60, TimeUnit.SECONDS)).isTrue();
            ScriptedProvider.json(exchange, 200, ScriptedProvider.COMPLETE);
        });
    }

    private static String status(HttpResponse<?> response) {
        return response.headers().firstValue(STATUS).orElse(null);
    }

    @Test
    void everyHandlerGetsTheSameOnAHit() throws Exception {
        for (String expected : new String[] {"MISS", "HIT", "HIT"}) {
            HttpResponse<String> text = client.send(request(), BodyHandlers.ofString());
            assertThat(status(text)).isEqualTo(expected);
            assertThat(text.body()).isEqualTo(ScriptedProvider.COMPLETE);
            assertThat(text.uri()).isEqualTo(request().uri());
        }
        assertThat(client.send(request(), BodyHandlers.ofByteArray()).body())
                .asString(StandardCharsets.UTF_8)
                .isEqualTo(ScriptedProvider.COMPLETE);
        assertThat(client.send(request(), BodyHandlers.ofLines()).body()).containsExactly(ScriptedProvider.COMPLETE);
        Path file = client.send(request(), BodyHandlers.ofFile(folder.resolve("answer")))
                .body();
        assertThat(Files.readString(file)).isEqualTo(ScriptedProvider.COMPLETE);
        HttpResponse<Void> nothing = client.send(request(), BodyHandlers.discarding());
        assertThat(nothing.statusCode()).isEqualTo(200);
        CompletableFuture<HttpResponse<String>> hit = client.sendAsync(request(), BodyHandlers.ofString());
        assertThat(hit).isDone();
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void aPublisherIsAskedOnce() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        BodyPublisher inner = BodyPublishers.ofString(REQUEST);
        BodyPublisher counting = new BodyPublisher() {
            @Override
            public long contentLength() {
                return inner.contentLength();
            }

            @Override
            public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
                asked.incrementAndGet();
                inner.subscribe(subscriber);
            }
        };
        assertThat(status(client.send(request(counting).build(), BodyHandlers.ofString())))
                .isEqualTo("MISS");
        assertThat(asked).hasValue(1);
        assertThat(status(client.send(request(counting).build(), BodyHandlers.ofString())))
                .isEqualTo("HIT");
        assertThat(asked).hasValue(2);
        assertThat(provider.received().get(0).body()).isEqualTo(REQUEST);
    }

    @Test
    void aBodyOfUnknownLengthIsSentAndNotCached() throws Exception {
        for (int i = 1; i <= 2; i++) {
            HttpRequest request = request(BodyPublishers.ofInputStream(
                            () -> new ByteArrayInputStream(REQUEST.getBytes(StandardCharsets.UTF_8))))
                    .build();
            HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
            assertThat(response.headers().firstValue("Cache-Status").orElseThrow())
                    .contains("fwd=bypass; detail=payload-too-large");
            assertThat(provider.received())
                    .hasSize(i)
                    .allSatisfy(received -> assertThat(received.body()).isEqualTo(REQUEST));
        }
    }

    @Test
    void aRequestsTimeoutLimitsHowLongItWaitsForAnothersCall() throws Exception {
        waitBeforeAnswering();
        CompletableFuture<HttpResponse<String>> leader = client.sendAsync(request(), BodyHandlers.ofString());
        HttpRequest hasty = request(BodyPublishers.ofString(REQUEST))
                .timeout(Duration.ofMillis(100))
                .build();
        assertThatThrownBy(() -> client.send(hasty, BodyHandlers.ofString())).isInstanceOf(HttpTimeoutException.class);
        assertThatThrownBy(
                        () -> client.sendAsync(hasty, BodyHandlers.ofString()).get(60, TimeUnit.SECONDS))
                .hasCauseInstanceOf(HttpTimeoutException.class);
        proceed.countDown();
        assertThat(status(leader.get(60, TimeUnit.SECONDS))).isEqualTo("MISS");
    }

    /** A publisher may announce a length and then publish nothing. */
    @Test
    void aRequestsTimeoutLimitsHowLongItsBodyIsWaitedFor() {
        try (SubmissionPublisher<ByteBuffer> silent = new SubmissionPublisher<>()) {
            HttpRequest request = request(BodyPublishers.fromPublisher(silent, 10))
                    .timeout(Duration.ofMillis(100))
                    .build();
            assertThatThrownBy(() ->
                            client.sendAsync(request, BodyHandlers.ofString()).get(60, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(HttpTimeoutException.class);
            until(() -> !silent.hasSubscribers());
            assertThat(provider.calls()).isZero();
        }
    }

    /** Time limits may be many minutes. An answer that a pending time limit held would stay in memory as long. */
    @Test
    void aTimeoutKeepsNothingOfAnAnswerThatHasCome() throws Exception {
        HttpRequest patient = request(BodyPublishers.ofString(REQUEST))
                .timeout(Duration.ofHours(1))
                .build();
        WeakReference<Object> body = new WeakReference<>(client.sendAsync(patient, BodyHandlers.ofByteArray())
                .get(60, TimeUnit.SECONDS)
                .body());
        until(() -> {
            System.gc();
            return body.get() == null;
        });
    }

    @Test
    void w29_theAnswerOfACancelledRequestIsThereForTheNext() throws Exception {
        waitBeforeAnswering();
        CompletableFuture<HttpResponse<String>> first = client.sendAsync(request(), BodyHandlers.ofString());
        first.cancel(true);
        proceed.countDown();
        assertThat(status(client.send(request(), BodyHandlers.ofString()))).isEqualTo("HIT");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void theClientsFailuresAreItsOwn() {
        provider.close();
        assertThatThrownBy(() -> client.send(request(), BodyHandlers.ofString()))
                .isInstanceOf(ConnectException.class);
        assertThatThrownBy(() ->
                        client.sendAsync(request(), BodyHandlers.ofString()).get(60, TimeUnit.SECONDS))
                .hasCauseInstanceOf(ConnectException.class);
    }

    @Test
    void aRequestThatIsNotForTheCacheGoesToTheWrappedClient() throws Exception {
        HttpRequest models = HttpRequest.newBuilder(URI.create(provider.base() + "/models"))
                .header("X-OpenRouter-Cache", "true")
                .build();
        assertThat(status(client.send(models, BodyHandlers.ofString()))).isNull();
        assertThat(provider.received().get(0).headers()).doesNotContainKey("X-openrouter-cache");
        assertThat(client.version()).isEqualTo(HttpClient.Version.HTTP_2);
    }
}
