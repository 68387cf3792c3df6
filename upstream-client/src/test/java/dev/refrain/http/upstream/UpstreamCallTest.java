package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.testing.Await;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UpstreamCallTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    private ScriptedProvider provider;
    private final MemoryBudget memory = new MemoryBudget(1 << 20);
    private UpstreamClient client;

    @BeforeEach
    void start() throws IOException {
        provider = new ScriptedProvider()
                .does((exchange, request) -> ScriptedProvider.json(exchange, 200, ScriptedProvider.COMPLETE));
        client = new UpstreamClient(
                new UpstreamOptions(
                        new UpstreamOptions.Timeouts(LONG, LONG, LONG, LONG, LONG), 1, ProxyRules.NONE, null, true),
                memory,
                most -> {});
    }

    @AfterEach
    void stop() {
        client.close();
        provider.close();
    }

    @Test
    void theConnectionCanBeUsedAgainAfterTheLastByte() {
        CompletableFuture<Void> second = new CompletableFuture<>();
        CompletableFuture<Void> first = new CompletableFuture<>();
        call(new EndedSink(first) {
            private long missing;

            @Override
            public void head(ResponseHead head) {
                missing = head.contentLength();
            }

            @Override
            public void chunk(ByteBuffer bytes) {
                missing -= bytes.remaining();
                if (missing == 0) {
                    call(new EndedSink(second));
                }
            }
        });
        first.join();
        second.join();
        assertThat(provider.calls()).isEqualTo(2);
    }

    /** A clock that cancels a call when it is read next, or when a time limit is set. */
    private static final class CancellingTime implements Timers {
        UpstreamCall call;
        boolean whenLimited;
        boolean whenAsked;

        @Override
        public long nanoTime() {
            if (call != null && whenAsked) {
                whenAsked = false;
                call.cancel();
            }
            return System.nanoTime();
        }

        @Override
        public Future<?> after(long nanos, Runnable task) {
            if (call != null && whenLimited) {
                whenLimited = false;
                call.cancel();
            }
            return new CompletableFuture<>();
        }
    }

    /** Another thread may cancel the call before it waits for a connection, or just as it begins to. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aCallCancelledBeforeItHasAConnectionDoesNotWaitForOne(boolean isEarly) {
        CancellingTime time = new CancellingTime();
        try (UpstreamClient timed = new UpstreamClient(
                new UpstreamOptions(
                        new UpstreamOptions.Timeouts(LONG, LONG, LONG, LONG, LONG), 1, ProxyRules.NONE, null, true),
                memory,
                most -> {},
                null,
                time)) {
            UpstreamCall call = new UpstreamCall(timed, request(), false, interim -> {});
            CompletableFuture<Void> ended = new CompletableFuture<>();
            time.call = call;
            time.whenLimited = isEarly;
            time.whenAsked = !isEarly;
            call.fetch(new EndedSink(ended));
            assertThat(timed.connections().waiting()).isZero();
            assertThat(ended).isCompletedExceptionally();
        }
    }

    /** The first connection turns out to be closed, and the call is cancelled before it gets another one. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aCallCancelledBeforeItHasAnotherConnectionDoesNotWaitForOne(boolean isForWebSocket) {
        UpstreamRequest request = isForWebSocket ? request().forWebSocket(new HeldBody(new byte[1])) : request();
        UpstreamCall call = new UpstreamCall(client, request, false, interim -> {});
        CompletableFuture<Void> ended = new CompletableFuture<>();
        call.fetch(new EndedSink(ended));
        call.cancel();
        assertThat(ended).isCompletedExceptionally();
        Await.until(() -> client.connections().connectingAlone() == 0);
        client.connections().enter(call);
        assertThat(client.connections().waiting()).isZero();
        assertThat(client.connections().connectingAlone()).isZero();
    }

    /** The body may have a length, so that its last piece is known to be the last, or no length. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aSinkThatThrowsHearsOfTheFailure(boolean hasLength) {
        if (!hasLength) {
            provider.does((exchange, request) -> ScriptedProvider.stream(exchange, "data: 1\n\n"));
        }
        for (String where : List.of("head", "chunk", "end")) {
            BrokenAnswer answer = new BrokenAnswer(where);
            call(answer);
            assertThat(answer.failure()).as(where).hasRootCauseInstanceOf(InternalError.class);
            Await.until(() -> memory.usedBytes() == 0);
        }
        CollectedAnswer next = new CollectedAnswer();
        call(next);
        assertThat(next.text()).isNotEmpty();
    }

    private void call(ResponseSink sink) {
        new UpstreamCall(client, request(), false, interim -> {}).fetch(sink);
    }

    private UpstreamRequest request() {
        return new UpstreamRequest(
                "GET", Origin.of(provider.base()), provider.base().getPath(), List.of(), null);
    }
}
