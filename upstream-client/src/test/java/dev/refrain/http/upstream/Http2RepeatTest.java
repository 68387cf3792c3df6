package dev.refrain.http.upstream;

import static dev.refrain.testing.Await.until;
import static dev.refrain.testing.Http2Provider.HEADERS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.semantics.forward.RequestBody;
import dev.refrain.testing.Http2Provider;
import io.netty.handler.codec.http2.Http2Error;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Which calls are repeated: those that the provider cannot have processed, and no others.
 *
 * <p>Long, since a provider can drop a call in many ways.
 */
class Http2RepeatTest extends Http2Test {
    private static final Duration SHORT = Duration.ofSeconds(2);

    private final MovableTimers time = new MovableTimers();

    /** Where the provider is in handling a request when it fails. */
    enum Stage {
        BEFORE_SETTINGS,
        HEAD_READ,
        BODY_BEGUN,
        ALL_READ,
        INTERIM_ANSWER,
        HEAD_SENT,
        BODY_SENT
    }

    private void die(Stage stage, Http2Provider.Connection connection) throws IOException {
        if (stage == Stage.BEFORE_SETTINGS) {
            connection.readPreface();
            while (connection.next().type() != HEADERS) {}
            return;
        }
        connection.greet();
        if (stage == Stage.HEAD_READ) {
            connection.next(HEADERS);
            return;
        }
        if (stage == Stage.BODY_BEGUN) {
            connection.next(Http2Provider.DATA);
            return;
        }
        int stream = connection.request().stream();
        if (stage == Stage.INTERIM_ANSWER) {
            connection.headers(stream, false, ":status", "100");
        } else if (stage != Stage.ALL_READ) {
            connection.headers(stream, false, ":status", "200");
        }
        if (stage == Stage.BODY_SENT) {
            connection.data(stream, false, OK);
        }
    }

