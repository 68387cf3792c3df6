package dev.refrain.http.upstream;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.semantics.answer.ProxyException;
import java.io.IOException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.ScheduledFuture;

/**
 * One call to the upstream: sends a request and passes the answer to a sink as it arrives.
 *
 * <p>The next piece is asked for when the last one has been taken ({@link ResponseSink#whenDrained}), so that a slow
 * client slows the provider down instead of filling memory. A call that finds its connection closed is made again
 * ({@link IdleConnections}). Timers may end the call while the HTTP client's threads deliver, so deliveries hold this
 * object's monitor; the sink never blocks, hence neither do they.
 */
public final class UpstreamCall implements Upstream, Upstream.Call, Admission.Applicant {
    private final UpstreamClient client;
    private final HttpRequest request;
    private final boolean isRepeatable;
    /** Whether its client has taken an answer before. */
    private final boolean clientKnown;

    private ResponseSink sink;
    private CompletableFuture<HttpResponse<Void>> exchange;
    private IdleConnections.Taken taken;
    /** Whether this call has a turn at {@link Handshakes}. */
    private boolean handshaking;

    private boolean keepsConnection;
    private Flow.Subscription subscription;
    private ScheduledFuture<?> timer;
    private long lastPieceNanos;
    private boolean waitingForUpstream;
    /** Bytes of the body that have not come yet; negative while nobody knows. */
    private long missing = -1;

    private boolean answered;
    private boolean admitted;
    private boolean waiting;
    private boolean over;

    /**
     * Not made yet.
     *
     * @param isRepeatable whether the request's body can be sent more than once
     * @param clientKnown whether its client has taken an answer over the same connection before
     */
    public UpstreamCall(UpstreamClient client, HttpRequest request, boolean isRepeatable, boolean clientKnown) {
        this.client = client;
        this.request = request;
        this.isRepeatable = isRepeatable;
        this.clientKnown = clientKnown;
    }

    @Override
    public synchronized Upstream.Call fetch(ResponseSink target) {
        sink = target;
        if (!client.opened(this)) {
            finish(ProxyException.overloaded(client.maxCalls()));
            return this;
        }
        switch (client.admission().enter(this, clientKnown)) {
            case ADMITTED -> begin();
            case WAITS -> waiting = true;
            default -> finish(ProxyException.noRoom());
        }
        return this;
    }

    @Override
    public synchronized void admitted() {
        waiting = false;
        if (over) {
            client.admission().leave();
            return;
        }
        try {
            begin();
        } catch (RuntimeException e) {
            finish(e); // on a thread on which nobody would hear of it
        }
    }

    @Override
    public void refused() {
        abort(ProxyException.noRoom());
    }

    private void begin() {
        admitted = true;
        timer = client.after(
                client.responseTimeout().toNanos(), () -> abort(ProxyException.silent(client.responseTimeout())));
        send();
    }

    private void send() {
        taken = client.idleConnections().take(request.uri().getAuthority());
        if (taken.pooled() || !request.uri().getScheme().equals("https")) {
            send(request);
        } else {
            long asked = taken.atNanos();
            handshakes().begin(() -> connect(asked));
        }
    }

    private Handshakes handshakes() {
        return client.handshakes(request.uri().getAuthority());
    }

    /** Sends in this call's turn, unless there is no sense in it any more. */
    private synchronized void connect(long askedNanos) {
        handshaking = true;
        if (over) {
            handshakeOver(false);
        } else if (handshakes().areStuck(askedNanos)) {
            finish(new HttpConnectTimeoutException("Other calls could not connect either"));
        } else {
            // A connection may have become idle meanwhile, which the client will take.
            taken = client.idleConnections().take(request.uri().getAuthority());
            try {
                send(request.bodyPublisher()
                        .map(body -> HttpRequest.newBuilder(request, (name, value) -> true)
                                .method(request.method(), new Announced(body))
                                .build())
                        .orElse(request));
            } catch (RuntimeException e) {
                finish(e); // on a thread on which nobody would hear of it
            }
        }
    }

    private synchronized void handshakeOver(boolean connected) {
        if (handshaking) {
            handshaking = false;
            handshakes().over(connected);
        }
    }

    private void send(HttpRequest next) {
        exchange = client.send(next, this::answer);
        exchange.whenComplete((done, failure) -> {
            if (failure != null) {
                failed(failure);
            }
        });
    }

    private synchronized void failed(Throwable failure) {
        if (!over
                && isWithoutAnyAnswer(failure)
                && isRepeatable
                && client.idleConnections().mayRepeat(taken)) {
            send();
        } else {
            finish(failure);
        }
    }

