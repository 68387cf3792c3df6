package dev.refrain.console.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ActivityOptions;
import dev.refrain.engine.exchange.Endpoint;
import io.undertow.Undertow;
import io.undertow.server.HttpHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ActivityPagesTest {
    @TempDir
    Path folder;

    /** Asks a listener with nothing but this handler, and reads until the connection ends. */
    private static String ask(HttpHandler handler) throws IOException {
        Undertow server = Undertow.builder()
                .addHttpListener(0, "127.0.0.1")
                .setIoThreads(1)
                .setWorkerThreads(2)
                .setHandler(exchange -> exchange.dispatch(handler))
                .build();
        server.start();
        try (Socket client = new Socket()) {
            client.connect((InetSocketAddress) server.getListenerInfo().get(0).getAddress());
            client.setSoTimeout(30_000);
            client.getOutputStream()
                    .write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            return new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (SocketException reset) {
            return "";
        } finally {
            server.stop();
        }
    }

    @Test
    void aDownloadTakesTurnsWithOtherReadersOfTheLog() throws AdminException, IOException {
        ActivityOptions options = ActivityOptions.of(folder.resolve("log"), 64 << 20, Duration.ofDays(1));
        Walks walks = new Walks(0);
        try (ActivityLog log = ActivityLog.open(options, Clock.systemUTC())) {
            log.begin(Endpoint.CHAT).served(false);
            ActivityPages pages = new ActivityPages(log, null, walks);
            HttpHandler file = exchange -> {
                try {
                    pages.file(exchange);
                } catch (AdminException refused) {
                    Replies.error(exchange, refused);
                }
            };
            String whileOthersRead = walks.take(() -> walks.take(() -> answer(file)));
            assertThat(whileOthersRead).startsWith("HTTP/1.1 503").contains("try again");
            assertThat(ask(file))
                    .startsWith("HTTP/1.1 200")
                    .contains("\r\nid,created_at,")
                    .contains(",chat,");
        }
    }

    private static String answer(HttpHandler handler) {
        try {
            return ask(handler);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aBrokenDownloadHasNoRegularEnd() throws IOException {
        ActivityLog.Page first = new ActivityLog.Page(List.of(), "more", true);
        ActivityLog.Page last = new ActivityLog.Page(List.of(), null, true);
        String whole = ask(exchange -> ActivityPages.write(exchange, first, cursor -> last));
        assertThat(whole).startsWith("HTTP/1.1 200").contains("\r\nid,created_at,");
        String broken = ask(exchange -> ActivityPages.write(exchange, first, cursor -> {
            throw AdminException.badRequest("others read");
        }));
        // Nothing had been sent before the failure. After the first bytes, the last chunk would be missing.
        assertThat(broken).isEmpty();
    }
}
