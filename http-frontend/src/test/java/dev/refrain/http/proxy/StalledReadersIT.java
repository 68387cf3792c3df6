package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.SocketException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Answers and requests that clients leave unfinished, all together, in a process with a heap of 256 MiB. */
class StalledReadersIT {
    private static final String PATH = "/v1/chat/completions";
    private static final int CLIENTS = 40;
    private static final int LENGTH = 10_000_000;
    private static final Pattern CONTENT_LENGTH = Pattern.compile("(?i)\r\ncontent-length: *([0-9]+)\r\n");

    @TempDir
    private Path folder;

    private static String request(int length, String body) {
        return "POST " + PATH
                + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\nX-OpenRouter-Cache: true\r\n"
                + "Content-Length: " + length + "\r\n\r\n" + body;
    }

    /** 40 unread hits of 10 MB each are 400 MB. */
    @Test
    void unreadHitsLeaveTheHeapToOthers() throws IOException {
        String answer =
                "{\"id\":\"a\",\"text\":\"" + "x".repeat(LENGTH) + "\",\"choices\":[{\"finish_reason\":\"stop\"}]}";
        List<RawClient> clients = new ArrayList<>();
        try (ScriptedProvider provider = new ScriptedProvider()
                        .does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
                RunningJar jar = RunningJar.start(folder, provider.base())) {
            assertThat(jar.cached(PATH, "{}").statusCode()).isEqualTo(200);
            for (int i = 0; i < CLIENTS; i++) {
                RawClient client = RawClient.slow(jar.port());
                clients.add(client);
                client.send(request(2, "{}"));
            }
            HttpResponse<String> other = jar.cached(PATH, "{\"other\":1}");
            assertThat(other.statusCode())
                    .as(other.body().length() < 1000 ? other.body() : "")
                    .isEqualTo(200);
            assertThat(other.body()).isEqualTo(answer);

            int whole = 0;
            int cut = 0;
            List<RawClient> refused = new ArrayList<>();
            for (RawClient client : clients) {
                String head = headOrNothing(client);
                if (head.startsWith("HTTP/1.1 503 ")) {
                    assertThat(head).contains("\r\nRetry-After: ");
                    client.read(lengthIn(head));
                    refused.add(client);
                } else {
                    int length = client.readToTheEnd(LENGTH).length();
                    whole += length >= LENGTH ? 1 : 0;
                    cut += length < LENGTH ? 1 : 0;
                }
            }
            // Clients for whom there was room have their whole answer waiting.
            assertThat(whole).isPositive();
            assertThat(cut + refused.size()).isPositive();
            assertThat(whole + cut + refused.size()).isEqualTo(CLIENTS);
            // Refused clients ask again on the same connection, now that there is room.
            for (RawClient client : refused) {
                client.send(request(2, "{}"));
                String head = client.readHead();
                assertThat(head).startsWith("HTTP/1.1 200 ");
                assertThat(client.read(lengthIn(head))).hasSizeGreaterThan(LENGTH);
            }
            assertThat(jar.cached(PATH, "{}").headers().firstValue("X-OpenRouter-Cache-Status"))
                    .contains("HIT");
            assertThat(jar.err()).doesNotContain("OutOfMemory");
            assertThat(provider.calls()).isEqualTo(2);
        } finally {
            for (RawClient client : clients) {
                client.close();
            }
        }
    }

    /** The head of the answer, or an empty text if the connection is cut. */
    private static String headOrNothing(RawClient client) throws IOException {
        try {
            return client.readHead();
        } catch (SocketException reset) {
            return "";
        }
    }

    /**
     * While memory is tight, a refused client is cut a second later. Its answer arrived before that, and can be read.
     */
    private static void sendUnlessCut(RawClient client, String rest) throws IOException {
        try {
            client.send(rest);
        } catch (SocketException cut) {
            assertThat(cut).hasMessageMatching("Connection reset.*|Broken pipe");
        }
    }

    private static int lengthIn(String head) {
        Matcher length = CONTENT_LENGTH.matcher(head);
        assertThat(length.find()).as(head).isTrue();
        return Integer.parseInt(length.group(1));
    }

    /** An announced length reserves no memory, and bytes that are sent count in the budget. */
    @Test
    void unfinishedRequestsLeaveTheHeapToOthers() throws IOException {
        List<RawClient> clients = new ArrayList<>();
        try (ScriptedProvider provider =
                        new ScriptedProvider().does((exchange, request) -> ScriptedProvider.json(exchange, 200, "{}"));
                RunningJar jar = RunningJar.start(folder, provider.base())) {
            for (int i = 0; i < 200; i++) {
                RawClient client = new RawClient(jar.port());
                clients.add(client);
                client.send(request(8_000_000, "{"));
            }
            assertThat(jar.cached(PATH, "{}").statusCode()).isEqualTo(200);
            String half = " ".repeat(5_000_000);
            for (RawClient client : clients.subList(0, CLIENTS)) {
                client.send(half);
            }
            assertThat(jar.cached(PATH, "{\"a\":1}").statusCode()).isEqualTo(200);
            // Sending the rest shows which clients were refused.
            Set<String> answers = new HashSet<>();
            for (RawClient client : clients.subList(0, CLIENTS)) {
                sendUnlessCut(client, " ".repeat(2_999_998) + "}");
                answers.add(client.readResponse().substring(0, "HTTP/1.1 200".length()));
            }
            assertThat(answers).containsExactlyInAnyOrder("HTTP/1.1 200", "HTTP/1.1 503");
            assertThat(jar.err()).doesNotContain("OutOfMemory");
        } finally {
            for (RawClient client : clients) {
                client.close();
            }
        }
    }
}
