package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.GeneralSecurityException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/** The proxy as a client sees it, in this process or in another. */
abstract class ProxyUnderTest implements AutoCloseable {
    /**
     * Requests at a time on a client's connection. The JDK's client fails requests beyond the server's limit of 100.
     */
    private static final int STREAMS = 50;

    private final AtomicInteger begun = new AtomicInteger();
    private HttpClient http = client();

    private static HttpClient client() {
        try {
            return HttpClient.newBuilder()
                    .version(Wire.version())
                    .sslContext(Wire.context())
                    .build();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Makes the next request open a new connection. A proxy that closes idle connections quickly could close the old
     * one under the request.
     */
    void forgetConnections() {
        http = client();
    }

    abstract int port();

    /** The scheme of the proxy's own URLs. */
    String scheme() {
        return "http";
    }

    @Override
    public abstract void close();

    URI uri(String path) {
        return URI.create(scheme() + "://127.0.0.1:" + port() + path);
    }

    /** A request with a body and headers given as name, value, name, value. */
    HttpRequest.Builder post(String path, String body, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(path))
                .POST(BodyPublishers.ofString(body))
                .header("Content-Type", "application/json")
                .header("Authorization", "Bearer sk-test");
        for (int i = 0; i < headers.length; i += 2) {
            request.setHeader(headers[i], headers[i + 1]);
        }
        return request;
    }

    /** The same request without its API key. */
    static HttpRequest.Builder anonymous(HttpRequest.Builder request) {
        HttpRequest with = request.build();
        HttpRequest.Builder without = HttpRequest.newBuilder(with.uri())
                .method(with.method(), with.bodyPublisher().orElseThrow());
        with.headers().map().forEach((name, values) -> {
            if (!name.equalsIgnoreCase("Authorization")) {
                values.forEach(value -> without.header(name, value));
            }
        });
        return without;
    }

    HttpResponse<String> send(HttpRequest.Builder request) {
        return send(request, BodyHandlers.ofString());
    }

    <T> HttpResponse<T> send(HttpRequest.Builder request, HttpResponse.BodyHandler<T> handler) {
        try {
            HttpResponse<T> response = http.send(request.build(), handler);
            if (response.uri().getScheme().equals("https")) {
                assertThat(response.version()).isEqualTo(Wire.version());
            }
            return response;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    CompletableFuture<HttpResponse<String>> sendAsync(HttpRequest.Builder request) {
        if (Wire.HTTP2 && begun.incrementAndGet() % STREAMS == 0) {
            forgetConnections();
        }
        return http.sendAsync(request.build(), BodyHandlers.ofString());
    }

    /** A cached POST. */
    HttpResponse<String> cached(String path, String body, String... headers) {
        return send(post(path, body, headers).setHeader("X-OpenRouter-Cache", "true"));
    }
}
