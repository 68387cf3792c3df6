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
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.apache.hc.client5.http.async.methods.SimpleHttpResponse;
import org.apache.hc.client5.http.async.methods.SimpleRequestBuilder;
import org.apache.hc.client5.http.async.methods.SimpleRequestProducer;
import org.apache.hc.client5.http.async.methods.SimpleResponseConsumer;
import org.apache.hc.client5.http.impl.async.CloseableHttpAsyncClient;
import org.apache.hc.client5.http.impl.async.HttpAsyncClients;
import org.apache.hc.client5.http.impl.nio.PoolingAsyncClientConnectionManagerBuilder;
import org.apache.hc.core5.concurrent.CallbackContribution;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.reactor.IOReactorConfig;

/**
 * A minimal proxy without a cache, made of Undertow alone, or of Undertow and another HTTP client. Shows the least
 * delay that a proxy adds.
 *
 * <p>Arguments: port, URL of the provider, and {@code undertow}, {@code jdk}, {@code direct} (the JDK's client without
 * threads of its own for callbacks) or {@code apache}.
 */
public final class BareProxy {
    /** More connections than a benchmark uses, so that the pool does not limit it. */
    private static final int CONNECTIONS = 1000;

    private BareProxy() {}

    /** Makes a call, and passes the answer's body on, on any thread. */
    private interface Client {
        void post(URI uri, byte[] body, Consumer<byte[]> answer);
    }

    /** Serves until the process is stopped. */
    public static void main(String[] arguments) {
        URI provider = URI.create(arguments[1]);
        HttpHandler handler = switch (arguments[2]) {
            case "jdk" -> through(jdk(Executors.newFixedThreadPool(2)), provider);
            case "direct" -> through(jdk(Runnable::run), provider);
            case "apache" -> through(apache(), provider);
            case "undertow" ->
                ProxyHandler.builder()
                        .setProxyClient(new LoadBalancingProxyClient().addHost(provider))
                        .build();
            default -> throw new IllegalArgumentException("There is no proxy " + arguments[2]);
        };
        Undertow.builder()
                .addHttpListener(Integer.parseInt(arguments[0]), "127.0.0.1")
                .setIoThreads(1)
                .setHandler(handler)
                .build()
                .start();
    }

    private static HttpHandler through(Client client, URI provider) {
        return exchange -> exchange.dispatch(
                SameThreadExecutor.INSTANCE,
                () -> exchange.getRequestReceiver()
                        .receiveFullBytes((read, body) -> client.post(
                                provider.resolve(read.getRequestURI()),
                                body,
                                answer -> read.getIoThread().execute(() -> {
                                    read.getResponseHeaders().put(Headers.CONTENT_TYPE, "application/json");
                                    read.getResponseSender().send(ByteBuffer.wrap(answer));
                                }))));
    }

    private static Client jdk(Executor callbacks) {
        HttpClient client = HttpClient.newBuilder()
                .executor(callbacks)
                .version(HttpClient.Version.HTTP_1_1)
                .build();
        return (uri, body, answer) -> client.sendAsync(
                        HttpRequest.newBuilder(uri)
                                .header("Content-Type", "application/json")
                                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofByteArray())
                .thenAccept(received -> answer.accept(received.body()));
    }

    private static Client apache() {
        CloseableHttpAsyncClient client = HttpAsyncClients.custom()
                .setIOReactorConfig(IOReactorConfig.custom().setIoThreadCount(1).build())
                .setConnectionManager(PoolingAsyncClientConnectionManagerBuilder.create()
                        .setMaxConnPerRoute(CONNECTIONS)
                        .setMaxConnTotal(CONNECTIONS)
                        .build())
                .disableAutomaticRetries()
                .disableRedirectHandling()
                .disableCookieManagement()
                .disableAuthCaching()
                .build();
        client.start();
        return (uri, body, answer) -> client.execute(
                SimpleRequestProducer.create(SimpleRequestBuilder.post(uri)
                        .setBody(body, ContentType.APPLICATION_JSON)
                        .build()),
                SimpleResponseConsumer.create(),
                new CallbackContribution<SimpleHttpResponse>(null) {
                    @Override
                    public void completed(SimpleHttpResponse received) {
                        answer.accept(received.getBodyBytes());
                    }
                });
    }
}
