package dev.refrain.langchain4j;

import dev.langchain4j.exception.HttpException;
import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.langchain4j.http.client.sse.ServerSentEventListener;
import dev.langchain4j.http.client.sse.ServerSentEventParser;
import dev.refrain.semantics.client.ProviderAnswer;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;

/**
 * Gets the raw bytes of an event stream from a client that would parse them. The client passes the body to a parser,
 * and closes the body when the parser returns. So this parser hands the body on, and returns only when its reader
 * closes it. Some clients parse on the calling thread, so the call is made on a thread of its own.
 */
final class StreamedAnswer implements ServerSentEventParser, ServerSentEventListener {
    private final CompletableFuture<ProviderAnswer> answer = new CompletableFuture<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile int status = 200;
    private volatile Map<String, List<String>> fields = Map.of();

    private StreamedAnswer() {}

    /**
     * Calls the provider, and waits until its answer begins. Throws the exceptions that the client passes to its
     * listener.
     */
    static ProviderAnswer of(HttpClient client, HttpRequest request) throws IOException {
        StreamedAnswer streamed = new StreamedAnswer();
        Thread thread = new Thread(() -> streamed.call(client, request), "refrain-stream");
        thread.setDaemon(true);
        thread.start();
        try {
            return streamed.answer.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException thrown) {
                throw thrown;
            }
            throw e.getCause() instanceof IOException thrown ? thrown : new IOException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the provider was called", e);
        }
    }

    @SuppressWarnings("CatchingUnchecked") // the caller waits for an answer or a failure
    private void call(HttpClient client, HttpRequest request) {
        try {
            client.execute(request, this, this);
        } catch (Throwable e) {
            onError(e);
        }
    }

    @Override
    public void onOpen(SuccessfulHttpResponse response) {
        status = response.statusCode();
        fields = response.headers();
    }

    @Override
    public void parse(InputStream body, ServerSentEventListener listener) {
        InputStream handedOn = new FilterInputStream(body) {
            @Override
            public void close() throws IOException {
                try {
                    super.close();
                } finally {
                    closed.countDown();
                }
            }
        };
        if (answer.complete(new ProviderAnswer(status, fields, handedOn))) {
            try {
                closed.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void onError(Throwable error) {
        if (error instanceof HttpException refused) {
            answer.complete(ModelRequest.whole(refused));
        } else {
            answer.completeExceptionally(error);
        }
    }
}
