package dev.refrain.jmh.http;

import io.undertow.Undertow;
import io.undertow.server.HttpHandler;
import io.undertow.server.handlers.proxy.LoadBalancingProxyClient;
import io.undertow.server.handlers.proxy.ProxyHandler;
import io.undertow.util.Headers;
import io.undertow.util.SameThreadExecutor;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The least that a proxy can add to an answer, without a cache: one made of Undertow alone, or of Undertow and the JDK's HTTP client.
 *
 * <p>Arguments: port, URL of the provider, {@code undertow} or {@code jdk}.
 */
public final class BareProxy {
    private BareProxy() {}

    /** Serves until the process is stopped. */
    public static void main(String[] arguments) {
        URI provider = URI.create(arguments[1]);
        Undertow.builder()
                .addHttpListener(Integer.parseInt(arguments[0]), "127.0.0.1")
                .setIoThreads(1)
                .setHandler(arguments[2].equals("jdk") ? jdk(provider) : undertow(provider))
                .build()
                .start();
    }

    private static HttpHandler undertow(URI provider) {
        return ProxyHandler.builder()
                .setProxyClient(new LoadBalancingProxyClient().addHost(provider))
                .build();
    }

    private static HttpHandler jdk(URI provider) {
        ExecutorService threads = Executors.newFixedThreadPool(2);
        HttpClient client = HttpClient.newBuilder()
                .executor(threads)
                .version(HttpClient.Version.HTTP_1_1)
                .build();
        return exchange -> exchange.dispatch(
                SameThreadExecutor.INSTANCE,
                () -> exchange.getRequestReceiver().receiveFullBytes((read, body) -> {
                    HttpRequest request = HttpRequest.newBuilder(provider.resolve(read.getRequestURI()))
                            .header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                            .build();
                    client.sendAsync(request, HttpResponse.BodyHandlers.ofByteArray())
                            .thenAccept(answer -> read.getIoThread().execute(() -> {
                                read.getResponseHeaders().put(Headers.CONTENT_TYPE, "application/json");
                                read.getResponseSender().send(ByteBuffer.wrap(answer.body()));
                            }));
                }));
    }
}
