package dev.refrain.okhttp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.KeyRules;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.client.ClientAnswers;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import dev.refrain.testing.OkHttpReply;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import okhttp3.OkHttpClient;

/** The contract of all front-ends, by the interceptor. */
class OkHttpFrontEndTest extends FrontEndContract {
    /** What the contract wants. */
    private static final RefrainOptions OPTIONS = RefrainOptions.builder()
            .policies(
                    Policy.builder("zero retention")
                            .model(FrontEndContract.NEVER)
                            .cache(Policy.Caching.NEVER)
                            .build(),
                    Policy.builder("one turn")
                            .model(FrontEndContract.ONE_TURN)
                            .maxTurns(1)
                            .build())
            .keyHeaders(FieldNames.parse(FrontEndContract.KEY_HEADERS))
            .build();

    private static ResponseCache newCache() throws IOException {
        return ResponseCache.onHeap(64L << 20)
                .keyRules(Endpoint.CHAT, KeyRules.NONE.ignoring(List.of(FrontEndContract.IGNORED)))
                .open();
    }

    @Override
    protected FrontEnd open(URI base) throws IOException {
        return new Client(base);
    }

    private static final class Client implements FrontEnd {
        private final URI base;
        private final ResponseCache cache = newCache();
        private final OkHttpClient client = new OkHttpClient.Builder()
                .addInterceptor(RefrainInterceptor.of(cache, OPTIONS))
                .build();

        Client(URI base) throws IOException {
            this.base = base;
        }

        @Override
        public Reply send(String path, String body, String... headers) throws IOException {
            return OkHttpReply.send(client, base + path, body, headers);
        }

        @Override
        public void takeBack(Reply answer) {
            assertThat(ClientAnswers.takeBack(cache, answer::header)).isTrue();
        }

        @Override
        public long heldBytes() {
            return cache.admin().memory().usedBytes();
        }

        @Override
        public void close() {
            cache.close();
            client.dispatcher().executorService().shutdown();
            client.connectionPool().evictAll();
        }
    }
}
