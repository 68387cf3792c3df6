package dev.refrain.jdkhttp;

import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.ClientAnswer;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.RefrainOptions;
import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.SocketTimeoutException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.net.http.WebSocket;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/**
 * Answers the LLM requests of the JDK's HTTP client from the cache, and stores what the provider answers. Thread-safe.
 *
 * <pre>{@code
 * HttpClient client = RefrainHttpClient.wrap(HttpClient.newHttpClient(), cache);
 * }</pre>
 *
 * <p>A request's body is taken from its publisher once, for the lookup; after a miss, these bytes are sent. So only
 * requests are cached whose body has a known length: bodies of {@code ofString} and {@code ofByteArray}, not of
 * {@code ofInputStream}. An answer goes to the caller's {@code BodyHandler}, as the client would deliver it. A
 * request's timeout limits how long its body may take to come, and then how long the answer may take to begin. The body
 * is taken on the caller's thread, also by {@code sendAsync}, so a publisher must not wait for later work of that
 * thread. Closing the wrapped client, where the JDK's clients can be closed, is up to the program.
 */
public final class RefrainHttpClient extends HttpClient {
    private final HttpClient client;
    private final ClientCache cache;

    private RefrainHttpClient(HttpClient client, ClientCache cache) {
        this.client = client;
        this.cache = cache;
    }

    /** Caches all LLM requests that do not say otherwise, for five minutes. */
    public static HttpClient wrap(HttpClient client, ResponseCache cache) {
        return wrap(client, cache, RefrainOptions.DEFAULTS);
    }

    /** Caches as the options and the requests say. */
    public static HttpClient wrap(HttpClient client, ResponseCache cache, RefrainOptions options) {
        return new RefrainHttpClient(client, ClientCache.of(cache, options));
    }

    @Override
    public <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> handler)
            throws IOException, InterruptedException {
        CallersRequest asked = new CallersRequest(client, request);
        CompletableFuture<ClientAnswer> answer = ask(asked);
        if (answer == null) {
            return client.send(asked.passingBy(cache.providersPath(asked)), handler);
        }
        ClientAnswer given = await(answer);
        CompletableFuture<HttpResponse<T>> response = deliver(request, given, handler);
        try {
            return await(response);
        } catch (InterruptedException e) {
            given.close();
            throw e;
        }
    }

    /** A future of the cache's answer. The future itself is null if the request bypasses the cache. */
    private CompletableFuture<ClientAnswer> ask(CallersRequest asked) {
        return cache.executeAsync(
                asked,
                answer -> answer,
                failure -> failure instanceof SocketTimeoutException
                        ? new HttpTimeoutException("request timed out")
                        : failure);
    }

    private static <T> T await(CompletableFuture<T> future) throws IOException, InterruptedException {
        try {
            return future.get();
        } catch (InterruptedException e) {
            future.cancel(true);
            throw e;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException failure) {
                throw failure;
            } else if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IOException(e.getCause());
        }
    }

    private <T> CompletableFuture<HttpResponse<T>> deliver(
            HttpRequest request, ClientAnswer answer, HttpResponse.BodyHandler<T> handler) {
        try {
            return Delivery.start(request, answer, handler, cache.threads());
        } catch (RuntimeException | Error e) {
            answer.close();
            throw e;
        }
    }

    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(HttpRequest request, HttpResponse.BodyHandler<T> handler) {
        return sendAsync(request, handler, null);
    }

    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(
            HttpRequest request, HttpResponse.BodyHandler<T> handler, HttpResponse.PushPromiseHandler<T> pushed) {
        CallersRequest asked = new CallersRequest(client, request);
        CompletableFuture<ClientAnswer> answer = ask(asked);
        if (answer == null) {
            return client.sendAsync(asked.passingBy(cache.providersPath(asked)), handler, pushed);
        }
        CompletableFuture<HttpResponse<T>> told = new CompletableFuture<>();
        told.whenComplete((response, failure) -> {
            if (told.isCancelled()) {
                // One of the two has an effect, depending on whether the answer has begun.
                answer.cancel(true);
                answer.thenAccept(ClientAnswer::close);
            }
        });
        answer.thenCompose(given -> deliver(request, given, handler)).whenComplete((response, failure) -> {
            if (failure == null) {
                told.complete(response);
            } else {
                Throwable cause = failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
                told.completeExceptionally(cause);
            }
        });
        return told;
    }

    // ---- delegated to the wrapped client

    @Override
    public Optional<CookieHandler> cookieHandler() {
        return client.cookieHandler();
    }

    @Override
    public Optional<Duration> connectTimeout() {
        return client.connectTimeout();
    }

    @Override
    public Redirect followRedirects() {
        return client.followRedirects();
    }

    @Override
    public Optional<ProxySelector> proxy() {
        return client.proxy();
    }

    @Override
    public SSLContext sslContext() {
        return client.sslContext();
    }

    @Override
    public SSLParameters sslParameters() {
        return client.sslParameters();
    }

    @Override
    public Optional<Authenticator> authenticator() {
        return client.authenticator();
    }

    @Override
    public Version version() {
        return client.version();
    }

    @Override
    public Optional<Executor> executor() {
        return client.executor();
    }

    @Override
    public WebSocket.Builder newWebSocketBuilder() {
        return client.newWebSocketBuilder();
    }
}
