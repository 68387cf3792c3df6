package dev.refrain.anthropic;

import com.anthropic.backends.AnthropicBackend;
import com.anthropic.client.okhttp.OkHttpClient;
import com.anthropic.core.http.HttpClient;
import com.anthropic.core.http.HttpMethod;
import com.anthropic.core.http.HttpRequest;
import com.anthropic.core.http.HttpResponse;
import com.anthropic.errors.AnthropicIoException;
import dev.refrain.semantics.client.CachingFrontEnd;
import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Nested;

/** The contract of all front-ends through the HTTP client that the SDK uses, blocking and asynchronous. */
class AnthropicFrontEndTest {
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

    private static final class Client extends CachingFrontEnd {
        private final Way way;
        private final HttpClient client = RefrainAnthropic.interceptor(cache, OPTIONS)
                .intercept(OkHttpClient.builder()
                        .backend(AnthropicBackend.builder().apiKey("unused").build())
                        .build());

        Client(URI base, Way way) throws IOException {
            super(base);
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
        public void close() {
            client.close();
            super.close();
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
