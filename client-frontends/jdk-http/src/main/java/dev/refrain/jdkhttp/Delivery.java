package dev.refrain.jdkhttp;

import dev.refrain.semantics.client.ClientAnswer;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLSession;

/**
 * Delivers an answer to the caller's {@code BodySubscriber}, according to its demand. A complete answer is delivered on
 * the thread that requests it; an answer that is still arriving, on a thread of the executor. One thread at a time
 * delivers.
 */
final class Delivery<T> implements Flow.Subscription, Runnable {
    private static final int PIECE = 16 * 1024;

    private final ClientAnswer answer;
    private final InputStream body;
    private final HttpResponse.BodySubscriber<T> subscriber;
    private final Executor threads;
    private final AtomicLong demand = new AtomicLong();
    /** Calls of {@link #request} that have not been served. */
    private final AtomicInteger calls = new AtomicInteger();

    private volatile boolean over;

    private Delivery(ClientAnswer answer, HttpResponse.BodySubscriber<T> subscriber, Executor threads) {
        this.answer = answer;
        this.body = answer.body();
        this.subscriber = subscriber;
        this.threads = threads;
    }

    static <T> CompletableFuture<HttpResponse<T>> start(
            HttpRequest request, ClientAnswer answer, HttpResponse.BodyHandler<T> handler, Executor threads) {
        HttpHeaders headers = HttpHeaders.of(answer.fields(), (name, value) -> true);
        HttpResponse.BodySubscriber<T> subscriber = handler.apply(new Info(answer.status(), headers));
        Delivery<T> delivery = new Delivery<>(answer, subscriber, threads);
        subscriber.onSubscribe(delivery);
        if (answer.whole() != null && answer.whole().length == 0) {
            // An empty body ends without demand from the subscriber.
            delivery.request(1);
        }
        return subscriber
                .getBody()
                .<HttpResponse<T>>thenApply(given -> new Answer<>(answer.status(), request, headers, given))
                .toCompletableFuture();
    }

    @Override
    public void request(long count) {
        if (count <= 0) {
            if (!over) {
                over = true;
                answer.close();
                subscriber.onError(
                        new IllegalArgumentException("a subscriber must request at least 1, requested " + count));
            }
            return;
        }
        demand.accumulateAndGet(count, (a, b) -> a + b < 0 ? Long.MAX_VALUE : a + b);
        if (calls.getAndIncrement() == 0) {
            if (answer.whole() != null) {
                run();
            } else {
                threads.execute(this);
            }
        }
    }

    @Override
    public void cancel() {
        over = true;
        answer.close();
    }

    @Override
    public void run() {
        int seen = 1;
        do {
            while (!over && demand.get() > 0) {
                give();
            }
            seen = calls.addAndGet(-seen);
        } while (seen != 0);
    }

    private void give() {
        try {
            // The subscriber may keep the bytes, so each piece is a new array. The array of a complete answer is used
            // by nobody else.
            byte[] whole = answer.whole();
            byte[] piece = whole == null ? new byte[PIECE] : whole;
            int count = whole == null ? body.read(piece) : whole.length == 0 ? -1 : whole.length;
            if (over) {
                return;
            }
            if (count < 0) {
                over = true;
                subscriber.onComplete();
                return;
            }
            demand.decrementAndGet();
            subscriber.onNext(List.of(ByteBuffer.wrap(piece, 0, count).asReadOnlyBuffer()));
            if (answer.whole() != null && !over) {
                over = true;
                subscriber.onComplete();
            }
        } catch (IOException | RuntimeException e) {
            if (!over) {
                over = true;
                answer.close();
                subscriber.onError(e);
            }
        }
    }

    private record Info(int statusCode, HttpHeaders headers) implements HttpResponse.ResponseInfo {
        @Override
        public HttpClient.Version version() {
            return HttpClient.Version.HTTP_1_1;
        }
    }

    private record Answer<T>(int statusCode, HttpRequest request, HttpHeaders headers, T body)
            implements HttpResponse<T> {
        @Override
        public Optional<HttpResponse<T>> previousResponse() {
            return Optional.empty();
        }

        @Override
        public Optional<SSLSession> sslSession() {
            return Optional.empty();
        }

        @Override
        public URI uri() {
            return request.uri();
        }

        @Override
        public HttpClient.Version version() {
            return HttpClient.Version.HTTP_1_1;
        }
    }
}
