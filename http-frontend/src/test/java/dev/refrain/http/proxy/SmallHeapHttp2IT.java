package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.RawHttp2Client.DATA;
import static dev.refrain.http.proxy.RawHttp2Client.END_HEADERS;
import static dev.refrain.http.proxy.RawHttp2Client.END_STREAM;
import static dev.refrain.http.proxy.RawHttp2Client.HEADERS;
import static dev.refrain.http.proxy.WireTest.CHAT;
import static dev.refrain.http.proxy.WireTest.CHAT_ANSWER;
import static dev.refrain.http.proxy.WireTest.CHAT_REQUEST;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * More connections of HTTP/2 than the limit, in a process with a heap of 64 MiB, which ends at the first
 * OutOfMemoryError. Another client sends ordinary requests all the time.
 */
class SmallHeapHttp2IT {
    /** Limit of connections: one for each 64 KiB of heap. */
    private static final int MOST = 1024;
    /** Limit of idle connections: one for each 256 KiB of heap. */
    private static final int MOST_IDLE = 256;

    private static final int MORE = 100;

    @TempDir
    private Path folder;

    private final List<RawHttp2Client> clients = new ArrayList<>();
    private ScriptedProvider provider;
    private RunningJar jar;
    private int asked;

    @BeforeEach
    void start() throws IOException {
        provider =
                new ScriptedProvider().does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER));
        // No connection is closed as idle, however long the test takes.
        Path config = Files.writeString(folder.resolve("patient.yaml"), "timeouts: {keep-alive: 1h, request: 1h}\n");
        List<String> jvm = new ArrayList<>(RunningJar.QUIET);
        // Other collectors leave a part of the heap out of what Runtime.maxMemory() says.
        jvm.addAll(List.of("-Xmx64m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError"));
        jar = RunningJar.start(jvm, folder, provider.base(), "--config", config.toString());
        // The ordinary client's connection has had an answer before the other connections come.
        askSomethingOrdinary();
    }

    @AfterEach
    void stop() throws IOException {
        for (RawHttp2Client client : clients) {
            client.close();
        }
        jar.close();
        provider.close();
    }

    /** Sends a request twice: a miss and a hit. */
    private void askSomethingOrdinary() {
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> answer = jar.cached(CHAT, "{\"ordinary\":" + asked + "}");
            assertThat(answer.statusCode())
                    .as("%s; %s", answer.body(), jar.err())
                    .isEqualTo(200);
        }
        asked++;
    }

    private void assertThatItIsWell() {
        askSomethingOrdinary();
        assertThat(jar.isAlive()).isTrue();
        assertThat(jar.err()).doesNotContain("OutOfMemory").doesNotContain("Exception");
    }

    /** Opens connections; returns how many were served. */
    private int connect(int count, byte[] request, int streams) throws IOException {
        int in = 0;
        for (int i = 0; i < count; i++) {
            RawHttp2Client client = new RawHttp2Client(jar.port());
            clients.add(client);
            try {
                client.begin().write(request);
                boolean isAnswered = true;
                for (int ended = 0; ended < streams && isAnswered; ) {
                    RawHttp2Client.Frame frame = client.read();
                    isAnswered = frame != null;
                    ended += isAnswered && frame.isLast() ? 1 : 0;
                }
                in += isAnswered ? 1 : 0;
            } catch (IOException closed) {
                // Refused: there is no room for it.
            }
            if (i % 100 == 0) {
                askSomethingOrdinary();
            }
        }
        return in;
    }

    /**
     * All requests of a connection are under way at once, so each needs its own internal link, which then stays idle.
     */
    @Test
    @Timeout(300)
    void idleConnectionsAndTheLinksOfTheirStreamsAreBounded() throws Exception {
        ByteArrayOutputStream requests = new ByteArrayOutputStream();
        byte[] body = CHAT_REQUEST.getBytes(StandardCharsets.US_ASCII);
        byte[] head = RawHttp2Client.post(CHAT, "content-length", Integer.toString(body.length));
        for (int stream = 1; stream < 8; stream += 2) {
            requests.writeBytes(RawHttp2Client.of(HEADERS, END_HEADERS, stream, head));
        }
        for (int stream = 1; stream < 8; stream += 2) {
            requests.writeBytes(RawHttp2Client.of(DATA, END_STREAM, stream, body));
        }
        assertThat(connect(MOST + MORE, requests.toByteArray(), 4)).isEqualTo(MOST);
        assertThat(jar.instances("dev.refrain.http2.ClientConnection")).isEqualTo(MOST);
        assertThat(jar.instances("dev.refrain.http2.StreamLink")).isBetween(MOST_IDLE - MORE, MOST_IDLE);
        assertThatItIsWell();
    }
}
