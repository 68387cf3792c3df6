package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static dev.refrain.http.proxy.WireTest.CHAT_ANSWER;
import static dev.refrain.http.proxy.WireTest.CHAT_REQUEST;
import static dev.refrain.http.proxy.WireTest.assertHit;
import static dev.refrain.http.proxy.WireTest.assertMiss;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.SelfSigned;
import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.Protocols;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A provider behind TLS that offers HTTP/2 beside HTTP/1.1, like most providers. */
class TlsProviderWireTest {
    private static final SSLContext TLS = SelfSigned.context();
    /** A common limit of servers for one connection; RFC 9113, 6.5.2 recommends at least this many. */
    private static final int STREAMS = 100;

    private static final int PATIENCE_SECONDS = 20;

    @TempDir
    Path folder;

    private final BlockingQueue<HttpServerExchange> asked = new LinkedBlockingQueue<>();
    private volatile Consumer<HttpServerExchange> script = exchange -> answer(exchange, CHAT_ANSWER);
    private SSLContext before;
    private Undertow provider;
    private RunningProxy proxy;

    @BeforeEach
    void start() throws Exception {
        before = SSLContext.getDefault();
        SSLContext.setDefault(TLS);
        provider = Undertow.builder()
                .setServerOption(UndertowOptions.ENABLE_HTTP2, true)
                .setServerOption(UndertowOptions.HTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS)
                .addHttpsListener(0, "127.0.0.1", TLS)
                .setHandler(exchange -> exchange.getRequestReceiver().receiveFullBytes((whole, body) -> {
                    asked.add(whole);
                    script.accept(whole);
                }))
                .build();
        provider.start();
        proxy = startProxy();
    }

    /** Settings of the proxy, as environment variables. */
    Map<String, String> variables() {
        return Map.of();
    }

    /** The protocol of requests to the provider. */
    HttpString protocol() {
        return Protocols.HTTP_2_0;
    }

    private RunningProxy startProxy() throws IOException {
        int port = ((InetSocketAddress) provider.getListenerInfo().get(0).getAddress()).getPort();
        return new RunningProxy(
                folder.resolve("answers.refrain"), URI.create("https://127.0.0.1:" + port + "/v1"), variables());
    }

    @AfterEach
    void stop() {
        proxy.close();
        provider.stop();
        SSLContext.setDefault(before);
    }

    private static void answer(HttpServerExchange exchange, String json) {
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "application/json");
        exchange.getResponseSender().send(json);
    }

    @Test
    void answersAreFetchedAndRepeated() {
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(hit);
        assertThat(asked)
                .singleElement()
                .extracting(HttpServerExchange::getProtocol)
                .isEqualTo(protocol());
    }

    @Test
    void moreCallsAtATimeThanAConnectionAllows() throws Exception {
        script = exchange -> exchange.dispatch(() -> {});
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < STREAMS * 3 / 2; i++) {
            answers.add(proxy.sendAsync(proxy.post(CHAT, "{\"n\":" + i + "}")));
        }
        List<HttpServerExchange> waiting = new ArrayList<>();
        while (waiting.size() < answers.size()) {
            HttpServerExchange next = asked.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(next).as("call " + waiting.size()).isNotNull();
            waiting.add(next);
        }
        waiting.forEach(exchange -> answer(exchange, CHAT_ANSWER));
        for (CompletableFuture<HttpResponse<String>> answer : answers) {
            assertThat(answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS).body()).isEqualTo(CHAT_ANSWER);
        }
    }

    @Test
    void clientsThatDoNotReadDelayNobodyElse() throws Exception {
        byte[] much = new byte[30_000_000];
        script = exchange -> exchange.getResponseSender().send(ByteBuffer.wrap(much));
        List<RawClient> stalled = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                RawClient client = RawClient.slow(proxy.port());
                stalled.add(client);
                client.send("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
                assertThat(client.readHead()).startsWith("HTTP/1.1 200");
            }
            script = exchange -> answer(exchange, CHAT_ANSWER);
            assertThat(proxy.sendAsync(proxy.post(CHAT, CHAT_REQUEST))
                            .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                            .body())
                    .isEqualTo(CHAT_ANSWER);
        } finally {
            for (RawClient client : stalled) {
                client.close();
            }
        }
    }

    /** More calls than may connect at a time. All of them fail within the time of one attempt. */
    @Test
    void w31_aProviderWithoutHandshakeIs502ForAll() throws Exception {
        proxy.close();
        try (ServerSocket silent = new ServerSocket(0, 1000, InetAddress.getLoopbackAddress())) {
            proxy = new RunningProxy(
                    folder.resolve("answers.refrain"),
                    URI.create("https://127.0.0.1:" + silent.getLocalPort() + "/v1"),
                    Map.of("REFRAIN_TIMEOUTS_CONNECT", "1s"));
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                answers.add(proxy.sendAsync(proxy.post(CHAT, "{\"n\":" + i + "}")));
            }
            for (CompletableFuture<HttpResponse<String>> answer : answers) {
                assertThat(answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS).statusCode())
                        .isEqualTo(502);
            }
        }
    }

    /** The client must not be told that the provider's certificate is wrong. */
    @Test
    void w31_aProviderThatBreaksOffTheHandshakeIsNotReached() throws Exception {
        proxy.close();
        try (ServerSocket plain = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            proxy = new RunningProxy(
                    folder.resolve("answers.refrain"),
                    URI.create("https://127.0.0.1:" + plain.getLocalPort() + "/v1"),
                    Map.of());
            CompletableFuture<HttpResponse<String>> answer = proxy.sendAsync(proxy.post(CHAT, CHAT_REQUEST));
            plain.accept().close();
            assertThat(answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS).body()).contains("could not be reached");
        }
    }

    @Test
    void w31_anUntrustedCertificateIs502AndSaysWhatToDo() throws IOException {
        proxy.close();
        SSLContext.setDefault(before);
        proxy = startProxy();
        HttpResponse<String> answer = proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(answer.statusCode()).isEqualTo(502);
        assertThat(answer.body()).contains("certificate is not trusted");
        assertThat(WireTest.header(answer, "Cache-Status")).contains("detail=upstream-unreachable");
        assertThat(asked).isEmpty();
    }
}
