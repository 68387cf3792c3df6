package dev.refrain.http.upstream;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.forward.RequestBody;
import dev.refrain.testing.Http2Provider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Flow;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Websockets: how many may be connecting at a time, and how long they may be silent. The test moves the clock. */
@Timeout(120)
class TunnelTest {
    private static final Duration LONG = Duration.ofHours(9);
    private static final Duration IDLE = Duration.ofMinutes(15);
    private static final String SWITCHES =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

    private final MovableTimers time = new MovableTimers();
    private final MemoryBudget memory = new MemoryBudget(512 << 20);
    private final UpstreamClient client = new UpstreamClient(
            new UpstreamOptions(
                    new UpstreamOptions.Timeouts(LONG, LONG, LONG, IDLE, LONG),
                    5000,
                    ProxyRules.NONE,
                    Http2Provider.TLS,
                    true),
            memory,
            most -> {},
            null,
            time);
    private final List<Socket> open = new ArrayList<>();

    @AfterEach
    void stop() throws IOException {
        client.close();
        for (Socket each : open) {
            each.close();
        }
        until(() -> memory.usedBytes() == 0);
    }

    /** The client's side of a websocket, which sends nothing. */
    private static final class Silent implements RequestBody {
        @Override
        public long contentLength() {
            return -1;
        }

        @Override
        public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
            subscriber.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long count) {}

                @Override
                public void cancel() {}
            });
        }
    }

    private CollectedAnswer open(ServerSocket server, boolean secure) {
        CollectedAnswer answer = new CollectedAnswer();
        call(server, secure, answer);
        return answer;
    }

    private Upstream.Call call(ServerSocket server, boolean secure, CollectedAnswer answer) {
        UpstreamRequest request = new UpstreamRequest(
                        "GET", new Origin(secure, "127.0.0.1", server.getLocalPort()), "/v1/realtime", List.of(), null)
                .forWebSocket(new Silent());
        return new UpstreamCall(client, request, true, interim -> {}).fetch(answer);
    }

    private Socket accept(ServerSocket server) throws IOException {
        Socket socket = server.accept();
        open.add(socket);
        return socket;
    }

    private static void agree(Socket socket) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) socket.getInputStream().read());
        }
        say(socket, SWITCHES);
    }

    private static void say(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    @Test
    void onlyASilentWebSocketEnds() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            CollectedAnswer silent = open(server, false);
            Socket ofSilent = accept(server);
            agree(ofSilent);
            CollectedAnswer busy = open(server, false);
            Socket ofBusy = accept(server);
            agree(ofBusy);
            silent.head.join();
            busy.head.join();
            for (int i = 1; i <= 3; i++) {
                time.advance(IDLE.toNanos() / 2 - 1);
                assertThat(busy.isOver()).isFalse();
                assertThat(silent.isOver()).isEqualTo(i > 2);
                say(ofBusy, "x");
                int heard = i;
                until(() -> busy.bytes().length == heard);
                // From here on the client waits for more bytes.
                until(() -> client.tunnels().open() == (heard > 2 ? 1 : 2));
            }
            assertThat(silent.failure().detail()).isEqualTo("upstream-cancelled");
            time.advance(IDLE.toNanos());
            assertThat(busy.failure().detail()).isEqualTo("upstream-cancelled");
            until(() -> client.tunnels().open() == 0);
        }
    }

    /** A websocket's TLS handshake costs as much as another call's, so the number of simultaneous ones is limited. */
    @Test
    void simultaneousHandshakesAreLimited() throws Exception {
        int most = 128;
        int calls = 300;
        try (ServerSocket silent = new ServerSocket(0, calls, InetAddress.getLoopbackAddress())) {
            List<CollectedAnswer> answers = new ArrayList<>();
            List<Upstream.Call> made = new ArrayList<>();
            for (int i = 0; i < calls; i++) {
                answers.add(new CollectedAnswer());
                made.add(call(silent, true, answers.get(i)));
            }
            List<Socket> shaking = new ArrayList<>();
            for (int i = 0; i < most; i++) {
                shaking.add(accept(silent));
            }
            // A failed handshake makes room for one more; cancelling a call that only waits does not.
            assertThat(client.connections().connectingAlone()).isEqualTo(most);
            made.get(calls - 1).cancel();
            assertThat(answers.get(calls - 1).failure().detail()).isEqualTo("upstream-cancelled");
            assertThat(client.connections().connectingAlone()).isEqualTo(most);
            for (int i = 0; i < 3; i++) {
                shaking.get(i).close();
                accept(silent);
                assertThat(client.connections().connectingAlone()).isEqualTo(most);
            }
            made.forEach(Upstream.Call::cancel);
        }
    }
}
