package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static dev.refrain.http.proxy.WireTest.CHAT_ANSWER;
import static dev.refrain.http.proxy.WireTest.CHAT_REQUEST;
import static dev.refrain.http.proxy.WireTest.STATUS;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.OwnThread;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A new process takes over the port and the store of a process under load. */
class RollingRestartIT {
    private static final int RESTARTS = Integer.getInteger("refrain.restarts", 2);

    private static final int CLIENTS = 4;

    @TempDir
    Path folder;

    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicInteger answered = new AtomicInteger();

    /** The process ends when its clients have left. The time limit is for slow machines. */
    private RunningJar start(ScriptedProvider provider, int port) throws IOException {
        return start(provider, port, "20s");
    }

    private RunningJar start(ScriptedProvider provider, int port, String drain) throws IOException {
        Path settings = Files.writeString(
                folder.resolve("refrain.yaml"), "reuse-port: true\nprobes: true\ntimeouts: {drain: " + drain + "}");
        return RunningJar.start(
                folder, provider.base(), "--port", Integer.toString(port), "--config", settings.toString());
    }

    @Test
    void noRequestIsLostAndNoHit() throws Exception {
        try (ScriptedProvider provider =
                new ScriptedProvider().does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER))) {
            RunningJar running = start(provider, 0);
            try {
                int port = running.port();
                try (Socket socket = connect(port)) {
                    socket.getOutputStream().write(request(false));
                    assertThat(head(socket.getInputStream())).contains("X-OpenRouter-Cache-Status: MISS");
                }
                List<CompletableFuture<Void>> clients = new ArrayList<>();
                boolean anyClient = areConnectionsHandedOver();
                for (int i = 0; i < CLIENTS; i++) {
                    boolean keepsConnections = !anyClient || i % 2 == 0;
                    clients.add(CompletableFuture.runAsync(() -> ask(port, keepsConnections), OwnThread.EACH));
                }
                for (int i = 0; i < RESTARTS; i++) {
                    RunningJar next = start(provider, port);
                    RunningJar last = running;
                    running = next;
                    int before = answered.get();
                    until(() -> answered.get() > before + 20);
                    RunningJar.Ended ended = last.terminate().ended();
                    assertThat(ended.status()).isEqualTo(143);
                    assertThat(ended.err()).doesNotContain("SEVERE", "Exception", "Nothing will be cached");
                }
                over.set(true);
                for (CompletableFuture<Void> client : clients) {
                    client.get();
                }
                assertThat(provider.calls()).isEqualTo(1);
                assertThat(running.send(HttpRequest.newBuilder(running.uri("/readyz")))
                                .body())
                        .isEqualTo("ready\n");
            } finally {
                over.set(true);
                running.close();
            }
        }
    }

    /**
     * Over HTTP/2, with two kinds of clients. Some share a connection on which an answer is under way as long as the
     * old process lives, so that it is never idle. One has its own connection. All are OkHttp, which handles {@code
     * GOAWAY} correctly; the JDK's client does so since 17.0.17.
     */
    @Test
    void noRequestIsLostAndNoHitOverHttp2() throws Exception {
        CountDownLatch taken = new CountDownLatch(1);
        CountDownLatch begun = new CountDownLatch(1);
        try (ScriptedProvider provider = new ScriptedProvider().does((exchange, request) -> {
            if (request.body().contains("long")) {
                begun.countDown();
                try {
                    taken.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        })) {
            RunningJar last = start(provider, 0, "4s");
            OkHttpClient shared = http2();
            OkHttpClient single = http2();
            try {
                int port = last.port();
                assertThat(ask(shared, port, CHAT_REQUEST)).isEqualTo("MISS");
                CompletableFuture<String> longOne = CompletableFuture.supplyAsync(
                        () -> ask(shared, port, CHAT_REQUEST.replace("hi", "long")), OwnThread.EACH);
                assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
                List<CompletableFuture<Void>> clients = new ArrayList<>();
                for (int i = 0; i < CLIENTS; i++) {
                    OkHttpClient client = i == 0 ? single : shared;
                    clients.add(CompletableFuture.runAsync(
                            () -> {
                                while (!over.get()) {
                                    assertThat(ask(client, port, CHAT_REQUEST)).isEqualTo("HIT");
                                    answered.incrementAndGet();
                                }
                            },
                            OwnThread.EACH));
                }
                try (RunningJar next = start(provider, port, "4s")) {
                    int before = answered.get();
                    until(() -> answered.get() > before + 20);
                    last.terminate();
                    // From here on, the new process answers the requests of all clients.
                    until(() -> connections(shared) == 2);
                    taken.countDown();
                    assertThat(longOne.get()).isEqualTo("MISS");
                    RunningJar.Ended ended = last.ended();
                    assertThat(ended.status()).isEqualTo(143);
                    assertThat(ended.err()).doesNotContain("SEVERE", "Exception", "Nothing will be cached");
                    int then = answered.get();
                    until(() -> answered.get() > then + 20);
                    over.set(true);
                    for (CompletableFuture<Void> client : clients) {
                        client.get();
                    }
                    assertThat(provider.calls()).isEqualTo(2);
                    assertThat(next.send(HttpRequest.newBuilder(next.uri("/readyz")))
                                    .body())
                            .isEqualTo("ready\n");
                }
            } finally {
                over.set(true);
                taken.countDown();
                last.close();
                shared.connectionPool().evictAll();
                single.connectionPool().evictAll();
            }
        }
    }

    private static OkHttpClient http2() {
        return new OkHttpClient.Builder()
                .protocols(List.of(Protocol.H2_PRIOR_KNOWLEDGE))
                .readTimeout(Duration.ofSeconds(60))
                .build();
    }

    private static int connections(OkHttpClient client) {
        return client.connectionPool().connectionCount();
    }

    /** Returns the cache status of the answer. */
    private static String ask(OkHttpClient client, int port, String body) {
        Request request = new Request.Builder()
                .url("http://127.0.0.1:" + port + CHAT)
                .header("Authorization", "Bearer sk-test")
                .header("X-OpenRouter-Cache", "true")
                .post(RequestBody.create(body, MediaType.get("application/json")))
                .build();
        try (Response response = client.newCall(request).execute()) {
            assertThat(response.code()).isEqualTo(200);
            assertThat(response.protocol()).isEqualTo(Protocol.H2_PRIOR_KNOWLEDGE);
            assertThat(response.body().string()).contains("Hello");
            return response.header(STATUS);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether Linux hands connections that were not accepted yet to another process that listens on the port. */
    private static boolean areConnectionsHandedOver() throws IOException {
        Path setting = Path.of("/proc/sys/net/ipv4/tcp_migrate_req");
        return Files.isReadable(setting) && Files.readString(setting).strip().equals("1");
    }

    /** Sends requests one by one, over one connection as long as the server keeps it. Each must be a hit. */
    private void ask(int port, boolean keepsConnections) {
        byte[] request = request(keepsConnections);
        while (!over.get()) {
            try (Socket socket = connect(port)) {
                boolean goesOn = true;
                while (goesOn && !over.get()) {
                    socket.getOutputStream().write(request);
                    String head = head(socket.getInputStream());
                    assertThat(head).startsWith("HTTP/1.1 200 ").contains("X-OpenRouter-Cache-Status: HIT");
                    answered.incrementAndGet();
                    goesOn = !head.contains("Connection: close");
                }
            } catch (IOException e) {
                throw new IllegalStateException("Request " + answered + " failed", e);
            }
        }
    }

    private static Socket connect(int port) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(60_000);
        return socket;
    }

    private static byte[] request(boolean keepsConnection) {
        return ("POST " + CHAT + " HTTP/1.1\r\nHost: refrain\r\nAuthorization: Bearer sk-test\r\n"
                        + "Content-Type: application/json\r\nX-OpenRouter-Cache: true\r\n"
                        + (keepsConnection ? "" : "Connection: close\r\n")
                        + "Content-Length: " + CHAT_REQUEST.length() + "\r\n\r\n" + CHAT_REQUEST)
                .getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Reads an answer to its end; returns its head. */
    private static String head(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            if (next < 0) {
                throw new IOException("The connection was closed after: " + head);
            }
            head.append((char) next);
        }
        int length = Integer.parseInt(head.toString().replaceAll("(?s).*Content-Length: (\\d+)\r\n.*", "$1"));
        if (in.readNBytes(length).length < length) {
            throw new IOException("The answer is cut");
        }
        return head.toString();
    }
}
