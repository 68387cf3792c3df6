package dev.refrain.http.upstream;

import static dev.refrain.testing.Await.until;
import static dev.refrain.testing.Http2Provider.MAX_CONCURRENT_STREAMS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.Http2Provider;
import dev.refrain.testing.Http2Provider.Connection;
import io.netty.handler.codec.http2.Http2Error;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How many calls share a connection, and how many connections are opened. */
class Http2PlacesTest extends Http2Test {
    /** Answers requests in small groups, and asserts that never more than {@code most} are open. */
    private static void answerSlowly(Connection connection, int most, int together) throws IOException {
        Deque<Integer> open = new ArrayDeque<>();
        while (true) {
            open.add(connection.request().stream());
            assertThat(open).hasSizeLessThanOrEqualTo(most);
            if (open.size() >= together) {
                while (!open.isEmpty()) {
                    connection.answer(open.poll(), OK);
                }
            }
        }
    }

    private void assertAllAnswered(int calls) {
        List<CollectedAnswer> answers = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            answers.add(post("{\"n\":" + i + "}"));
        }
        for (CollectedAnswer answer : answers) {
            assertThat(answer.text()).isEqualTo(OK);
        }
    }

    /** All calls start at once, the first ones before the provider's limit is known. */
    @ParameterizedTest
    @CsvSource({"1, 30", "2, 60", "100, 500", "100, 2000", "1000, 500"})
    void moreConnectionsAreOpenedWhenAllAreFull(int streams, int calls) throws IOException {
        start(connection -> {
            connection.greet(MAX_CONCURRENT_STREAMS, streams);
            answerSlowly(connection, Math.min(streams, Http2Connection.MOST_CALLS), 1);
        });
        assertAllAnswered(calls);
        int most = Math.min(streams, Http2Connection.MOST_CALLS);
        assertThat(provider.requests).hasValue(calls);
        assertThat(provider.connections).hasValueLessThanOrEqualTo(2 * ((calls + most - 1) / most) + 2);
    }

    /** Requests on the first connection wait for answers while the others come, which therefore use another one. */
    @ParameterizedTest
    @CsvSource({"1, 5", "2, 9", "100, 250"})
    void aFullConnectionDelaysNobody(int streams, int calls) throws Exception {
        CountDownLatch allAsked = new CountDownLatch(calls);
        Queue<Asked> asked = new ConcurrentLinkedQueue<>();
        start(connection -> {
            connection.greet(MAX_CONCURRENT_STREAMS, streams);
            for (int open = 1; ; open++) {
                asked.add(new Asked(connection, connection.request().stream()));
                assertThat(open).isLessThanOrEqualTo(streams);
                allAsked.countDown();
            }
        });
        List<CollectedAnswer> answers = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            answers.add(post("{}"));
        }
        await(allAsked);
        for (Asked each : asked) {
            each.connection().answer(each.stream(), OK);
        }
        for (CollectedAnswer answer : answers) {
            assertThat(answer.text()).isEqualTo(OK);
        }
    }

    /** A call without an answer yet. */
    private record Asked(Connection connection, int stream) {}

    /** A provider lowers its limit, and must not be sent more. */
    @Test
    void theLimitMayBeLoweredAndRaised() throws Exception {
        AtomicInteger phase = new AtomicInteger();
        start(connection -> {
            connection.greet(MAX_CONCURRENT_STREAMS, 100);
            if (provider.connections.get() > 1) {
                answerAll(connection);
            }
            int first = connection.request().stream();
            connection.settings(MAX_CONCURRENT_STREAMS, 1);
            connection.write(Http2Provider.PING, 0, 0, new byte[8]);
            connection.next(Http2Provider.PING);
            phase.set(1);
            connection.write(Http2Provider.PING, 0, 0, new byte[8]);
            connection.next(Http2Provider.PING);
            while (phase.get() == 1) {
                connection.write(Http2Provider.PING, 0, 0, new byte[8]);
                assertThat(connection.next().type()).isEqualTo(Http2Provider.PING);
            }
            connection.settings(MAX_CONCURRENT_STREAMS, 3);
            connection.answer(first, "first");
            answerAll(connection);
        });
        CollectedAnswer first = post("{}");
        until(() -> phase.get() == 1);
        assertAllAnswered(10);
        assertThat(first.isOver()).isFalse();
        assertThat(provider.connections).hasValue(2);
        phase.set(2);
        assertThat(first.text()).isEqualTo("first");
        assertAllAnswered(10);
    }

    @Test
    void aProviderWithALimitOfZeroIsUnreachable() throws IOException {
        start(connection -> {
            connection.greet(MAX_CONCURRENT_STREAMS, 0);
            while (true) {
                connection.reset(connection.request().stream(), Http2Error.REFUSED_STREAM.code());
            }
        });
        assertThat(post("{}").failure().detail()).isEqualTo("upstream-unreachable");
    }

    /** A provider may refuse calls within its own limit. */
    @Test
    void aProviderThatRefusesCallsGetsFewer() throws IOException {
        start(connection -> {
            connection.greet(MAX_CONCURRENT_STREAMS, 100);
            // After this answer, the limit is known, and the next calls share this connection.
            connection.answer(connection.request().stream(), OK);
            Deque<Integer> open = new ArrayDeque<>();
            boolean hasRefused = false;
            while (true) {
                int stream = connection.request().stream();
                if (open.size() == 5) {
                    hasRefused = true;
                    connection.reset(stream, 7);
                } else {
                    open.add(stream);
                }
                while (hasRefused && !open.isEmpty()) {
                    connection.answer(open.poll(), OK);
                }
            }
        });
        assertAllAnswered(1);
        assertAllAnswered(6);
    }

    @Test
    void idleConnectionsAreClosedInTheEnd() throws IOException {
        provider = new Http2Provider(connection -> {
            connection.greet();
            answerAll(connection);
        });
        client = client(LONG, LONG, LONG, Duration.ofMillis(200), true);
        assertThat(post("{}").text()).isEqualTo(OK);
        until(() -> client.connections().idle() == 0);
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(2);
    }

    /** Connections are kept even if misses are rare, because each new connection costs a handshake. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void f37_connectionsAreKeptForAsLongAsTheyMayBeIdle(boolean http2) throws IOException {
        provider = new Http2Provider(connection -> {
            if (connection.protocol.equals("h2")) {
                connection.greet();
                answerAll(connection);
            }
            while (true) {
                connection.http1Request();
                connection.raw(("HTTP/1.1 200 OK\r\nContent-Length: " + OK.length() + "\r\n\r\n" + OK)
                        .getBytes(StandardCharsets.US_ASCII));
            }
        });
        MovableTimers time = new MovableTimers();
        client = client(LONG, LONG, LONG, Duration.ofSeconds(90), http2, memory, time);
        for (int i = 0; i < 5; i++) {
            assertThat(post("{}").text()).isEqualTo(OK);
            until(() -> client.connections().idle() == 1);
            time.advance(TimeUnit.SECONDS.toNanos(89));
            client.connections().sweep();
        }
        assertThat(provider.connections).hasValue(1);
        time.advance(TimeUnit.SECONDS.toNanos(2));
        client.connections().sweep();
        until(() -> client.connections().idle() == 0);
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(2);
    }
}
