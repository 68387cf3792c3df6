package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A default nginx in front of the proxy: it buffers responses unless a field tells it not to (wire rule W28c, F15). */
class NginxIT extends WireTest {
    private static final List<Path> PLACES = List.of(Path.of("/usr/sbin/nginx"), Path.of("/usr/local/sbin/nginx"));
    private static final String REQUEST =
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
                    + "X-OpenRouter-Cache: true\r\nContent-Length: 15\r\n\r\n{\"stream\":true}";

    private Process nginx;
    private int port;

    @BeforeEach
    void startNginx() throws Exception {
        Path binary = PLACES.stream().filter(Files::isExecutable).findFirst().orElse(null);
        Assumptions.assumeTrue(binary != null, "Skipped: there is no /usr/sbin/nginx (package nginx-light).");
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Path configuration = Files.writeString(folder.resolve("nginx.conf"), """
                daemon off;
                pid FOLDER/nginx.pid;
                events {}
                http {
                    access_log off;
                    client_body_temp_path FOLDER/body;
                    proxy_temp_path FOLDER/proxy;
                    fastcgi_temp_path FOLDER/fastcgi;
                    uwsgi_temp_path FOLDER/uwsgi;
                    scgi_temp_path FOLDER/scgi;
                    server {
                        listen 127.0.0.1:PORT;
                        location / {
                            proxy_pass http://127.0.0.1:REFRAIN;
                        }
                    }
                }
                """.replace("FOLDER", folder.toString())
                .replace("PORT", Integer.toString(port))
                .replace("REFRAIN", Integer.toString(proxy.port())));
        nginx = new ProcessBuilder(binary.toString(), "-e", "stderr", "-c", configuration.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("nginx.log").toFile())
                .start();
        until(this::listens);
    }

    private boolean listens() {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
        } catch (IOException notYet) {
            return false;
        }
    }

    @AfterEach
    void stopNginx() throws InterruptedException {
        if (nginx != null) {
            nginx.destroy();
            nginx.waitFor(10, TimeUnit.SECONDS);
        }
    }

    /**
     * Only the leader has the provider's field. If Refrain added none, the follower would get everything at the end.
     */
    @Test
    void w28c_f15_aFollowerBehindNginxGetsAStreamLive() throws Exception {
        CountDownLatch rest = new CountDownLatch(1);
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("X-Accel-Buffering", "no");
            ScriptedProvider.stream(exchange);
            ScriptedProvider.write(exchange, CHAT_STREAM[0] + CHAT_STREAM[1]);
            rest.await();
            for (String piece : Arrays.asList(CHAT_STREAM).subList(2, CHAT_STREAM.length)) {
                ScriptedProvider.write(exchange, piece);
            }
        });
        try (RawClient leader = new RawClient(port);
                RawClient follower = new RawClient(port)) {
            leader.send(REQUEST);
            leader.readUntil("}\n\n");
            follower.send(REQUEST);
            assertThat(follower.readHead()).contains("collapsed").doesNotContain("X-Accel-Buffering");
            assertThat(follower.readUntil("}\n\n")).contains("gen-");
            assertThat(rest.getCount()).as("the provider has not gone on").isEqualTo(1);
            rest.countDown();
            assertThat(follower.readUntil("[DONE]\n\n")).contains("[DONE]");
        } finally {
            rest.countDown();
        }
        assertThat(provider.calls()).isEqualTo(1);
    }
}
