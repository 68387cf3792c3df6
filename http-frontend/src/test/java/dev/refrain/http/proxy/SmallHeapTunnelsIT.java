package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Websockets through the jar in a process with a heap of 64 MiB, which ends at the first OutOfMemoryError. There are
 * 200 at a time; providers send a MiB each to clients that do not read yet, and clients send a MiB to providers that do
 * not read.
 */
class SmallHeapTunnelsIT {
    private static final int TUNNELS = 200;
    private static final int MUCH = 1 << 20;

    @TempDir
    private Path folder;

    @Test
    @Timeout(120)
    void w2_slowReadersOnBothSidesTakeLittle() throws Exception {
        CompletableFuture<Void> reads = new CompletableFuture<>();
        byte[] much = "m".repeat(MUCH).getBytes(StandardCharsets.US_ASCII);
        RawProvider.Script script = call -> {
            if (!call.head().contains("Upgrade: websocket")) {
                call.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
                return;
            }
            call.write(TunnelWireTest.SWITCHES);
            Thread sender = new Thread(() -> {
                try {
                    call.write(much);
                } catch (IOException e) {
                    reads.completeExceptionally(e);
                }
            });
            sender.start();
            reads.join();
            call.write(Integer.toString(call.readAll().length));
        };
        List<String> jvm = new ArrayList<>(RunningJar.QUIET);
        jvm.addAll(List.of("-Xmx64m", "-XX:+ExitOnOutOfMemoryError"));
        List<RawClient> clients = new ArrayList<>();
        try (RawProvider provider = new RawProvider(script);
                RunningJar jar = RunningJar.start(jvm, folder, provider.base())) {
            List<CompletableFuture<Void>> sent = new ArrayList<>();
            for (int i = 0; i < TUNNELS; i++) {
                RawClient client = new RawClient(jar.port());
                clients.add(client);
                client.send(TunnelWireTest.HANDSHAKE);
                assertThat(client.readHead()).startsWith("HTTP/1.1 101 ");
                CompletableFuture<Void> done = new CompletableFuture<>();
                sent.add(done);
                new Thread(() -> {
                            try {
                                client.send(much);
                                client.finishSending();
                                done.complete(null);
                            } catch (IOException e) {
                                done.completeExceptionally(e);
                            }
                        })
                        .start();
            }
            // Meanwhile, other requests are served.
            assertThat(jar.cached("/v1/chat/completions", "{\"n\":1}").statusCode())
                    .isEqualTo(200);
            reads.complete(null);
            for (RawClient client : clients) {
                assertThat(client.readToTheEnd()).hasSize(MUCH + 7).endsWith("m" + MUCH);
            }
            for (CompletableFuture<Void> done : sent) {
                done.get(20, TimeUnit.SECONDS);
            }
            assertThat(jar.isAlive()).isTrue();
            assertThat(jar.err()).doesNotContain("OutOfMemory");
        } finally {
            for (RawClient client : clients) {
                client.close();
            }
        }
    }
}
