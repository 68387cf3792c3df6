package dev.refrain.http.upstream;

import static dev.refrain.testing.Await.until;
import static dev.refrain.testing.Http2Provider.DATA;
import static dev.refrain.testing.Http2Provider.HEADERS;
import static dev.refrain.testing.Http2Provider.INITIAL_WINDOW_SIZE;
import static dev.refrain.testing.Http2Provider.PING;
import static dev.refrain.testing.Http2Provider.RST_STREAM;
import static dev.refrain.testing.Http2Provider.WINDOW_UPDATE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.forward.RequestBody;
import dev.refrain.testing.Http2Provider;
import dev.refrain.testing.Http2Provider.Connection;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Flow control: which side may send before the other reads, and how much (RFC 9113, 5.2). */
class Http2FlowTest extends Http2Test {
    /** An answer whose client reads nothing until it is told to. */
    private static final class Stalled extends CollectedAnswer {
        private final AtomicReference<Runnable> drained = new AtomicReference<>();
        private volatile boolean takes;

        @Override
        public void whenDrained(Runnable action) {
            if (takes) {
                action.run();
            } else {
                drained.set(action);
                if (takes) {
                    take();
                }
            }
        }

        void take() {
            takes = true;
            Runnable action = drained.getAndSet(null);
            if (action != null) {
                action.run();
            }
        }
    }

    /** Sends as much on a stream as its window allows, and continues when the window grows. */
    private static final class Sender {
        private final Connection connection;
        private final int stream;
        private long window;
        private int left;
        private int sent;

        Sender(Connection connection, int stream, int window, int length) {
            this.connection = connection;
            this.stream = stream;
            this.window = window;
            this.left = length;
        }

        void add(Http2Provider.Frame frame) {
            if (frame.type() == WINDOW_UPDATE && frame.stream() == stream) {
                window += ByteBuffer.wrap(Http2Provider.latin(frame.payload())).getInt();
            }
        }

        void send(int pieceBytes) throws IOException {
            while (left > 0 && window > 0) {
                sendOne(pieceBytes);
            }
        }

        void sendOne(int pieceBytes) throws IOException {
            int piece = (int) Math.min(Math.min(window, left), pieceBytes);
            left -= piece;
            window -= piece;
            sent += piece;
            connection.data(stream, left == 0, "x".repeat(piece));
        }
    }

    /** Returns the window that the client's settings give to all streams. */
    private static int greet(Connection connection) throws IOException {
        AtomicInteger window = new AtomicInteger(65_535);
        connection.listener = frame -> {
            if (frame.type() == Http2Provider.SETTINGS && frame.flags() == 0) {
                ByteBuffer settings = ByteBuffer.wrap(Http2Provider.latin(frame.payload()));
                while (settings.hasRemaining()) {
                    if (settings.getShort() == INITIAL_WINDOW_SIZE) {
                        window.set(settings.getInt());
                    } else {
                        settings.getInt();
                    }
                }
            }
        };
        connection.greet();
        connection.next(Http2Provider.SETTINGS);
        return window.get();
    }

    /** The answer is larger than the windows of the stream and of the connection. */
    @Test
    void anAnswerMayBeLargerThanAllWindows() throws IOException {
        int length = 9_000_000;
        start(connection -> {
            int window = greet(connection);
            Sender sender = new Sender(connection, connection.request().stream(), window, length);
            connection.listener = sender::add;
            connection.headers(sender.stream, false, ":status", "200", "content-length", Integer.toString(length));
            while (true) {
                sender.send(16_384);
                connection.next();
            }
        });
        assertThat(post("{}").text()).hasSize(length);
    }

    /** The largest window while an answer is sent piece by piece. */
    private long widest(MemoryBudget memory, int length) throws Exception {
        AtomicLong widest = new AtomicLong();
        provider = new Http2Provider(connection -> {
            int window = greet(connection);
            Sender sender = new Sender(connection, connection.request().stream(), window, length);
            connection.listener = sender::add;
            connection.headers(sender.stream, false, ":status", "200");
            while (sender.left > 0) {
                widest.accumulateAndGet(sender.window, Math::max);
                sender.sendOne(16_384);
                // Once this is answered, the client has returned the window of what it has read.
                connection.write(PING, 0, 0, new byte[8]);
                connection.next(PING);
            }
            connection.drain();
        });
        client = client(LONG, LONG, LONG, LONG, true, memory, new MovableTimers());
        assertThat(post("{}").text()).hasSize(length);
        return widest.get();
    }

