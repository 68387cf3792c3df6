package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.OwnThread;
import dev.refrain.testing.SelfSigned;
import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.websockets.core.AbstractReceiveListener;
import io.undertow.websockets.core.BufferedBinaryMessage;
import io.undertow.websockets.core.BufferedTextMessage;
import io.undertow.websockets.core.WebSocketChannel;
import io.undertow.websockets.core.WebSockets;
import io.undertow.websockets.spi.WebSocketHttpExchange;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xnio.Pooled;

/** Websockets through the proxy, with third-party client and server, to a provider behind TLS (W2). */
@Timeout(60)
class WebSocketTest {
    private static final SSLContext TLS = SelfSigned.context();

    @TempDir
    Path folder;

    private final BlockingQueue<WebSocketHttpExchange> opened = new LinkedBlockingQueue<>();
    private final BlockingQueue<Integer> closed = new LinkedBlockingQueue<>();
    private SSLContext before;
    private Undertow provider;
    private RunningProxy proxy;

    @BeforeEach
    void start() throws Exception {
        before = SSLContext.getDefault();
        SSLContext.setDefault(TLS);
        provider = Undertow.builder()
                .addHttpsListener(0, "127.0.0.1", TLS)
                .setHandler(Handlers.websocket((exchange, channel) -> {
                    opened.add(exchange);
                    channel.getReceiveSetter().set(new Echo());
                    channel.resumeReceives();
                }))
                .build();
        provider.start();
        proxy = start(Map.of());
    }

    private RunningProxy start(Map<String, String> variables) throws IOException {
        int port = ((InetSocketAddress) provider.getListenerInfo().get(0).getAddress()).getPort();
        return new RunningProxy(
                folder.resolve("answers.refrain"), URI.create("https://127.0.0.1:" + port + "/v1"), variables);
    }

    @AfterEach
    void stop() {
        proxy.close();
        provider.stop();
        SSLContext.setDefault(before);
    }

    private final class Echo extends AbstractReceiveListener {
        @Override
        protected void onFullTextMessage(WebSocketChannel channel, BufferedTextMessage message) {
            WebSockets.sendText(message.getData(), channel, null);
        }

        @Override
        @SuppressWarnings("deprecation") // the only way to the bytes
        protected void onFullBinaryMessage(WebSocketChannel channel, BufferedBinaryMessage message) {
            Pooled<ByteBuffer[]> data = message.getData();
            WebSockets.sendBinary(WebSockets.mergeBuffers(data.getResource()), channel, null);
            data.free();
        }

        @Override
        protected void onCloseMessage(io.undertow.websockets.core.CloseMessage message, WebSocketChannel channel) {
            closed.add(message.getCode());
        }
    }

    /** Joins the parts of messages. */
    private static final class Listener implements WebSocket.Listener {
        final BlockingQueue<Object> received = new LinkedBlockingQueue<>();
        private final StringBuilder text = new StringBuilder();
        private ByteBuffer bytes = ByteBuffer.allocate(32 << 20);

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                received.add(text.toString());
                text.setLength(0);
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean last) {
            bytes.put(data);
            if (last) {
                received.add(Arrays.copyOf(bytes.array(), bytes.position()));
                bytes.clear();
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onPong(WebSocket socket, ByteBuffer message) {
            received.add("pong " + message.remaining());
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            received.add("closed " + code);
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            received.add("error");
        }

        Object next() throws InterruptedException {
            return received.poll(30, TimeUnit.SECONDS);
        }
    }

    private WebSocket open(Listener listener) throws Exception {
        return HttpClient.newBuilder()
                .sslContext(Wire.context())
                .build()
                .newWebSocketBuilder()
                .header("Authorization", "Bearer sk-1")
                .header("OpenAI-Beta", "realtime=v1")
                .buildAsync(
                        URI.create((Wire.TLS ? "wss" : "ws") + "://127.0.0.1:" + proxy.port() + "/v1/realtime?model=m"),
                        listener)
                .get(30, TimeUnit.SECONDS);
    }

    @Test
    void messagesOfAllKindsCross() throws Exception {
        Listener listener = new Listener();
        WebSocket socket = open(listener);
        WebSocketHttpExchange handshake = opened.poll(30, TimeUnit.SECONDS);
        assertThat(handshake.getRequestHeader("Authorization")).isEqualTo("Bearer sk-1");
        assertThat(handshake.getRequestHeader("OpenAI-Beta")).isEqualTo("realtime=v1");
        assertThat(handshake.getQueryString()).isEqualTo("model=m");
        socket.sendText("{\"type\":\"session.update\"}", true).get();
        assertThat(listener.next()).isEqualTo("{\"type\":\"session.update\"}");
        socket.sendPing(ByteBuffer.allocate(3)).get();
        assertThat(listener.next()).isEqualTo("pong 3");
        byte[] audio = new byte[10 << 20];
        new Random(1).nextBytes(audio);
        socket.sendBinary(ByteBuffer.wrap(audio), true).get();
        assertThat((byte[]) listener.next()).isEqualTo(audio);
        assertThat(proxy.send(HttpRequest.newBuilder(proxy.admin("/metrics"))).body())
                .contains("refrain_upstream_websockets 1.0\n")
                .containsPattern("refrain_upstream_websocket_bytes_total\\{direction=\"to-provider\"} 1\\.0485\\d+E7\n")
                .containsPattern(
                        "refrain_upstream_websocket_bytes_total\\{direction=\"from-provider\"} 1\\.048\\d+E7\n");
        socket.sendClose(4001, "that is all").get();
        assertThat(listener.next()).isEqualTo("closed 4001");
        assertThat(closed.poll(30, TimeUnit.SECONDS)).isEqualTo(4001);
        until(() -> proxy.callsInFlight() == 0);
    }

    @Test
    void aSilentWebSocketEnds() throws Exception {
        proxy.close();
        proxy = start(Map.of("REFRAIN_TIMEOUTS_TUNNEL_IDLE", "100ms", "REFRAIN_TIMEOUTS_IDLE", "1h"));
        Listener listener = new Listener();
        open(listener);
        assertThat(listener.next()).isIn("closed 1006", "error");
        until(() -> proxy.callsInFlight() == 0);
    }

    /** {@code timeouts.idle} applies to answers only. */
    @Test
    void theTimeLimitOfAnswersDoesNotApply() throws Exception {
        proxy.close();
        proxy = start(Map.of("REFRAIN_TIMEOUTS_IDLE", "1ms"));
        Listener listener = new Listener();
        WebSocket socket = open(listener);
        for (int i = 0; i < 5; i++) {
            Thread.sleep(20);
            socket.sendText("still there", true).get();
            assertThat(listener.next()).isEqualTo("still there");
        }
        socket.abort(); // otherwise shutdown would wait for it
    }

    @Test
    void shutdownEndsWebSockets() throws Exception {
        proxy.close();
        proxy = start(Map.of("REFRAIN_TIMEOUTS_SHUTDOWN", "0s"));
        Listener listener = new Listener();
        open(listener);
        CompletableFuture.runAsync(proxy::close, OwnThread.EACH).get(30, TimeUnit.SECONDS);
        assertThat(listener.next()).isIn("closed 1006", "error");
    }
}
