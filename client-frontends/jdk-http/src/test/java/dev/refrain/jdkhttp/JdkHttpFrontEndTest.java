package dev.refrain.jdkhttp;

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
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Nested;

/** The contract of all front-ends, by both ways to send. */
class JdkHttpFrontEndTest {
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

    @Nested
    class Blocking extends FrontEndContract {
        @Override
        protected FrontEnd open(URI base) throws IOException {
            return new Client(base, (client, request) -> client.send(request, BodyHandlers.ofInputStream()));
        }
    }

    @Nested
    class Async extends FrontEndContract {
        @Override
        protected FrontEnd open(URI base) throws IOException {
            return new Client(
                    base,
                    (client, request) -> client.sendAsync(request, BodyHandlers.ofInputStream())
                            .get());
        }
    }

    private interface Way {
        HttpResponse<InputStream> send(HttpClient client, HttpRequest request)
                throws IOException, InterruptedException, ExecutionException;
    }

    private static final class Client implements FrontEnd {
        private final URI base;
        private final Way way;
        private final ResponseCache cache = newCache();
        private final HttpClient client = RefrainHttpClient.wrap(HttpClient.newHttpClient(), cache, OPTIONS);

        Client(URI base, Way way) throws IOException {
            this.base = base;
            this.way = way;
        }

        @Override
        public Reply send(String path, String body, String... headers) throws IOException {
            HttpRequest request = HttpRequest.newBuilder(URI.create(base + path))
                    .POST(BodyPublishers.ofString(body))
                    .headers(headers)
                    .build();
            try {
                return Reply.of(way.send(client, request));
            } catch (ExecutionException e) {
                throw new IOException(e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException(e);
            }
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
        }
    }
}
