package dev.refrain.jdkhttp;

import dev.refrain.semantics.client.CachingFrontEnd;
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
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Nested;

/** The contract of all front-ends, through {@code send} and {@code sendAsync}. */
class JdkHttpFrontEndTest {
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

    private static final class Client extends CachingFrontEnd {
        private final Way way;
        private final HttpClient client = RefrainHttpClient.wrap(HttpClient.newHttpClient(), cache, OPTIONS);

        Client(URI base, Way way) throws IOException {
            super(base);
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
    }
}