    /** The clock stands still, so the client appears to read a whole window in no time. */
    @Test
    void theWindowOfAFastReaderGrows() throws Exception {
        long window = widest(memory, 6_000_000);
        assertThat(window)
                .isGreaterThan(Http2Connections.WIDEST_STREAM_WINDOW / 2)
                .isLessThanOrEqualTo(Http2Connections.WIDEST_STREAM_WINDOW);
    }

    /** The call has memory for the first window; the other half of the budget is for more important uses. */
    @Test
    void windowsDoNotGrowBeyondTheBudget() throws Exception {
        MemoryBudget tight = new MemoryBudget(1 << 20);
        assertThat(tight.reserve((1 << 20) / 2)).isTrue();
        assertThat(widest(tight, 1_000_000)).isLessThanOrEqualTo(Http2Connections.STREAM_WINDOW);
        until(() -> tight.usedBytes() == (1 << 20) / 2);
    }

    /** The provider can fill the window of each unread answer, so the client holds up to a window of bytes for each. */
    @Test
    void aClientThatDoesNotReadDelaysNobodyElse() throws Exception {
        int length = 1_000_000;
        int stalledCalls = 40;
        AtomicInteger held = new AtomicInteger();
        CountDownLatch filled = new CountDownLatch(1);
        start(connection -> {
            int window = greet(connection);
            connection.answer(connection.request().stream(), OK);
            Sender[] senders = new Sender[stalledCalls];
            connection.listener = frame -> {
                for (Sender sender : senders) {
                    if (sender != null) {
                        sender.add(frame);
                    }
                }
            };
            for (int i = 0; i < stalledCalls; i++) {
                senders[i] = new Sender(connection, connection.request().stream(), window, length);
                connection.headers(senders[i].stream, false, ":status", "200");
                // In pieces so small that their overhead would be most of the held memory.
                senders[i].send(i == 0 ? 7 : 4_000);
            }
            connection.write(PING, 0, 0, new byte[8]);
            connection.next(PING);
            for (Sender sender : senders) {
                held.addAndGet(sender.sent);
            }
            assertThat(held.get()).isEqualTo(stalledCalls * window);
            filled.countDown();
            Http2Provider.Request fast = connection.request();
            connection.answer(fast.stream(), OK);
            while (true) {
                for (Sender sender : senders) {
                    sender.send(16_384);
                }
                connection.next();
            }
        });
        assertThat(post("{}").text()).isEqualTo(OK);
        Stalled[] stalled = new Stalled[stalledCalls];
        for (int i = 0; i < stalledCalls; i++) {
            stalled[i] = new Stalled();
            fetch(request("GET", null), stalled[i]);
        }
        await(filled);
        assertThat(held.get()).isLessThanOrEqualTo(stalledCalls * Http2Connections.STREAM_WINDOW);
        assertThat(post("{}").text()).isEqualTo(OK);
        for (Stalled each : stalled) {
            each.take();
        }
        for (Stalled each : stalled) {
            assertThat(each.text()).hasSize(length);
        }
        assertThat(provider.connections).hasValue(1);
    }

    /** Bytes before the failure are delivered. */
    @Test
    void heldBytesAreDeliveredBeforeTheFailure() throws Exception {
        CountDownLatch sent = new CountDownLatch(1);
        // Long enough that the sender waits for the reader.
        String first = "1".repeat(10_000);
        start(connection -> {
            connection.greet();
            int stream = connection.request().stream();
            connection.headers(stream, false, ":status", "200");
            connection.data(stream, false, first).data(stream, false, "two").reset(stream, 2);
            connection.write(PING, 0, 0, new byte[8]);
            connection.next(PING);
            sent.countDown();
            connection.drain();
        });
        Stalled answer = new Stalled();
        fetch(request("GET", null), answer);
        await(sent);
        assertThat(answer.isOver()).isFalse();
        answer.take();
        assertThat(answer.failure().detail()).isEqualTo("upstream-unreachable");
        assertThat(new String(answer.bytes(), StandardCharsets.UTF_8)).isEqualTo(first + "two");
    }

