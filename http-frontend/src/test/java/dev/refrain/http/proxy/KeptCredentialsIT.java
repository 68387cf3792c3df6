package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Wire rule W15: no credential stays in memory after its request, whatever its field and however the request ends. */
class KeptCredentialsIT {
    private static final String MARK = "sk-kept-";
    private static final String BODY = "{\"model\":\"m\",\"messages\":[],\"user\":\"%s\"}";
    private static final String ANSWER = "{\"id\":\"chatcmpl-1\",\"created\":1,\"choices\":[{\"index\":0,\"message\":"
            + "{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}";

    @TempDir
    Path folder;

    private final List<RawClient> open = new ArrayList<>();
    private final List<RawHttp2Client> openOverHttp2 = new ArrayList<>();

    @Test
    void w15_f17_noCredentialIsOnTheHeapWhenItsRequestHasEnded() throws Exception {
        ScriptedProvider provider = new ScriptedProvider();
        try (RunningJar proxy = RunningJar.start(folder, provider.base())) {
            provider.does((exchange, request) -> {
                if (request.body().contains("refused")) {
                    ScriptedProvider.json(exchange, 401, "{\"error\":{\"message\":\"no\"}}");
                } else {
                    ScriptedProvider.json(exchange, 200, ANSWER);
                }
            });
            for (int length : new int[] {0, 50, 150, 20_000}) {
                ask(proxy, "", "Authorization: Bearer " + key("bearer", length));
                ask(proxy, "", "x-api-key: " + key("own", length));
                ask(proxy, "", "Authorization: Bearer a", "Authorization: Bearer " + key("second", length));
                ask(proxy, "", "Authorization: Bearer a", "Ocp-Apim-Subscription-Key: " + key("azure", length));
                ask(proxy, "", "Cookie: session=" + key("cookie", length));
                ask(proxy, "", "x-bf-vk: " + key("gateway", length), "X-Last: last");
                ask(proxy, "?key=" + key("query", length), "X-Last: last");
                askOverHttp2(proxy, "", "authorization", "Bearer " + key("stream", length));
                askOverHttp2(proxy, "", "cookie", "a=b", "cookie", "session=" + key("crumb", length));
                askOverHttp2(proxy, "?key=" + key("target", length));
            }
            // The HTTP client keeps the first request of a connection to the provider as long as that connection is
            // open and idle.
            provider.close();
            Set<String> found = Set.of("nothing looked for");
            for (int i = 0; i < 6 && !found.isEmpty(); i++) {
                Path heap = folder.resolve("heap" + i + ".hprof");
                proxy.dumpHeap(heap);
                found = found(heap);
            }
            assertThat(found).isEmpty();
        } finally {
            provider.close();
            for (RawClient client : open) {
                client.close();
            }
            for (RawHttp2Client client : openOverHttp2) {
                client.close();
            }
        }
    }

    /** A key with the mark at both ends, so that a remaining half is found, too. */
    private static String key(String name, int length) {
        return MARK + name + "-" + length + "-" + "x".repeat(length) + MARK + name + "-" + length + "-end";
    }

    /**
     * Sends requests over one connection: a miss, two hits, a request that the provider refuses, and an uncached one.
     * The connection stays open.
     */
    private void ask(RunningJar proxy, String query, String... lines) throws IOException {
        RawClient client = new RawClient(proxy.port());
        open.add(client);
        String user = "u" + open.size();
        for (String body : List.of(user, user, user, user + "refused")) {
            client.send(request(query, "X-OpenRouter-Cache: true\r\n", BODY.formatted(body), lines));
            assertThat(client.readResponse()).startsWith(body.endsWith("refused") ? "HTTP/1.1 401" : "HTTP/1.1 200");
        }
        client.send(request(query, "", BODY.formatted(user), lines));
        assertThat(client.readResponse()).startsWith("HTTP/1.1 200");
        client.send(request(query, "X-OpenRouter-Cache: true\r\n", BODY.formatted(user), lines));
        assertThat(client.readResponse()).contains("HIT");
        client.send(request(query, "X-OpenRouter-Cache: true\r\n", BODY.formatted(user), lines));
        assertThat(client.readResponse()).contains("HIT");
    }

    /** Sends the same requests over one connection of HTTP/2, which stays open. */
    private void askOverHttp2(RunningJar proxy, String query, String... fields) throws IOException {
        RawHttp2Client client = new RawHttp2Client(proxy.port()).begin();
        openOverHttp2.add(client);
        byte[] body = BODY.formatted("h" + openOverHttp2.size()).getBytes(StandardCharsets.US_ASCII);
        for (int stream = 1; stream < 8; stream += 2) {
            byte[] head = RawHttp2Client.head("/v1/chat/completions" + query, body.length, fields);
            // The maximum length of a frame.
            int first = Math.min(head.length, 16_000);
            client.frame(
                    RawHttp2Client.HEADERS,
                    first == head.length ? RawHttp2Client.END_HEADERS : 0,
                    stream,
                    Arrays.copyOf(head, first));
            for (int at = first; at < head.length; at += 16_000) {
                int to = Math.min(head.length, at + 16_000);
                client.frame(
                        RawHttp2Client.CONTINUATION,
                        to == head.length ? RawHttp2Client.END_HEADERS : 0,
                        stream,
                        Arrays.copyOfRange(head, at, to));
            }
            client.frame(RawHttp2Client.DATA, RawHttp2Client.END_STREAM, stream, body);
            assertThat(client.body(stream)).contains("finish_reason");
        }
    }

    private static String request(String query, String more, String body, String... lines) {
        return "POST /v1/chat/completions" + query + " HTTP/1.1\r\nHost: x\r\n" + String.join("\r\n", lines) + "\r\n"
                + more + "Content-Length: " + body.length() + "\r\nContent-Type: application/json\r\n\r\n" + body;
    }

    /** The texts after each mark in the file. */
    private static Set<String> found(Path file) throws IOException {
        byte[] mark = MARK.getBytes(StandardCharsets.US_ASCII);
        Set<String> found = new TreeSet<>();
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 20)) {
            int matched = 0;
            for (int b = in.read(); b >= 0; b = in.read()) {
                matched = b == mark[matched] ? matched + 1 : b == mark[0] ? 1 : 0;
                if (matched == mark.length) {
                    found.add(MARK + new String(in.readNBytes(16), StandardCharsets.ISO_8859_1));
                    matched = 0;
                }
            }
        }
        return found;
    }
}
