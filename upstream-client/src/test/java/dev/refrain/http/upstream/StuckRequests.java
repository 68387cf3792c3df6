package dev.refrain.http.upstream;

import dev.refrain.engine.memory.MemoryBudget;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Long requests to a provider that reads nothing of them until all are stuck, and then answers. */
final class StuckRequests {
    private static final int CALLS = 200;
    private static final int LENGTH = 4 << 20;
    private static final long DIRECT_LIMIT = 8 << 20;

    private StuckRequests() {}

    public static void main(String[] args) throws Exception {
        Duration limit = Duration.ofMinutes(2);
        try (ServerSocket server = new ServerSocket()) {
            // Connections inherit this. It keeps the part of a request in transit small.
            server.setReceiveBufferSize(4096);
            server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), CALLS);
            UpstreamClient client = new UpstreamClient(
                    new UpstreamOptions(
                            new UpstreamOptions.Timeouts(limit, limit, limit, limit, limit),
                            CALLS,
                            ProxyRules.NONE,
                            null,
                            false),
                    MemoryBudget.ofHeap(),
                    most -> {});
            byte[] body = new byte[LENGTH];
            Provider provider = new Provider(URI.create("http://127.0.0.1:" + server.getLocalPort() + "/v1"), "p");
            List<CompletableFuture<Void>> answers = new ArrayList<>();
            List<Socket> connections = new ArrayList<>();
            for (int i = 0; i < CALLS; i++) {
                CompletableFuture<Void> answer = new CompletableFuture<>();
                answers.add(answer);
                UpstreamRequest request = new UpstreamRequest(
                        "POST", provider.origin(), "/v1/chat/completions", List.of(), new HeldBody(body));
                new UpstreamCall(client, request, true, interim -> {}).fetch(new EndedSink(answer));
                connections.add(server.accept());
            }
            long most = 0;
            long stuck = -1;
            // Waits until nothing more is written.
            for (int same = 0; same < 20; same++) {
                Thread.sleep(25);
                long now = client.directBytes();
                same = now == stuck ? same : 0;
                stuck = now;
                most = Math.max(most, now);
            }
            require(answers.stream().noneMatch(CompletableFuture::isDone), "some calls are over");
            require(most <= DIRECT_LIMIT / 4, most + " bytes of direct memory");
            require(most >= DIRECT_LIMIT / 8, "direct memory is not used up: " + most);
            for (Socket connection : connections) {
                answer(connection);
            }
            answers.forEach(CompletableFuture::join);
            client.close();
        }
        System.out.println("all answered");
    }

    private static void answer(Socket connection) throws IOException {
        connection
                .getOutputStream()
                .write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".getBytes(StandardCharsets.US_ASCII));
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalStateException(otherwise);
        }
    }
}