    /** A client's body that counts how many of its bytes were requested. */
    private static final class CountedBody implements RequestBody {
        static final int PIECE = 10_000;
        final AtomicLong asked = new AtomicLong();
        private final int pieces;

        CountedBody(int pieces) {
            this.pieces = pieces;
        }

        @Override
        public long contentLength() {
            return -1;
        }

        @Override
        public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
            subscriber.onSubscribe(new Flow.Subscription() {
                private int left = pieces;

                @Override
                public void request(long count) {
                    asked.addAndGet(count);
                    for (long i = 0; i < count && left > 0; i++) {
                        if (--left == 0) {
                            subscriber.onNext(ByteBuffer.allocate(PIECE));
                            subscriber.onComplete();
                        } else {
                            subscriber.onNext(ByteBuffer.allocate(PIECE));
                        }
                    }
                }

                @Override
                public void cancel() {
                    left = 0;
                }
            });
        }
    }

    @Test
    void noMoreOfARequestIsReadThanTheProviderAccepts() throws Exception {
        int pieces = 100;
        CountedBody body = new CountedBody(pieces);
        CountDownLatch full = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        start(connection -> {
            connection.greet(INITIAL_WINDOW_SIZE, 25_000);
            connection.answer(connection.request().stream(), OK);
            int stream = connection.next(HEADERS).stream();
            int got = 0;
            while (got < 25_000) {
                got += connection.next(DATA).payload().length();
            }
            connection.write(PING, 0, 0, new byte[8]);
            connection.next(PING);
            full.countDown();
            goOn.await();
            assertThat(got).isEqualTo(25_000);
            while (got < pieces * CountedBody.PIECE) {
                connection.window(stream, 1000);
                int more = connection.next(DATA).payload().length();
                assertThat(more).isLessThanOrEqualTo(1000);
                got += more;
            }
            connection.answer(stream, OK);
            connection.drain();
        });
        assertThat(post("{}").text()).isEqualTo(OK);
        CollectedAnswer answer = call(request("POST", body));
        await(full);
        // The client's body was asked for one window, and for the bytes in transit.
        assertThat(body.asked.get()).isLessThanOrEqualTo(6);
        goOn.countDown();
        assertThat(answer.text()).isEqualTo(OK);
    }

    @Test
    void aWindowThatNeverOpensEndsWithTheCallsTime() throws Exception {
        CountDownLatch cancelled = new CountDownLatch(1);
        start(LONG, Duration.ofSeconds(1), LONG, connection -> {
            connection.greet(INITIAL_WINDOW_SIZE, 0);
            connection.next(RST_STREAM);
            cancelled.countDown();
            while (true) {
                connection.answer(connection.next(HEADERS).stream(), OK);
            }
        });
        assertThat(post("{\"n\":1}").failure().detail()).isEqualTo("upstream-timeout");
        await(cancelled);
        assertThat(call(request("GET", null)).text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(1);
    }

    @Test
    void aCancelledCallIsResetAndTheConnectionContinues() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicInteger code = new AtomicInteger();
        start(connection -> {
            connection.greet();
            int stream = connection.request().stream();
            connection.headers(stream, false, ":status", "200").data(stream, false, "{");
            begun.countDown();
            code.set(connection.next(RST_STREAM).payload().charAt(3));
            // These bytes were in transit when the stream was reset.
            connection.data(stream, false, "}").data(stream, true, "}");
            answerAll(connection);
        });
        CollectedAnswer answer = new CollectedAnswer();
        Upstream.Call call = fetch(request("GET", null), answer);
        await(begun);
        answer.head.get();
        call.cancel();
        assertThat(answer.failure().detail()).isEqualTo("upstream-cancelled");
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(code).hasValue(8);
        assertThat(provider.connections).hasValue(1);
    }
}
