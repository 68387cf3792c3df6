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
 * Which calls are made again: those that nobody can have acted on, and no others.
 *
 * <p>Long, since a provider can let go of a call in many ways.
 */
class Http2RepeatTest extends Http2Test {
    private static final Duration SHORT = Duration.ofSeconds(2);

    private final MovableTimers time = new MovableTimers();

    /** Where a provider has a request when it dies. */
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

    /** Each answer is paid for. Whatever a provider may have read, it may have acted on. */
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

    /** It may have acted on that request all the same (RFC 9113, 8.7), which fails; the next ones go by HTTP/1.1. */
    @Test
    void aProviderThatAsksForHttp1GetsItFromThenOn() throws IOException {
        AtomicReference<Answer> answer = new AtomicReference<>();
        CountDownLatch asked = new CountDownLatch(1);
        start(connection -> {
            if (!connection.protocol.equals("h2")) {
                answerInHttp1(connection);
            }
            connection.greet();
            // The two may come over one connection or over two.
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
        // One that is under way is not disturbed.
        assertThat(other.text()).isEqualTo(OK);
        assertThat(provider.requests).hasValue(2);
        for (int i = 0; i < 3; i++) {
            assertThat(post("{}").text()).isEqualTo(OK);
        }
        assertThat(provider.requests).hasValue(2);
    }

    /** Where it says so for the connection, it says which calls it has not looked at: they are made again at once. */
    @Test
    void callsThatItHasNotLookedAtGoByHttp1() throws IOException {
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
    void aRefusedStreamIsMadeAgain() throws IOException {
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
    void notForEver() throws IOException {
        start(connection -> {
            connection.greet();
            while (true) {
                connection.reset(connection.request().stream(), Http2Error.REFUSED_STREAM.code());
            }
        });
        assertThat(post("{}").failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(provider.requests).hasValue(4);
    }

    /** A provider that says so after it has begun to answer is not to be believed. */
    @ParameterizedTest
    @ValueSource(strings = {"103", "200"})
    void aStreamThatIsRefusedAfterItsAnswerBeganIsNotMadeAgain(String status) throws IOException {
        start(connection -> {
            connection.greet();
            int stream = connection.request().stream();
            connection.headers(stream, false, ":status", status).reset(stream, Http2Error.REFUSED_STREAM.code());
            connection.drain();
        });
        assertThat(post("{}").failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(provider.requests).hasValue(1);
    }

    /** It has been taken from the client, and is not kept. */
    @Test
    void aRequestThatIsNotHeldIsNotMadeAgain() throws IOException {
        start(connection -> {
            connection.greet();
            connection.reset(connection.next(HEADERS).stream(), Http2Error.REFUSED_STREAM.code());
            connection.drain();
        });
        CollectedAnswer answer = call(request("POST", once("{}")));
        assertThat(answer.failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(provider.requests).hasValue(1);
    }

    /** Whatever error it comes with: the stream's number alone says what was processed (RFC 9113, 6.8). */
    @ParameterizedTest
    @EnumSource(
            value = Http2Error.class,
            names = {"NO_ERROR", "INTERNAL_ERROR", "ENHANCE_YOUR_CALM"})
    void streamsBeyondTheLastOneAreMadeAgain(Http2Error error) throws IOException {
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
    void streamsUpToTheLastOneAreNot(int last) throws IOException {
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

    /** In two steps, as servers do that want to lose nothing: calls under way end, and new ones go elsewhere. */
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
     * Lets as much time go by as a provider may be silent, and has its connections looked at, until something has come
     * of it; but less than calls may take, which go by the same time.
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

    /** No end of the connection comes: a cable is cut, a machine is off. */
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

    /** All that the provider has sent has been read when this returns. */
    private static void roundTrip(Http2Provider.Connection connection) throws IOException {
        connection.write(Http2Provider.PING, 0, 0, new byte[8]);
        connection.next(Http2Provider.PING);
    }

    /** Many think for minutes, and answer a PING all the while. */
    @Test
    void aProviderThatThinksForLongIsNotDead() throws IOException {
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

    /** A body that is there for the first who asks. */
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
