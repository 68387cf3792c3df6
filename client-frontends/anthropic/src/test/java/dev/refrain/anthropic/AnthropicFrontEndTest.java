package dev.refrain.anthropic;

import static org.assertj.core.api.Assertions.assertThat;

import com.anthropic.backends.AnthropicBackend;
import com.anthropic.client.okhttp.OkHttpClient;
import com.anthropic.core.http.HttpClient;
import com.anthropic.core.http.HttpMethod;
import com.anthropic.core.http.HttpRequest;
import com.anthropic.core.http.HttpResponse;
import com.anthropic.errors.AnthropicIoException;
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
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Nested;

/** The contract of all front-ends, by the SDK's client under everything else that the SDK does: both ways to call. */
class AnthropicFrontEndTest {
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
            return new Client(base, HttpClient::execute);
        }
    }

    @Nested
    class Async extends FrontEndContract {
        @Override
        protected FrontEnd open(URI base) throws IOException {
            return new Client(
                    base, (client, request) -> client.executeAsync(request).join());
        }
    }

    private interface Way {
        HttpResponse call(HttpClient client, HttpRequest request);
    }

    private static final class Client implements FrontEnd {
        private final URI base;
        private final Way way;
        private final ResponseCache cache = newCache();
        private final HttpClient client = RefrainAnthropic.interceptor(cache, OPTIONS)
                .intercept(OkHttpClient.builder()
                        .backend(AnthropicBackend.builder().apiKey("unused").build())
                        .build());

        Client(URI base, Way way) throws IOException {
            this.base = base;
            this.way = way;
        }

        @Override
        public Reply send(String path, String body, String... headers) throws IOException {
            String[] parts = path.substring(1).split("\\?", -1);
            HttpRequest.Builder request = HttpRequest.builder()
                    .method(HttpMethod.POST)
                    .baseUrl(base.toString())
                    .addPathSegments(parts[0].split("/"))
                    .body(new SdkRequest.Changed(body.getBytes(StandardCharsets.UTF_8), "application/json"));
            if (parts.length > 1) {
                String[] parameter = parts[1].split("=", -1);
                request.putQueryParam(parameter[0], parameter[1]);
            }
            for (int i = 0; i < headers.length; i += 2) {
                request.putHeader(headers[i], headers[i + 1]);
            }
            try {
                return new Answer(way.call(client, request.build()));
            } catch (AnthropicIoException e) {
                throw new IOException(e);
            } catch (CompletionException e) {
                throw new IOException(e.getCause());
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
            client.close();
            cache.close();
        }
    }

    private record Answer(HttpResponse response) implements FrontEnd.Reply {
        @Override
        public int status() {
            return response.statusCode();
        }

        @Override
        public List<String> header(String name) {
            return response.headers().values(name);
        }

        @Override
        public InputStream body() {
            return response.body();
        }

        @Override
        public void close() {
            response.close();
        }
    }
}