    /** Every answer costs money, and a provider may have acted on any part of a request that it has read. */
    @ParameterizedTest
    @CsvSource({
        "BEFORE_SETTINGS, false",
        "BEFORE_SETTINGS, true",
        "HEAD_READ, false",
        "HEAD_READ, true",
        "BODY_BEGUN, false",
        "BODY_BEGUN, true",
        "ALL_READ, false",
        "ALL_READ, true",
        "INTERIM_ANSWER, false",
        "INTERIM_ANSWER, true",
        "HEAD_SENT, false",
        "HEAD_SENT, true",
        "BODY_SENT, false",
        "BODY_SENT, true"
    })
    void f36_aRequestThatMayHaveBeenReadIsNotSentAgain(Stage stage, boolean isReset) throws IOException {
        start(connection -> {
            if (provider.connections.get() > 1) {
                connection.greet();
                answerAll(connection);
            }
            die(stage, connection);
            if (isReset) {
                connection.breakOff();
            }
        });
        CollectedAnswer answer = post("x".repeat(100_000));
        assertThat(answer.failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(answer.head.isDone()).isEqualTo(stage.compareTo(Stage.HEAD_SENT) >= 0);
        assertThat(provider.requests).hasValue(1);
        assertThat(post("{}").text()).isEqualTo(OK);
    }

    @ParameterizedTest
    @EnumSource(
            value = Http2Error.class,
            names = {"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "CANCEL", "ENHANCE_YOUR_CALM"})
    void aStreamThatIsResetForAnyOtherReasonFails(Http2Error error) throws IOException {
        start(connection -> {
            connection.greet();
            connection.reset(connection.request().stream(), error.code());
            answerAll(connection);
        });
        assertThat(post("{}").failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(provider.requests).hasValue(1);
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(1);
    }

    private static void answerInHttp1(Http2Provider.Connection connection) throws IOException {
        while (true) {
            connection.http1Request();
            connection.raw(("HTTP/1.1 200 OK\r\nContent-Length: " + OK.length() + "\r\n\r\n" + OK)
                    .getBytes(StandardCharsets.US_ASCII));
        }
    }

    private interface Answer {
        void run() throws IOException;
    }

    /** The provider may have processed the request (RFC 9113, 8.7), so that call fails. The next ones use HTTP/1.1. */
    @Test
    void aProviderThatAsksForHttp1GetsItFromThenOn() throws IOException {
        AtomicReference<Answer> answer = new AtomicReference<>();
        CountDownLatch asked = new CountDownLatch(1);
        start(connection -> {
            if (!connection.protocol.equals("h2")) {
                answerInHttp1(connection);
            }
            connection.greet();
            // The two calls may use one connection or two.
            while (true) {
                Http2Provider.Request request = connection.request();
                if (request.body().contains("2")) {
                    answer.set(() -> connection.answer(request.stream(), OK));
                    asked.countDown();
                } else {
                    connection.reset(request.stream(), Http2Error.HTTP_1_1_REQUIRED.code());
                    connection.write(Http2Provider.PING, 0, 0, new byte[8]);
                    connection.next(Http2Provider.PING);
                    answer.get().run();
                }
            }
        });
        CollectedAnswer other = post("{\"n\":2}");
        await(asked);
        assertThat(post("{\"n\":1}").failure().detail()).isEqualTo("upstream-unreachable");
        // The other call, already under way, is not disturbed.
        assertThat(other.text()).isEqualTo(OK);
        assertThat(provider.requests).hasValue(2);
        for (int i = 0; i < 3; i++) {
            assertThat(post("{}").text()).isEqualTo(OK);
        }
        assertThat(provider.requests).hasValue(2);
    }

    /** With a GOAWAY, the provider says which calls it has not processed. These are repeated at once. */
    @Test
    void unprocessedCallsAreRepeatedOverHttp1() throws IOException {
        start(connection -> {
            if (!connection.protocol.equals("h2")) {
                answerInHttp1(connection);
            }
            connection.greet();
            connection.request();
            connection.goAway(0, (int) Http2Error.HTTP_1_1_REQUIRED.code());
            connection.drain();
        });
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.requests).hasValue(1);
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.requests).hasValue(1);
    }

    @Test
    void aRefusedStreamIsRepeated() throws IOException {
        start(connection -> {
            connection.greet();
            if (provider.connections.get() == 1) {
                connection.reset(connection.next(HEADERS).stream(), Http2Error.REFUSED_STREAM.code());
                connection.drain();
            }
            answerAll(connection);
        });
        assertThat(post("x".repeat(100_000)).text()).isEqualTo(OK);
        assertThat(provider.requests).hasValue(2);
    }

    @Test
    void aRefusedStreamIsNotRepeatedForEver() throws IOException {
        start(connection -> {
            connection.greet();
            while (true) {
                connection.reset(connection.request().stream(), Http2Error.REFUSED_STREAM.code());
            }
        });
        assertThat(post("{}").failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(provider.requests).hasValue(4);
    }

    /** The provider refuses the stream after it has begun to answer, so the refusal cannot be trusted. */
    @ParameterizedTest
    @ValueSource(strings = {"103", "200"})
    void aStreamRefusedAfterItsAnswerBeganIsNotRepeated(String status) throws IOException {
        start(connection -> {
            connection.greet();
            int stream = connection.request().stream();
            connection.headers(stream, false, ":status", status).reset(stream, Http2Error.REFUSED_STREAM.code());
            connection.drain();
        });
        assertThat(post("{}").failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(provider.requests).hasValue(1);
    }

    /** The body was read from the client, and was not kept. */
    @Test
    void aRequestWhoseBodyWasNotKeptIsNotRepeated() throws IOException {
        start(connection -> {
            connection.greet();
            connection.reset(connection.next(HEADERS).stream(), Http2Error.REFUSED_STREAM.code());
            connection.drain();
        });
        CollectedAnswer answer = call(request("POST", once("{}")));
        assertThat(answer.failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(provider.requests).hasValue(1);
    }

    /** The GOAWAY's stream number alone says what was processed, whatever its error code (RFC 9113, 6.8). */
    @ParameterizedTest
    @EnumSource(
            value = Http2Error.class,
            names = {"NO_ERROR", "INTERNAL_ERROR", "ENHANCE_YOUR_CALM"})
    void streamsAfterTheLastProcessedOneAreRepeated(Http2Error error) throws IOException {
        CountDownLatch both = new CountDownLatch(1);
        start(connection -> {
            connection.greet();
            if (provider.connections.get() == 1) {
                int first = connection.request().stream();
                both.countDown();
                connection.request();
                connection.goAway(first, (int) error.code());
                connection.answer(first, "first");
                connection.drain();
            }
            answerAll(connection);
        });
        CollectedAnswer first = post("{}");
        until(() -> both.getCount() == 0);
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(first.text()).isEqualTo("first");
        assertThat(provider.requests).hasValue(3);
        assertThat(provider.connections).hasValue(2);
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 99, Integer.MAX_VALUE})
    void streamsUpToTheLastProcessedOneAreNotRepeated(int last) throws IOException {
        start(connection -> {
            connection.greet();
            if (provider.connections.get() == 1) {
                connection.request();
                connection.goAway(last, 0);
                return;
            }
            answerAll(connection);
        });
        assertThat(post("{}").failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(provider.requests).hasValue(1);
        assertThat(post("{}").text()).isEqualTo(OK);
    }

    /** An orderly shutdown in two steps: calls under way end, and new ones go elsewhere. */
    @Test
    void aProviderThatShutsDownLosesNothing() throws IOException {
        CountDownLatch retired = new CountDownLatch(1);
        start(connection -> {
            connection.greet();
            if (provider.connections.get() == 1) {
                int first = connection.request().stream();
                connection.goAway(Integer.MAX_VALUE, 0);
                connection.goAway(first, 0);
                connection.write(Http2Provider.PING, 0, 0, new byte[8]);
                connection.next(Http2Provider.PING);
                retired.countDown();
                connection.answer(first, "first");
                connection.drain();
            }
            answerAll(connection);
        });
        CollectedAnswer first = post("{}");
        until(() -> retired.getCount() == 0);
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(first.text()).isEqualTo("first");
        assertThat(provider.requests).hasValue(2);
    }

    @Test
    void aConnectionThatIsClosedWhileIdleIsReplaced() throws IOException {
        start(connection -> {
            connection.greet();
            connection.answer(connection.request().stream(), OK);
        });
        for (int i = 1; i <= 20; i++) {
            assertThat(post("{}").text()).isEqualTo(OK);
            int closed = i;
            until(() -> client.connections().idle() == 0 && provider.connections.get() == closed);
        }
        assertThat(provider.requests).hasValue(20);
    }

    private void startWithTime(Http2Provider.Script script) throws IOException {
        provider = new Http2Provider(script);
        client = client(SHORT, LONG, LONG, LONG, true, memory, time);
    }

    /**
     * Advances the time by the limit of silence, and has connections checked, until the condition holds. In total it
     * advances less than the time limit of a call.
     */
    private void passTime(BooleanSupplier until) {
        for (int i = 0; i < 10 && !until.getAsBoolean(); i++) {
            time.advance(SHORT.toNanos());
            client.connections().sweep();
            for (int looks = 0; looks < 500 && !until.getAsBoolean(); looks++) {
                LockSupport.parkNanos(200_000);
            }
        }
        until(until);
    }

    /** The connection never ends: a cable is cut, or a machine is off. */
    @Test
    void aDeadConnectionIsNoticed() throws IOException {
        CountDownLatch over = new CountDownLatch(1);
        startWithTime(connection -> {
            connection.greet();
            connection.answer(connection.request().stream(), OK);
            if (provider.connections.get() == 1) {
                over.await();
            }
            answerAll(connection);
        });
        assertThat(post("{}").text()).isEqualTo(OK);
        List<CollectedAnswer> stuck = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            stuck.add(post("{}"));
        }
        passTime(() -> stuck.stream().allMatch(CollectedAnswer::isOver));
        for (CollectedAnswer answer : stuck) {
            assertThat(answer.failure().detail()).isEqualTo("upstream-unreachable");
        }
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(2);
        over.countDown();
    }

    /** When this returns, the client has read all that the provider sent before. */
    private static void roundTrip(Http2Provider.Connection connection) throws IOException {
        connection.write(Http2Provider.PING, 0, 0, new byte[8]);
        connection.next(Http2Provider.PING);
    }

    /** Many models think for minutes, and their providers answer PINGs meanwhile. */
    @Test
    void aProviderThatThinksForLongIsNotCut() throws IOException {
        CountDownLatch thinking = new CountDownLatch(1);
        AtomicInteger asked = new AtomicInteger();
        startWithTime(connection -> {
            connection.greet();
            connection.answer(connection.request().stream(), OK);
            int stream = connection.request().stream();
            roundTrip(connection);
            thinking.countDown();
            while (asked.get() < 5) {
                connection.next(Http2Provider.PING);
                roundTrip(connection);
                asked.incrementAndGet();
            }
            connection.answer(stream, OK);
            connection.drain();
        });
        assertThat(post("{}").text()).isEqualTo(OK);
        CollectedAnswer answer = post("{}");
        await(thinking);
        for (int i = 1; i <= 5; i++) {
            int times = i;
            time.advance(SHORT.toNanos());
            client.connections().sweep();
            until(() -> asked.get() == times);
        }
        assertThat(answer.text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(1);
    }

    @Test
    void aProviderWithoutSettingsIsNotReached() throws IOException {
        AtomicInteger greeted = new AtomicInteger();
        startWithTime(connection -> {
            connection.readPreface();
            greeted.incrementAndGet();
            while (true) {
                connection.next();
            }
        });
        for (int i = 1; i <= 2; i++) {
            int times = i;
            CollectedAnswer answer = post("{}");
            until(() -> greeted.get() == times);
            passTime(answer::isOver);
            assertThat(answer.failure().reason()).isEqualTo("handshake-timed-out");
        }
    }

    /** A body that can be read once. */
    private static RequestBody once(String text) {
        HeldBody body = new HeldBody(text.getBytes(StandardCharsets.UTF_8));
        return new RequestBody() {
            @Override
            public long contentLength() {
                return body.contentLength();
            }

            @Override
            public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
                body.subscribe(subscriber);
            }
        };
    }
}
