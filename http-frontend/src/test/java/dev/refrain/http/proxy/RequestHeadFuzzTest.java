package dev.refrain.http.proxy;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.ScriptedProvider.Received;
import java.io.IOException;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Fuzzes request heads over real sockets. The client is answered or disconnected in time, never with an internal error.
 * The provider never gets fields that are meant for the cache.
 */
class RequestHeadFuzzTest {
    private static final String BODY = "{\"model\":\"m\",\"messages\":[]}";
    private static final List<String> HEAD = List.of(
            "POST /v1/chat/completions?a=b HTTP/1.1",
            "Host: localhost",
            "Authorization: Bearer sk-test",
            "X-OpenRouter-Cache: true",
            "X-OpenRouter-Cache-TTL: 60",
            "Cache-Control: max-age=5, no-store",
            "Connection: close",
            "Content-Length: " + BODY.length());

    private static Path folder;
    private static ScriptedProvider provider;
    private static RunningProxy proxy;

    @BeforeContainer
    static void start() throws IOException {
        folder = Files.createTempDirectory("refrain-fuzz");
        provider = new ScriptedProvider();
        proxy = new RunningProxy(
                folder.resolve("answers.refrain"), provider.base(), Map.of("REFRAIN_TIMEOUTS_REQUEST", "1s"));
    }

    @AfterContainer
    static void stop() throws IOException {
        proxy.close();
        provider.close();
        try (java.util.stream.Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    /** Replaces a part of one line of the head. */
    record Change(int line, int from, int length, String with) {
        List<String> applyTo(List<String> lines) {
            List<String> changed = new ArrayList<>(lines);
            int at = line % lines.size();
            String old = lines.get(at);
            int start = Math.min(from, old.length());
            int end = Math.min(start + length, old.length());
            changed.set(at, old.substring(0, start) + with + old.substring(end));
            return changed;
        }
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void everyHeadIsAnsweredOrRefused(@ForAll("changes") List<Change> changes) throws IOException {
        List<String> head = HEAD;
        for (Change change : changes) {
            head = change.applyTo(head);
        }
        try (RawClient client = new RawClient(proxy.port())) {
            try {
                client.send(String.join("\r\n", head) + "\r\n\r\n" + BODY);
                client.finishSending();
            } catch (SocketException refused) {
                // The server closed the connection while the client was sending. Its answer can still be read.
            }
            // Throws if nothing arrives for too long.
            String answer = client.readToTheEnd();
            assertThat(answer)
                    .matches("(?s)(HTTP/1\\.1 100 Continue\r\n\r\n)?(HTTP/1\\.[01] (200|[34]\\d\\d|50[123]) "
                            + ".*)?(\\(reset\\))?");
        }
        assertThat(provider.received()).allSatisfy(RequestHeadFuzzTest::keepsItsOwn);
        provider.received().clear();
        assertThat(proxy.cached(WireTest.CHAT, BODY).statusCode()).isEqualTo(200);
        provider.received().clear();
    }

    private static void keepsItsOwn(Received request) {
        assertThat(request.headers()).doesNotContainKeys("X-openrouter-cache", "X-openrouter-cache-ttl");
        assertThat(request.headers().get("Host"))
                .containsExactly(provider.base().getAuthority());
    }

    @Provide
    Arbitrary<List<Change>> changes() {
        Arbitrary<String> text = Arbitraries.oneOf(
                Arbitraries.of(
                        "\r\n",
                        "\n",
                        "\r",
                        "\0",
                        ":",
                        " ",
                        "\t",
                        ",",
                        ";",
                        "\"",
                        "%",
                        "%zz",
                        "%00",
                        "/",
                        "//",
                        "/../",
                        "?",
                        "#",
                        "http://x",
                        "*",
                        "Transfer-Encoding: chunked\r\n",
                        "Expect: 100-continue\r\n",
                        "Host: y\r\n",
                        "Content-Length: 5\r\n",
                        "Upgrade: h2c\r\n",
                        "HTTP/1.0",
                        "HTTP/2.0",
                        "GET",
                        "\u00e9",
                        "-1",
                        "+1",
                        "99999999999999999999",
                        "x".repeat(9000)),
                Arbitraries.bytes().map(b -> new String(new byte[] {b}, ISO_8859_1)));
        return Combinators.combine(
                        Arbitraries.integers().between(0, 100),
                        Arbitraries.integers().between(0, 60),
                        Arbitraries.integers().between(0, 8),
                        text)
                .as(Change::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(3);
    }
}
