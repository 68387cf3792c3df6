package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Live events of the admin listener. */
class AdminEventsTest extends AdminTest {
    private static final int MOST_LISTENERS = 64;

    private RawClient listen() throws IOException {
        RawClient client = RawClient.ofAdmin(proxy.admin("/").getPort());
        client.send("GET /admin/api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        return client;
    }

    private static JsonNode data(RawClient client, String event) throws IOException {
        client.readUntil("event:" + event + "\n");
        String line = client.readUntil("\n");
        return JSON.readTree(line.substring(line.indexOf('{')));
    }

    @Test
    void sendsFiguresRequestsAndTheLatestStep() throws IOException {
        try (RawClient client = listen()) {
            assertThat(client.readHead()).startsWith("HTTP/1.1 200").contains("text/event-stream");
            assertThat(data(client, "stats").at("/requests/total").asInt()).isZero();
            assertThat(data(client, "point").path("t").asLong()).isPositive();

            // After the first figures, each event has only what is new.
            assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
            JsonNode news = data(client, "activity");
            assertThat(news.at("/data/0/model").asText()).isEqualTo("acme/large");
            assertThat(news.at("/data/0/cache").asText()).isEqualTo("miss");
        }
    }

    @Test
    void listenersAreBoundedAndAPlaceIsFreeAgainWhenOneGoes() throws IOException {
        List<RawClient> clients = new ArrayList<>();
        try {
            for (int i = 0; i < MOST_LISTENERS; i++) {
                RawClient client = listen();
                clients.add(client);
                assertThat(client.readHead()).startsWith("HTTP/1.1 200");
            }
            try (RawClient late = listen()) {
                assertThat(late.readResponse()).startsWith("HTTP/1.1 503").contains("\"code\":\"service-unavailable\"");
            }
            clients.remove(0).leave(true);
            String head;
            do {
                RawClient next = listen();
                clients.add(next);
                head = next.readHead();
            } while (head.startsWith("HTTP/1.1 503"));
            assertThat(head).startsWith("HTTP/1.1 200");
        } finally {
            for (RawClient client : clients) {
                client.close();
            }
        }
    }
}
