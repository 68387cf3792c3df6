package dev.refrain.langchain4j;

import dev.langchain4j.exception.HttpException;
import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpClientBuilderLoader;
import dev.langchain4j.http.client.HttpMethod;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.langchain4j.http.client.sse.ServerSentEventListener;
import dev.langchain4j.http.client.sse.ServerSentEventParser;
import dev.refrain.semantics.client.CachingFrontEnd;
import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The contract of all front-ends, through the HTTP client that models get. */
class LangChain4jFrontEndTest extends FrontEndContract {
    @Override
    protected FrontEnd open(URI base) throws IOException {
        return new Client(base);
    }

    @Override
    protected boolean showsHeadersOfErrors() {
        return false;
    }

    private static final class Client extends CachingFrontEnd {
        private final HttpClient client = RefrainLangChain4j.wrap(
                        HttpClientBuilderLoader.loadHttpClientBuilder(), cache, OPTIONS)
                .build();
        private final ExecutorService threads = Executors.newCachedThreadPool();

        Client(URI base) throws IOException {
            super(base);
        }

        @Override
        public Reply send(String path, String body, String... headers) throws IOException {
            HttpRequest.Builder request = HttpRequest.builder()
                    .method(HttpMethod.POST)
                    .url(base + path)
                    .body(body);
            request.addHeader("Content-Type", "application/json");
            for (int i = 0; i < headers.length; i += 2) {
                request.addHeader(headers[i], headers[i + 1]);
            }
            return body.contains("\"stream\":true") ? streamed(request.build()) : whole(request.build());
        }

        private Reply whole(HttpRequest request) {
            try {
                SuccessfulHttpResponse response = client.execute(request);
                return new Answer(
                        response.statusCode(), response.headers(), new ByteArrayInputStream(response.bodyBytes()));
            } catch (HttpException e) {
                return refused(e);
            }
        }

        private static Answer refused(HttpException e) {
            return new Answer(
                    e.statusCode(),
                    Map.of(),
                    new ByteArrayInputStream(e.getMessage().getBytes(StandardCharsets.UTF_8)));
        }

        /**
         * Streams with a parser that hands the bytes to the test. Calls on another thread, since a stored answer is
         * parsed on the calling thread, and the parser waits until the test has read it.
         */
        private Reply streamed(HttpRequest request) throws IOException {
            CompletableFuture<Reply> reply = new CompletableFuture<>();
            Listener listener = new Listener(reply);
            threads.execute(() -> client.execute(request, listener, listener));
            try {
                return reply.get();
            } catch (ExecutionException e) {
                throw new IOException(e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException(e);
            }
        }

        @Override
        public void close() {
            threads.shutdownNow();
            super.close();
        }
    }

    private static final class Listener implements ServerSentEventListener, ServerSentEventParser {
        private final CompletableFuture<FrontEnd.Reply> reply;
        private SuccessfulHttpResponse opened;

        Listener(CompletableFuture<FrontEnd.Reply> reply) {
            this.reply = reply;
        }

        @Override
        public void onOpen(SuccessfulHttpResponse response) {
            opened = response;
        }

        @Override
        public void parse(InputStream in, ServerSentEventListener listener) {
            CountDownLatch closed = new CountDownLatch(1);
            reply.complete(new Answer(opened.statusCode(), opened.headers(), new FilterInputStream(in) {
                @Override
                public void close() throws IOException {
                    super.close();
                    closed.countDown();
                }
            }));
            try {
                closed.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void onError(Throwable error) {
            if (error instanceof HttpException refused) {
                reply.complete(Client.refused(refused));
            } else {
                reply.completeExceptionally(error);
            }
        }
    }

    private record Answer(int status, Map<String, List<String>> headers, InputStream body) implements FrontEnd.Reply {
        @Override
        public List<String> header(String name) {
            return headers.entrySet().stream()
                    .filter(field -> field.getKey().equalsIgnoreCase(name))
                    .flatMap(field -> field.getValue().stream())
                    .toList();
        }

        @Override
        public void close() throws IOException {
            body.close();
        }
    }
}
