package dev.refrain.semantics.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.RequestFields;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What a reader gets, how far the source of the answer may be ahead of it, and how much memory is held meanwhile. */
class ClientExchangeTest {
    private static final int AHEAD = 64 * 1024;

    private final MemoryBudget budget = new MemoryBudget(4 << 20);
    private boolean cancelled;
    private Duration timeout = Duration.ZERO;
    private final ClientExchange exchange = exchange();

    private ClientExchange exchange() {
        return new ClientExchange(
                new ClientRequest() {
                    @Override
                    public String method() {
                        throw new AssertionError();
                    }

                    @Override
                    public RequestUrl url() {
                        throw new AssertionError();
                    }

                    @Override
                    public RequestFields fields() {
                        throw new AssertionError();
                    }

                    @Override
                    public byte[] body(int limit) {
                        throw new AssertionError();
                    }

                    @Override
                    public ProviderAnswer send(byte[] changed) {
                        throw new AssertionError();
                    }

                    @Override
                    public boolean isCancelled() {
                        return cancelled;
                    }

                    @Override
                    public Duration timeout() {
                        return timeout;
                    }
                },
                RequestRecord.NONE,
                budget);
    }

    private static void begin(ClientExchange exchange) {
        CacheOutcome miss = new CacheOutcome.Miss(300, false);
        exchange.head(new ResponseHead(200, null, null, -1, null, miss, Map.of()));
    }

    private static void pass(ClientExchange exchange, int bytes) {
        exchange.chunk(ByteBuffer.allocate(bytes));
    }

    @Test
    void aReaderGetsThePiecesInOrder() throws IOException {
        begin(exchange);
        for (String piece : new String[] {"one ", "two ", "three"}) {
            exchange.chunk(ByteBuffer.wrap(piece.getBytes(StandardCharsets.US_ASCII)));
        }
        assertThat(exchange.readNBytes(6)).asString(StandardCharsets.US_ASCII).isEqualTo("one tw");
        exchange.end();
        assertThat(exchange.readAllBytes()).asString(StandardCharsets.US_ASCII).isEqualTo("o three");
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void aSourceWaitsOnceItIsFarAhead() throws IOException {
        AtomicInteger drained = new AtomicInteger();
        begin(exchange);
        pass(exchange, AHEAD);
        exchange.whenDrained(drained::incrementAndGet);
        assertThat(drained).hasValue(1);
        pass(exchange, 1);
        exchange.whenDrained(drained::incrementAndGet);
        assertThat(drained).hasValue(1);
        assertThat(exchange.read()).isZero();
        assertThat(drained).hasValue(2);
    }

    @Test
    void aReaderThatLeavesLetsTheSourceGoOnAndHoldsNothing() throws IOException {
        AtomicInteger told = new AtomicInteger();
        begin(exchange);
        exchange.whenGone(told::incrementAndGet);
        pass(exchange, 2 * AHEAD);
        exchange.whenDrained(told::incrementAndGet);
        exchange.close();
        exchange.close();
        assertThat(told).hasValue(2);
        assertThat(exchange.hasReader()).isFalse();
        pass(exchange, AHEAD);
        assertThat(budget.usedBytes()).isZero();
        exchange.whenGone(told::incrementAndGet);
        assertThat(told).hasValue(3);
        assertThatThrownBy(exchange::read).isInstanceOf(IOException.class);
    }

    @Test
    void aReaderWithoutMemoryForMoreIsCutOff() throws IOException {
        AtomicInteger gone = new AtomicInteger();
        begin(exchange);
        exchange.whenGone(gone::incrementAndGet);
        while (gone.get() == 0) {
            pass(exchange, AHEAD);
        }
        exchange.end();
        assertThat(budget.usedBytes()).isZero();
        assertThatThrownBy(exchange::read).hasRootCauseInstanceOf(MemoryBudget.Exhausted.class);
    }

    @Test
    void piecesBeforeAFailureAreReadBeforeTheFailure() throws IOException {
        begin(exchange);
        pass(exchange, 3);
        IOException failure = new IOException("cut");
        exchange.fail(failure);
        exchange.end();
        assertThat(exchange.readNBytes(3)).hasSize(3);
        assertThatThrownBy(exchange::read).isSameAs(failure);
    }

    @Test
    void aReadEndsOnCancellationAndTimeout() {
        cancelled = true;
        assertThatThrownBy(exchange::awaitHead).isInstanceOf(IOException.class).hasMessage("Canceled");
        cancelled = false;
        timeout = Duration.ofNanos(1);
        assertThatThrownBy(exchange()::awaitHead).isInstanceOf(InterruptedIOException.class);
    }

    @Test
    void aWaitThatIsInterruptedEnds() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(exchange::awaitHead).isInstanceOf(InterruptedIOException.class);
        assertThat(Thread.interrupted()).isTrue();
    }
}
