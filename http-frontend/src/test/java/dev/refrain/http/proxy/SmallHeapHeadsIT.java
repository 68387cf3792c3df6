package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.Http2Provider;
import dev.refrain.testing.SelfSigned;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Many answers at once through the jar. Their long heads have the shortest possible fields, which take many times their
 * length in memory. The process has a heap of 64 MiB, and ends at the first OutOfMemoryError.
 */
class SmallHeapHeadsIT {
    private static final int CALLS = 100;
    private static final int LENGTH = 100_000;

    @TempDir
    private Path folder;

    private static byte[] head() {
        StringBuilder head = new StringBuilder("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
        for (int i = 0; head.length() < LENGTH; i++) {
            head.append(Integer.toString(i, 36)).append(":\r\n");
        }
        return head.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII);
    }

    @Test
    @Timeout(120)
    void w31_headsForWhichThereIsNoMemoryAre503() throws Exception {
        byte[] head = head();
        CountDownLatch many = new CountDownLatch(CALLS / 2);
        RawProvider.Script script = call -> {
            if (call.head().contains("/rerank")) {
                call.write(head);
                // The proxy holds as many heads at the same time as it has room for.
                many.countDown();
                many.await(5, TimeUnit.SECONDS);
                call.write("{}");
            } else {
                call.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
            }
        };
        List<String> jvm = new ArrayList<>(RunningJar.QUIET);
        jvm.addAll(List.of("-Xmx64m", "-XX:+ExitOnOutOfMemoryError"));
        List<RawClient> clients = new ArrayList<>();
        try (RawProvider provider = new RawProvider(script);
                RunningJar jar = RunningJar.start(jvm, folder, provider.base())) {
            for (int i = 0; i < CALLS; i++) {
                RawClient client = RawClient.slow(jar.port());
                clients.add(client);
                client.send(
                        "POST /v1/rerank HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + "Content-Length: 2\r\n\r\n{}");
            }
            int whole = 0;
            for (RawClient client : clients) {
                String answer = client.readToTheEnd();
                if (answer.startsWith("HTTP/1.1 200 ")) {
                    whole++;
                    assertThat(answer).hasSizeGreaterThan(LENGTH).endsWith("\r\n\r\n{}");
                } else {
                    assertThat(answer).startsWith("HTTP/1.1 503 ").contains("memory");
                }
            }
            assertThat(whole).isBetween(1, CALLS - 1);
            assertThat(jar.cached("/v1/chat/completions", "{\"n\":1}").statusCode())
                    .isEqualTo(200);
            assertThat(jar.isAlive()).isTrue();
            assertThat(jar.err()).doesNotContain("OutOfMemory");
        } finally {
            for (RawClient client : clients) {
                client.close();
            }
        }
    }

    /** All bytes of an HTTP/2 head are held until it ends, and it may not end for a long time. */
    @Test
    @Timeout(120)
    void w31_unfinishedHeadsAre503WhenNoMemoryIsLeft() throws Exception {
        Path keys = folder.resolve("keys.p12");
        SelfSigned.write(keys);
        byte[] beginning = Http2Provider.block(":status", "200");
        byte[] piece = new byte[16_000];
        int calls = 120;
        CountDownLatch all = new CountDownLatch(calls);
        Http2Provider.Script script = connection -> {
            connection.greet(Http2Provider.MAX_CONCURRENT_STREAMS, 1);
            while (true) {
                Http2Provider.Request request = connection.request();
                if (!request.header(":path").contains("rerank")) {
                    connection.answer(request.stream(), "{}");
                    continue;
                }
                try {
                    connection.write(Http2Provider.HEADERS, 0, request.stream(), beginning);
                    for (int i = 0; i < 29; i++) {
                        connection.write(Http2Provider.CONTINUATION, 0, request.stream(), piece);
                    }
                } finally {
                    all.countDown();
                }
                all.await(20, TimeUnit.SECONDS);
                return;
            }
        };
        List<String> jvm = new ArrayList<>(RunningJar.QUIET);
        jvm.addAll(List.of(
                "-Xmx64m",
                "-XX:+ExitOnOutOfMemoryError",
                "-Djavax.net.ssl.trustStore=" + keys,
                "-Djavax.net.ssl.trustStorePassword=" + SelfSigned.PASSWORD));
        List<RawClient> clients = new ArrayList<>();
        try (Http2Provider provider = new Http2Provider(script, SelfSigned.context(keys), false, "h2");
                RunningJar jar = RunningJar.start(jvm, folder, provider.base())) {
            for (int i = 0; i < calls; i++) {
                RawClient client = RawClient.slow(jar.port());
                clients.add(client);
                client.send(
                        "POST /v1/rerank HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + "Content-Length: 2\r\n\r\n{}");
            }
            int refused = 0;
            for (RawClient client : clients) {
                String answer = client.readToTheEnd();
                if (answer.startsWith("HTTP/1.1 503 ")) {
                    refused++;
                    assertThat(answer).contains("memory");
                } else {
                    assertThat(answer).startsWith("HTTP/1.1 502 ");
                }
            }
            assertThat(refused).isBetween(1, calls - 1);
            assertThat(jar.cached("/v1/chat/completions", "{\"n\":1}").statusCode())
                    .isEqualTo(200);
            assertThat(jar.isAlive()).isTrue();
            assertThat(jar.err()).doesNotContain("OutOfMemory");
        } finally {
            for (RawClient client : clients) {
                client.close();
            }
        }
    }
}