    /** The HTTP client does not say this in any other way than in words. If they change, nothing is repeated. */
    private static boolean isWithoutAnyAnswer(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return cause instanceof IOException
                && String.valueOf(cause.getMessage()).endsWith("received no bytes");
    }

    @Override
    public void cancel() {
        abort(ProxyException.cancelled());
    }

    /** Ends the call from this side; the sink fails with the given cause unless it is over already. */
    void abort(Throwable cause) {
        CompletableFuture<?> running;
        Flow.Subscription reading;
        synchronized (this) {
            if (over) {
                return;
            }
            running = exchange;
            reading = subscription;
            finish(cause);
        }
        // Outside the monitor: both run callbacks of the client's own.
        if (reading != null) {
            reading.cancel();
        }
        if (running != null) {
            running.cancel(true);
        }
    }

    private HttpResponse.BodySubscriber<Void> answer(HttpResponse.ResponseInfo info) {
        handshakeOver(true);
        try {
            ResponseHead head = AnswerHead.of(info);
            synchronized (this) {
                if (!over) {
                    timer.cancel(false);
                    client.errors().answered(head.status());
                    keepsConnection = AnswerHead.keepsConnection(info);
                    missing = head.contentLength();
                    sink.head(head);
                    lastPieceNanos = System.nanoTime();
                    watchForSilence(client.idleTimeout().toNanos());
                }
            }
        } catch (ProxyException malformed) {
            abort(malformed);
        }
        return new Body();
    }

    /** Checks rather than reschedules for every piece: pieces come often, silence hardly ever. */
    private void watchForSilence(long nanos) {
        timer = client.after(nanos, () -> {
            synchronized (this) {
                if (over) {
                    return;
                }
                long silent = System.nanoTime() - lastPieceNanos;
                long limit = client.idleTimeout().toNanos();
                if (!waitingForUpstream || silent < limit) {
                    watchForSilence(waitingForUpstream ? limit - silent : limit);
                    return;
                }
            }
            abort(ProxyException.stalled(client.idleTimeout()));
        });
    }

    private synchronized void finish(Throwable failure) {
        if (over) {
            return;
        }
        over = true;
        handshakeOver(false);
        if (timer != null) {
            timer.cancel(false);
        }
        answered();
        client.closed(this);
        if (admitted) {
            client.admission().leave();
        } else if (waiting) {
            client.admission().withdraw(this);
        }
        if (failure == null) {
            sink.end();
        } else {
            client.errors().failed(failure);
            sink.fail(failure);
        }
    }

    private void answered() {
        if (!answered) {
            answered = true;
            client.answered();
        }
    }

    /** A request's body, which the HTTP client asks for when it has a connection to send it over. */
    private final class Announced implements HttpRequest.BodyPublisher {
        private final HttpRequest.BodyPublisher body;

        Announced(HttpRequest.BodyPublisher body) {
            this.body = body;
        }

        @Override
        public long contentLength() {
            return body.contentLength();
        }

        @Override
        public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
            handshakeOver(true);
            body.subscribe(subscriber);
        }
    }

    /** The body of the answer on its way from the HTTP client to the sink. */
    private final class Body implements HttpResponse.BodySubscriber<Void> {
        private final CompletableFuture<Void> done = new CompletableFuture<>();

        @Override
        public CompletionStage<Void> getBody() {
            return done;
        }

        @Override
        public void onSubscribe(Flow.Subscription reading) {
            synchronized (UpstreamCall.this) {
                if (!over) {
                    subscription = reading;
                    waitingForUpstream = true;
                    reading.request(1);
                    return;
                }
            }
            reading.cancel();
        }

        @Override
        public void onNext(List<ByteBuffer> pieces) {
            synchronized (UpstreamCall.this) {
                if (over) {
                    return;
                }
                lastPieceNanos = System.nanoTime();
                waitingForUpstream = false;
                for (ByteBuffer piece : pieces) {
                    missing -= piece.remaining();
                    if (missing == 0) {
                        answered();
                    }
                    sink.chunk(piece);
                }
            }
            sink.whenDrained(this::more);
        }

        private void more() {
            synchronized (UpstreamCall.this) {
                if (over) {
                    return;
                }
                lastPieceNanos = System.nanoTime();
                waitingForUpstream = true;
            }
            subscription.request(1);
        }

        @Override
        public void onError(Throwable failure) {
            finish(failure);
            done.completeExceptionally(failure);
        }

        @Override
        public void onComplete() {
            if (keepsConnection) {
                client.idleConnections().giveBack(request.uri().getAuthority());
            }
            finish(null);
            done.complete(null);
        }
    }
}
