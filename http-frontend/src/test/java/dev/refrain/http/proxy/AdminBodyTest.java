package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Bodies sent to the admin listener take little memory, and only for seconds. */
class AdminBodyTest extends WireTest {
    private static final String TOKEN = "0123456789abcdef0123";
    private static final int LONG = 51_000_000;

    @BeforeEach
    void token() throws IOException {
        restart(Map.of("REFRAIN_ADMIN_TOKEN", TOKEN));
    }

    private RawClient send(String request, int length, String body) throws IOException {
        RawClient client = RawClient.ofAdmin(proxy.admin("/").getPort());
        client.send(request + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + length + "\r\n\r\n" + body);
        return client;
    }

    @Test
    void f55_noBodyIsReadWithoutTheToken() throws IOException {
        try (RawClient client = send("POST /admin/api/explain", LONG, "{")) {
            assertThat(client.readResponse()).contains(" 403 ");
        }
        try (RawClient client = send("POST /admin/api/explain", LONG, "{".repeat(100_000))) {
            assertThat(client.readResponse()).contains(" 403 ");
        }
        assertThat(proxy.memory().usedBytes()).isZero();
    }

    @Test
    void f55_aProbeWithABodyIsAnsweredAndNotWaitedFor() throws IOException {
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            clients.add(send("GET /healthz", LONG, "x"));
        }
        for (RawClient client : clients) {
            assertThat(client.readResponse()).contains(" 200 ");
            client.close();
        }
        assertThat(proxy.memory().usedBytes()).isZero();
    }

    @Test
    void f55_aBodyThatIsTooLongIsRefusedBeforeItArrives() throws IOException {
        String authorization = " HTTP/1.1\r\nAuthorization: Bearer " + TOKEN + "\r\nX-Ignored: x";
        try (RawClient client = RawClient.ofAdmin(proxy.admin("/").getPort())) {
            client.send("POST /admin/api/explain" + authorization + "\r\nHost: 127.0.0.1\r\nContent-Length: " + LONG
                    + "\r\n\r\n");
            assertThat(client.readResponse()).contains(" 413 ");
        }
        try (RawClient client = RawClient.ofAdmin(proxy.admin("/").getPort())) {
            client.send("POST /admin/api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Refrain-Admin: 1\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n2000\r\n" + " ".repeat(0x2000) + "\r\n");
            assertThat(client.readResponse()).contains(" 413 ");
        }
    }
}
