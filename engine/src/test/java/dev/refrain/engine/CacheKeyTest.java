package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.Endpoint;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CacheKeyTest {
    private final KeyDeriver.Scratch scratch = new KeyDeriver.Scratch();
    private final KeyDeriver keys = new KeyDeriver(new byte[32]);

    private CacheKey key(CacheRequest request) {
        return key(keys, request);
    }

    private CacheKey key(KeyDeriver deriver, CacheRequest request) {
        KeyBuffer key = new KeyBuffer();
        deriver.derive(request, key, scratch);
        return key.toKey();
    }

    private static CacheRequest request(Endpoint endpoint, String apiKey, String body) {
        return CacheRequest.of(endpoint, apiKey, utf8(body));
    }

    private CacheRequest at(String upstream, String query) {
        return at(upstream, query, CHAT_REQUEST);
    }

    private CacheRequest at(String upstream, String query, String body) {
        KeyContext context = new KeyContext.Builder(keys, Endpoint.CHAT, keys.scope("sk-1"))
                .upstream(upstream)
                .query(query)
                .build();
        return CacheRequest.of(context, utf8(body));
    }

    @Test
    void w10_everyInputOfTheKeyMakesAnotherKey() {
        CacheRequest base = request(Endpoint.CHAT, "sk-1", CHAT_REQUEST);
        List<CacheKey> different = new ArrayList<>(List.of(
                key(base),
                key(request(Endpoint.MESSAGES, "sk-1", CHAT_REQUEST)),
                key(request(Endpoint.CHAT, "sk-2", CHAT_REQUEST)),
                key(request(Endpoint.CHAT, "", CHAT_REQUEST)),
                key(request(Endpoint.CHAT, "sk-1", CHAT_REQUEST.replace("large", "small"))),
                key(at("https://a.example", "")),
                key(at("https://b.example", "")),
                key(at("", "a=1")),
                key(base.withPreset("f1", utf8(CHAT_REQUEST))),
                key(base.withPreset("f2", utf8(CHAT_REQUEST))),
                key(base.withPreset("f2", utf8("{\"stream\":true}"))),
                key(new KeyDeriver(new byte[] {1}), base)));
        assertThat(different).doesNotHaveDuplicates();
        assertThat(key(request(Endpoint.CHAT, "sk-1", CHAT_REQUEST))).isEqualTo(key(base));
        assertThat(key(at("", ""))).isEqualTo(key(base));
    }

    @Test
    void keysEqualThoseInExistingStores() {
        // Another program computed this digest of 02, 01 for a stream, and each part after its length in four bytes.
        CacheRequest request = at(
                "https://a.example",
                "q=1",
                "{ \"model\": \"m\",\n \"stream\": true, \"messages\":[{\"role\":\"user\",\"content\":\"a b\"}] }\n");
        assertThat(key(request).digest()).isEqualTo("8be10947293b02420023b5bdc6dc369bbda87d36f4d97e1cb0c86e4b346da60a");
    }

    @Test
    void keysWithEveryOptionalPartEqualThoseInExistingStores() {
        KeyContext context = new KeyContext.Builder(keys, Endpoint.CHAT, keys.scope("sk-1"))
                .upstream("https://a.example")
                .target("d1")
                .query("q=1")
                .header("anthropic-beta", "tools")
                .build();
        byte[] body = utf8("{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"a b\"}]}");
        assertThat(key(CacheRequest.of(context, body)).digest())
                .isEqualTo("d05b4e37ffb3906ff391aba9735914566d9f3fd44e1d904b701a5f9733e5a70f");
        assertThat(context.toString() + context.scope()).doesNotContain("sk-1").doesNotContain("q=1");
    }

    @Test
    void partsCannotBorrowFromTheirNeighbours() {
        assertThat(key(at("ab", "c"))).isNotEqualTo(key(at("a", "bc")));
        KeyContext base = new KeyContext.Builder(keys, Endpoint.CHAT, keys.scope("k")).build();
        List<KeyContext> different = List.of(
                base,
                builder().upstream("ab").build(),
                builder().target("ab").build(),
                builder().upstream("a").target("b").build(),
                builder().query("ab").build(),
                builder().header("a", "b").build(),
                builder().header("ab", "").build(),
                builder().header("", "ab").build(),
                builder().header("a", "b").header("a", "b").build(),
                builder().header("a", "b").header("c", "d").build(),
                builder().header("c", "d").header("a", "b").build());
        assertThat(different.stream().map(context -> key(CacheRequest.of(context, utf8("{}")))))
                .doesNotHaveDuplicates();
    }

    private KeyContext.Builder builder() {
        return new KeyContext.Builder(keys, Endpoint.CHAT, keys.scope("k"));
    }

    @Test
    void w15_twoListsOfCredentialsAreNeverOneScope() {
        assertThat(new CacheKey(
                                Endpoint.CHAT,
                                false,
                                keys.scope(List.of("authorization", "a", "x-api-key", "b"))
                                        .bytes(),
                                0)
                        .digest())
                .as("the digest that another program computed")
                .isEqualTo("6272988223f1fe8119343e2b7f1d4a079ef1afa019215c77b7970e9701d07959");
        assertThat(List.of(
                        keys.scope(""),
                        keys.scope("a"),
                        keys.scope("ab"),
                        keys.scope("a\nb"),
                        keys.scope(List.of()),
                        keys.scope(List.of("")),
                        keys.scope(List.of("", "")),
                        keys.scope(List.of("a")),
                        keys.scope(List.of("ab")),
                        keys.scope(List.of("a", "b")),
                        keys.scope(List.of("b", "a")),
                        keys.scope(List.of("a", "b", "")),
                        keys.scope(List.of("", "a", "b")),
                        keys.scope("\u0001\0\0\0a")))
                .doesNotHaveDuplicates();
        assertThat(keys.scope("a")).isEqualTo(keys.scope("a")).hasSameHashCodeAs(keys.scope("a"));
    }

    @Test
    void aContextIsValidForItsOwnCacheOnly() {
        KeyContext foreign =
                new KeyContext.Builder(new KeyDeriver(new byte[32]), Endpoint.CHAT, keys.scope("k")).build();
        assertThatThrownBy(() -> key(CacheRequest.of(foreign, utf8("{}"))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("another cache");
    }

    @Test
    void w11_whiteSpaceBetweenTokensDoesNotCountAndEverythingElseDoes() {
        CacheKey compact = key(request(Endpoint.CHAT, "k", "{\"a\":1,\"b\":[true,\"x y\"]}"));
        assertThat(key(request(Endpoint.CHAT, "k", " {\n\t\"a\" : 1 , \"b\":\r\n[ true, \"x y\" ] } ")))
                .isEqualTo(compact);
        assertThat(List.of(
                        compact,
                        key(request(Endpoint.CHAT, "k", "{\"b\":[true,\"x y\"],\"a\":1}")),
                        key(request(Endpoint.CHAT, "k", "{\"a\":1.0,\"b\":[true,\"x y\"]}")),
                        key(request(Endpoint.CHAT, "k", "{\"a\":1,\"b\":[true,\"x  y\"]}")),
                        key(request(Endpoint.CHAT, "k", "{\"a\":1,\"b\":[true,\"x\\u0020y\"]}"))))
                .doesNotHaveDuplicates();
    }

    @Test
    void w12_streamingAndNotAreSeparate() {
        CacheKey stream = key(request(Endpoint.CHAT, "k", "{\"stream\":true}"));
        CacheKey body = key(request(Endpoint.CHAT, "k", "{\"stream\":false}"));
        assertThat(stream).isNotEqualTo(body);
        assertThat(stream.streaming()).isTrue();
        assertThat(body.streaming()).isFalse();
        assertThat(key(request(Endpoint.EMBEDDINGS, "k", "{\"stream\":true}")).streaming())
                .isFalse();
    }

    @Test
    void w13_everyByteOfABase64PayloadCounts() {
        String image = "A".repeat(100_000);
        CacheKey one = key(request(Endpoint.CHAT, "k", "{\"url\":\"data:image/png;base64," + image + "\"}"));
        CacheKey other =
                key(request(Endpoint.CHAT, "k", "{\"url\":\"data:image/png;base64," + image.substring(1) + "B\"}"));
        assertThat(one).isNotEqualTo(other);
    }

    @Test
    void keysDoNotDependOnWhatWasDerivedBefore() {
        CacheKey first = key(at("ünïcode", "q", "{\"a\":1}"));
        key(at("u".repeat(5000), "", "{\"b\":2}"));
        key(request(Endpoint.CHAT, "a".repeat(1000), "{\"b\":2}"));
        assertThat(key(at("ünïcode", "q", "{\"a\":1}"))).isEqualTo(first);
    }

    @Test
    void noToStringHoldsTheApiKeyOrThePrompt() {
        CacheRequest request = request(Endpoint.CHAT, "sk-secret", "{\"messages\":\"private\"}");
        assertThat(request.toString() + key(request)).doesNotContain("secret").doesNotContain("private");
    }
}
