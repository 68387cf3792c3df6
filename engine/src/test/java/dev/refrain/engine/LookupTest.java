package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.spi.HeapStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The lookup from a request's bytes to its key and its answer, with and without the memo of requests. */
class LookupTest {
    private static final Duration TTL = Duration.ofMinutes(5);

    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = cache(1 << 20);
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private static ResponseCache cache(long memoBytes) throws IOException {
        return ResponseCache.builder(Path.of("none"))
                .store(new HeapStore(1L << 30))
                .maxRequestBytes(100_000)
                .memoBytes(memoBytes)
                .open();
    }

    private KeyContext.Builder context(String apiKey) {
        return cache.pipeline().context(Endpoint.CHAT, cache.pipeline().scope(apiKey));
    }

    private CacheRequest at(String upstream, String query) {
        return CacheRequest.of(context("sk-1").upstream(upstream).query(query).build(), utf8(CHAT_REQUEST));
    }

    private static CacheRequest request(Endpoint endpoint, String apiKey, String body) {
        return CacheRequest.of(endpoint, apiKey, utf8(body));
    }

    @Test
    void everyInputChangesTheKeyOfARequestInTheMemoToo() {
        CacheRequest base = request(Endpoint.CHAT, "sk-1", CHAT_REQUEST);
        List<CacheRequest> different = List.of(
                base,
                request(Endpoint.MESSAGES, "sk-1", CHAT_REQUEST),
                request(Endpoint.CHAT, "sk-2", CHAT_REQUEST),
                request(Endpoint.CHAT, "", CHAT_REQUEST),
                request(Endpoint.CHAT, "sk-1", CHAT_REQUEST.replace("large", "small")),
                request(Endpoint.CHAT, "sk-1", CHAT_REQUEST.replace("{\"model", "{\"stream\":true,\"model")),
                at("https://a.example", ""),
                at("https://b.example", ""),
                at("", "a=1"),
                at("a", "=1"),
                base.withPreset("f1", utf8(CHAT_REQUEST)),
                base.withPreset("f2", utf8("{\"stream\":true}")));
        List<CacheKey> first = keys(different);

        assertThat(first).doesNotHaveDuplicates();
        for (int i = 0; i < 5; i++) {
            List<CacheKey> again = keys(different);
            assertThat(again).isEqualTo(first);
            for (int k = 0; k < again.size(); k++) {
                assertThat(again.get(k).streaming()).isEqualTo(first.get(k).streaming());
                assertThat(again.get(k).endpoint()).isEqualTo(first.get(k).endpoint());
                assertThat(again.get(k).modelTag()).isEqualTo(first.get(k).modelTag());
                assertThat(again.get(k).scopeTag()).isEqualTo(first.get(k).scopeTag());
            }
        }
    }

    private List<CacheKey> keys(List<CacheRequest> requests) {
        List<CacheKey> keys = new ArrayList<>();
        for (CacheRequest request : requests) {
            CacheKey key = cache.key(request).orElseThrow();
            keys.add(key);
            // The memo keeps requests that are hits again and again.
            cache.store(
                    key,
                    key.streaming() ? "text/event-stream" : "application/json",
                    utf8(key.streaming() ? SampleAnswers.CHAT_STREAM : CHAT_ANSWER),
                    TTL);
            cache.lookup(key, new CachedResponse());
        }
        return keys;
    }

    @Test
    void w11_whiteSpaceDoesNotChangeTheKeyThoughItChangesTheBytes() {
        CacheKey key = cache.key(request(Endpoint.CHAT, "sk-1", CHAT_REQUEST)).orElseThrow();
        for (int i = 0; i < 5; i++) {
            assertThat(cache.key(request(Endpoint.CHAT, "sk-1", "\n " + CHAT_REQUEST.replace("\":", "\" : "))))
                    .contains(key);
            assertThat(cache.key(request(Endpoint.CHAT, "sk-1", CHAT_REQUEST))).contains(key);
        }
    }

    @Test
    void w10_oneByteChangesTheKeyWhateverTheMemoHolds() {
        SplittableRandom random = new SplittableRandom(1);
        byte[] body = utf8("{\"model\":\"m\",\"messages\":[\"" + "x".repeat(500) + "\"]}");
        List<CacheKey> keys = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            byte[] changed = body.clone();
            changed[30 + i] = (byte) ('a' + random.nextInt(23));
            for (int k = 0; k < 3; k++) {
                CacheKey key =
                        cache.key(CacheRequest.of(Endpoint.CHAT, "", changed)).orElseThrow();
                assertThat(k == 0 || keys.get(keys.size() - 1).equals(key)).isTrue();
                if (k == 0) {
                    keys.add(key);
                }
            }
        }
        assertThat(keys).doesNotHaveDuplicates();
    }

    @Test
    void aBodyThatIsNotEligibleStaysIneligible() {
        for (int i = 0; i < 5; i++) {
            for (String body : List.of("[]", "{\"a\":1 2}", "{\"model\":\"m\"", " ".repeat(100_001))) {
                CacheRequest request = request(Endpoint.CHAT, "sk-1", body);
                assertThat(cache.key(request)).isEmpty();
                assertThat(cache.pipeline().bypass(request)).isPresent();
                assertThat(cache.pipeline().newLookup().find(context("sk-1").build(), utf8(body), 0, body.length()))
                        .isNull();
            }
            CacheRequest background = request(Endpoint.RESPONSES, "sk-1", "{\"background\":true}");
            assertThat(cache.key(background)).isEmpty();
            assertThat(cache.pipeline().bypass(background)).contains(BypassReason.BACKGROUND);
        }
        assertThat(cache.admin().stats().misses()).isZero();
    }

    @Test
    void aLookupFindsWhatWasStoredForTheRequest() throws IOException {
        for (long memoBytes : new long[] {0, 1 << 20}) {
            cache.close();
            cache = cache(memoBytes);
            Lookup lookup = cache.pipeline().newLookup();
            KeyContext one =
                    context("sk-1").upstream("https://a.example").query("q=1").build();
            KeyContext two =
                    context("sk-2").upstream("https://a.example").query("q=1").build();
            // As in a read buffer, the body has other bytes around it.
            byte[] buffer = utf8("xx" + CHAT_REQUEST + "{}");
            int length = buffer.length - 4;
            assertThat(lookup.find(one, buffer, 2, length)).isNull();
            assertThat(lookup.key())
                    .contains(cache.key(at("https://a.example", "q=1")).orElseThrow());
            assertThat(lookup.request().model()).isEqualTo("acme/large");
            cache.store(lookup.key().orElseThrow(), "application/json", utf8(CHAT_ANSWER), TTL);

            for (int i = 0; i < 5; i++) {
                CachedResponse hit = lookup.find(one, buffer, 2, length);
                assertThat(hit).isNotNull();
                assertThat(new String(hit.toByteArray(), java.nio.charset.StandardCharsets.UTF_8))
                        .contains(hit.generationId())
                        .contains("Hello");
                assertThat(lookup.find(two, buffer, 2, length)).isNull();
                assertThat(lookup.find(one, buffer, buffer.length - 2, 2)).isNull();
                assertThat(cache.pipeline().newLookup().find(context("sk-1").build(), buffer, 2, length))
                        .as("at another place")
                        .isNull();
            }
            assertThat(cache.admin().stats().hits()).isEqualTo(5);
            assertThat(cache.admin().stats().misses()).isEqualTo(16);
        }
    }

    @Test
    void aLookupNeedsABodyWithinItsArray() {
        assertThatThrownBy(() -> cache.pipeline().newLookup().find(context("").build(), new byte[4], 2, 3))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }
}
