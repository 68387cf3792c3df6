package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.testing.ScriptedProvider;
import io.airlift.compress.zstd.ZstdOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Request bodies in a content coding (fault F30): the key uses the decoded body, and the provider gets the original.
 */
class CodedRequestTest extends WireTest {
    private static final String BYPASS = "refrain; fwd=bypass; detail=";

    private static byte[] coded(String coding, byte[] plain) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = coding.equals("zstd") ? new ZstdOutputStream(bytes) : new GZIPOutputStream(bytes)) {
            out.write(plain);
        }
        return bytes.toByteArray();
    }

    private static byte[] coded(String coding, String plain) throws IOException {
        return coded(coding, plain.getBytes(StandardCharsets.UTF_8));
    }

    private HttpResponse<String> send(String coding, byte[] body) {
        return send(CHAT, coding, body);
    }

    private HttpResponse<String> send(String path, String coding, byte[] body) {
        return proxy.send(proxy.post(path, "", "X-OpenRouter-Cache", "true", "Content-Encoding", coding)
                .POST(BodyPublishers.ofByteArray(body)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "x-gzip", "GZIP", "zstd"})
    void f30_theKeyUsesTheDecodedBody(String coding) throws IOException {
        byte[] body = coded(coding, CHAT_REQUEST);
        assertMiss(send(coding, body));
        assertHit(send(coding, body));
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
        assertMiss(send(coding, coded(coding, CHAT_REQUEST.replace("hi", "ho"))));
        assertThat(provider.calls()).isEqualTo(2);
        assertThat(provider.received().get(0).headers().getFirst("Content-Encoding"))
                .isEqualTo(coding);
        // Comparing texts is exact, because these bytes are valid UTF-8.
        assertThat(provider.received().get(0).body()).isEqualTo(new String(body, StandardCharsets.UTF_8));
    }

    /** On one connection, the shortcut sees the heads of coded and of plain requests, with their bodies undecoded. */
    @Test
    void f30_theShortcutDoesNotMistakeACodedBodyForAPlainOne() throws IOException {
        byte[] body = coded("gzip", CHAT_REQUEST);
        try (RawClient client = new RawClient(proxy.port())) {
            for (int i = 0; i < 4; i++) {
                client.send("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n"
                        + "Content-Encoding: gzip\r\nContent-Length: " + body.length + "\r\n\r\n");
                client.send(body);
                assertThat(client.readResponse()).contains(i == 0 ? "Cache-Status: MISS" : "Cache-Status: HIT");
            }
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "zstd"})
    void f30_aBombIsPassedOnUnopened(String coding) throws IOException {
        restart(Map.of("REFRAIN_LIMITS_CACHEABLE_REQUEST", "64KiB"));
        byte[] bomb = coded(coding, new byte[50_000_000]);
        bomb = bomb.length < 60_000 ? bomb : coded(coding, new byte[1_000_000]);
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> response = send(coding, bomb);
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(header(response, "Cache-Status")).startsWith(BYPASS + "payload-too-large");
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void f30_aBodyThatDoesNotMatchItsCodingIsPassedOnWithAReason() throws IOException {
        byte[] gzip = coded("gzip", CHAT_REQUEST);
        byte[] zstd = coded("zstd", CHAT_REQUEST);
        byte[] withTail = Arrays.copyOf(gzip, gzip.length + 3);
        byte[] wrongCheck = gzip.clone();
        wrongCheck[gzip.length - 6] ^= 1;
        byte[] twice = Arrays.copyOf(gzip, gzip.length * 2);
        System.arraycopy(gzip, 0, twice, gzip.length, gzip.length);
        Object[][] bodies = {
            {"br", gzip},
            {"gzip, gzip", gzip},
            {"deflate", gzip},
            {"", gzip},
            {"gzip", zstd},
            {"zstd", gzip},
            {"gzip", CHAT_REQUEST.getBytes(StandardCharsets.UTF_8)},
            {"gzip", new byte[0]},
            {"gzip", Arrays.copyOf(gzip, gzip.length - 1)},
            {"gzip", Arrays.copyOf(gzip, 9)},
            {"gzip", withTail},
            {"gzip", twice},
            {"gzip", wrongCheck},
            {"zstd", Arrays.copyOf(zstd, zstd.length - 3)},
        };
        for (Object[] body : bodies) {
            for (int i = 0; i < 2; i++) {
                HttpResponse<String> response = send((String) body[0], (byte[]) body[1]);
                assertThat(response.statusCode()).isEqualTo(200);
                assertThat(header(response, "Cache-Status"))
                        .as(body[0] + " " + Arrays.toString((byte[]) body[1]))
                        .startsWith(BYPASS + "content-encoding");
            }
        }
        assertThat(provider.calls()).isEqualTo(2 * bodies.length);
        HttpResponse<String> noJson = send("gzip", coded("gzip", "[]"));
        assertThat(header(noJson, "Cache-Status")).startsWith(BYPASS + "not-a-json-object");
    }

    /** Every body gets an answer, whatever its bytes are. */
    @ParameterizedTest
    @ValueSource(strings = {"gzip", "zstd"})
    void f30_damagedBodiesHarmNobody(String coding) throws IOException {
        Random random = new Random(7);
        byte[] whole = coded(coding, CHAT_REQUEST + " ".repeat(2000));
        for (int i = 0; i < 300; i++) {
            byte[] damaged = whole.clone();
            for (int flips = random.nextInt(4) + 1; flips > 0; flips--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            assertThat(send(coding, damaged).statusCode()).isEqualTo(200);
        }
        // Some damage, such as to a time stamp, leaves the content unchanged.
        assertThat(send(coding, whole).statusCode()).isEqualTo(200);
        assertHit(send(coding, whole));
    }

    @Test
    void f30_withCachingOffNothingIsDecodedOrReported() throws IOException {
        HttpResponse<String> response = proxy.send(proxy.post(CHAT, "", "Content-Encoding", "gzip")
                .POST(BodyPublishers.ofByteArray(coded("gzip", CHAT_REQUEST))));
        assertThat(response.statusCode()).isEqualTo(200);
        assertUncached(response);
    }

    private static String longRequest(String question, String filling) {
        return "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" + question + "\"}],\"user\":\""
                + filling + "\"}";
    }

    /** Long bodies are decoded on another thread: some are long as they are sent, others only when decoded. */
    @ParameterizedTest
    @CsvSource({"gzip,false", "gzip,true", "zstd,false", "zstd,true", "identity,false"})
    void f30_longBodiesHitAsWell(String coding, boolean isDense) throws IOException {
        StringBuilder filling = new StringBuilder();
        Random random = new Random(3);
        for (int i = 0; i < 700_000; i++) {
            filling.append(isDense ? (char) ('0' + random.nextInt(64)) : 'x');
        }
        String request = longRequest("hi", filling.toString().replace('\\', '-'));
        byte[] body = coding.equals("identity") ? request.getBytes(StandardCharsets.UTF_8) : coded(coding, request);
        assertThat(body.length > 64 * 1024).isEqualTo(isDense || coding.equals("identity"));
        assertMiss(send(coding, body));
        assertHit(send(coding, body));
        assertHit(proxy.cached(CHAT, request));
        assertThat(provider.calls()).isEqualTo(1);
        assertThat(provider.received().get(0).body()).isEqualTo(new String(body, StandardCharsets.UTF_8));
    }

    @Test
    void f30_aLongBodyThatIsDamagedOrTooLongIsPassedOn() throws IOException {
        byte[] tooLong = coded("gzip", longRequest("hi", "x".repeat(9 << 20)));
        byte[] damaged = coded("gzip", longRequest("hi", "x".repeat(4 << 20)));
        damaged[damaged.length - 6] ^= 1;
        assertThat(header(send("gzip", tooLong), "Cache-Status")).startsWith(BYPASS + "payload-too-large");
        assertThat(header(send("gzip", damaged), "Cache-Status")).startsWith(BYPASS + "content-encoding");
        assertThat(provider.calls()).isEqualTo(2);
    }

    /** Decoding a small body with a huge content takes time, but must not delay others. */
    @ParameterizedTest
    @ValueSource(strings = {"gzip", "zstd"})
    void f30_whileLongBodiesAreOpenedOthersAreAnswered(String coding) throws IOException {
        // Making their outlines would take longer than the test.
        restart(Map.of("REFRAIN_EXPLAIN_REQUESTS", "0"));
        int bombs = 16;
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        List<RawClient> clients = new ArrayList<>();
        String filling = "x".repeat(4_000_000);
        List<byte[]> bodies = new ArrayList<>();
        int others = 8;
        for (int i = 0; i < bombs + others; i++) {
            clients.add(new RawClient(proxy.port()));
        }
        for (int i = 0; i < bombs; i++) {
            bodies.add(coded(coding, longRequest("bomb " + i, filling)));
            assertThat(bodies.get(i).length).isLessThan(16 * 1024);
        }
        try {
            for (int i = 0; i < bombs; i++) {
                clients.get(i)
                        .send("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Encoding: "
                                + coding + "\r\nContent-Length: " + bodies.get(i).length + "\r\n\r\n");
                clients.get(i).send(bodies.get(i));
            }
            for (RawClient other : clients.subList(bombs, bombs + others)) {
                other.send("POST " + CHAT
                        + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\nX-OpenRouter-Cache: true\r\n"
                        + "Content-Length: " + CHAT_REQUEST.length() + "\r\n\r\n" + CHAT_REQUEST);
                assertThat(other.readResponse()).contains("Cache-Status: HIT");
            }
            assertThat(provider.calls() - 1)
                    .as("large bodies that reached the provider before the small requests")
                    .isLessThan(bombs / 2);
            for (RawClient client : clients.subList(0, bombs)) {
                assertThat(client.readResponse()).startsWith("HTTP/1.1 200 ");
            }
            assertThat(provider.calls() - 1).isEqualTo(bombs);
        } finally {
            for (RawClient client : clients) {
                client.close();
            }
        }
    }

    /** An id of a hit in a coded body: the provider gets its own id, in the same coding (W26b). */
    @ParameterizedTest
    @CsvSource({"gzip,0", "zstd,0", "gzip,600000", "zstd,600000"})
    void w26b_idsInCodedBodiesAreTranslatedBackToo(String coding, int filling) throws IOException {
        StatefulProvider state = new StatefulProvider();
        provider.does((exchange, request) -> {
            String inside = exchange.getRequestHeaders().containsKey("Content-Encoding")
                    ? new String(
                            ContentCoding.valueOf(coding.toUpperCase(Locale.ROOT))
                                    .decode(request.bytes(), 1_000_000, new MemoryBudget(1 << 30).open()),
                            StandardCharsets.UTF_8)
                    : request.body();
            state.answer(
                    exchange,
                    new ScriptedProvider.Received(request.method(), request.uri(), request.headers(), inside));
        });
        String first = "{\"model\":\"m\",\"input\":\"one\"}";
        proxy.cached("/v1/responses", first);
        Matcher id = Pattern.compile("\"(gen-[^\"]+)\"")
                .matcher(proxy.cached("/v1/responses", first).body());
        assertThat(id.find()).isTrue();
        String next = "{\"model\":\"m\",\"previous_response_id\":\"%s\",\"input\":\"two" + " ".repeat(filling) + "\"}";
        byte[] body = coded(coding, next.formatted(id.group(1)));
        HttpResponse<String> answer = send("/v1/responses", coding, body);
        assertMiss(answer);
        assertThat(answer.body()).contains("turn resp_2 after resp_1");
        assertThat(provider.received().get(1).headers().getFirst("Content-Encoding"))
                .isEqualTo(coding);
        assertHit(send("/v1/responses", coding, body));
        assertHit(send("/v1/responses", coding, coded(coding, next.formatted("resp_1"))));
        assertHit(proxy.cached("/v1/responses", next.formatted("resp_1")));
        assertThat(state.refused()).isZero();
        assertThat(provider.calls()).isEqualTo(2);
    }
}
