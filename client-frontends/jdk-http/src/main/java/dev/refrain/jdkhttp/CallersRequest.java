package dev.refrain.jdkhttp;

import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.client.BodyBytes;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.ClientRequest;
import dev.refrain.semantics.client.HeadDigest;
import dev.refrain.semantics.client.ProviderAnswer;
import dev.refrain.semantics.client.RequestUrl;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A request of the program. */
final class CallersRequest implements ClientRequest {
    private final HttpClient client;
    private final HttpRequest request;
    /** The request's URL; null until it is needed. */
    private RequestUrl url;

    /** The body that was taken from the publisher, which may publish it only once; null if none was taken. */
    private byte[] taken;

    CallersRequest(HttpClient client, HttpRequest request) {
        this.client = client;
        this.request = request;
    }

    @Override
    public boolean digest(HeadDigest head) {
        head.add(request.method()).add(request.uri().toString());
        request.headers().map().forEach((name, lines) -> head.add(name).addAll(lines));
        return true;
    }

    @Override
    public String method() {
        return request.method();
    }

    @Override
    public RequestUrl url() {
        if (url == null) {
            url = RequestUrl.of(request.uri().toString());
        }
        return url;
    }

    @Override
    public RequestFields fields() {
        return RequestFields.of(request.headers().map());
    }

    @Override
    public byte[] body(int limit) throws IOException {
        HttpRequest.BodyPublisher publisher = request.bodyPublisher().orElse(null);
        if (publisher == null) {
            return new byte[0];
        }
        if (publisher.contentLength() < 0 || publisher.contentLength() > limit) {
            return null;
        }
        Taker taker = new Taker((int) publisher.contentLength());
        publisher.subscribe(taker);
        try {
            Duration longest = request.timeout().orElse(null);
            taken = longest == null
                    ? taker.body.get()
                    : taker.body.get(TimeUnit.NANOSECONDS.convert(longest), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            taker.cancel();
            throw new HttpTimeoutException("request timed out");
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException failure ? failure : new IOException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the request's body was read");
        }
        return taken;
    }

    private static final class Taker implements Flow.Subscriber<ByteBuffer> {
        private final CompletableFuture<byte[]> body = new CompletableFuture<>();
        private final BodyBytes bytes;
        private volatile Flow.Subscription subscription;

        Taker(int length) {
            bytes = new BodyBytes(length);
        }

        void cancel() {
            Flow.Subscription begun = subscription;
            if (begun != null) {
                begun.cancel();
            }
        }

        @Override
        public void onSubscribe(Flow.Subscription begun) {
            subscription = begun;
            begun.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(ByteBuffer piece) {
            if (piece.hasArray()) {
                bytes.write(piece.array(), piece.arrayOffset() + piece.position(), piece.remaining());
            } else {
                byte[] copy = new byte[piece.remaining()];
                piece.get(copy);
                bytes.writeBytes(copy);
            }
        }

        @Override
        public void onError(Throwable failure) {
            body.completeExceptionally(failure);
        }

        @Override
        public void onComplete() {
            body.complete(bytes.take());
        }
    }

    @Override
    public Duration timeToBegin() {
        return request.timeout().orElse(null);
    }

    /** The request as it is sent if it bypasses the cache. */
    HttpRequest passingBy(String otherPath) {
        boolean isPlain = otherPath == null
                && taken == null
                && request.headers().map().keySet().stream().noneMatch(ClientCache::isForTheCache);
        if (isPlain) {
            return request;
        }
        HttpRequest.Builder leaving = leaving(taken);
        return otherPath == null
                ? leaving.build()
                : leaving.uri(URI.create(url().withPath(otherPath))).build();
    }

    /** @param body null to send the publisher's body */
    private HttpRequest.Builder leaving(byte[] body) {
        HttpRequest.Builder leaving =
                HttpRequest.newBuilder(request, (name, value) -> !ClientCache.isForTheCache(name));
        return body == null ? leaving : leaving.method(request.method(), BodyPublishers.ofByteArray(body));
    }

    @Override
    public ProviderAnswer send(byte[] changed) throws IOException {
        HttpRequest.Builder leaving =
                leaving(changed == null ? taken : changed).setHeader("Accept-Encoding", "identity");
        try {
            HttpResponse<InputStream> response = client.send(leaving.build(), BodyHandlers.ofInputStream());
            return new ProviderAnswer(response.statusCode(), response.headers().map(), response.body());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the provider was called");
        }
    }
}
