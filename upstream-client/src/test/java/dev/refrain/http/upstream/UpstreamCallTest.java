package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

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
    void whoGetsTheLastByteMayCallAgainAtOnce() {
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

    private void call(ResponseSink sink) {
        new UpstreamCall(client, request(), false, interim -> {}).fetch(sink);
    }

    private UpstreamRequest request() {
        return new UpstreamRequest(
                "GET", Origin.of(provider.base()), provider.base().getPath(), List.of(), null);
    }
}
