package dev.refrain.engine;

import static dev.refrain.engine.Answers.CHAT_REQUEST;
import static dev.refrain.engine.Answers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

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
        CacheKey key = new CacheKey();
        deriver.derive(request, key, scratch);
        return key;
    }

    private static CacheRequest request(Endpoint endpoint, String apiKey, String body) {
        return CacheRequest.of(endpoint, apiKey, utf8(body));
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
                key(base.at("https://a.example", "")),
                key(base.at("https://b.example", "")),
                key(base.at("", "a=1")),
                key(base.withPreset("f1", utf8(CHAT_REQUEST))),
                key(base.withPreset("f2", utf8(CHAT_REQUEST))),
                key(base.withPreset("f2", utf8("{\"stream\":true}"))),
                key(new KeyDeriver(new byte[] {1}), base)));
        assertThat(different).doesNotHaveDuplicates();
        assertThat(key(request(Endpoint.CHAT, "sk-1", CHAT_REQUEST))).isEqualTo(key(base));
    }

    @Test
    void keysAreThoseThatAreStoredAlready() {
        // By another program: 01, 01 for a stream, then each part after its length in four bytes.
        CacheRequest request = request(
                        Endpoint.CHAT,
                        "sk-1",
                        "{ \"model\": \"m\",\n \"stream\": true, \"messages\":[{\"role\":\"user\",\"content\":\"a b\"}] }\n")
                .at("https://a.example", "q=1");
        assertThat(key(request).digest()).isEqualTo("aeae800ae7e20fd3b941b988d6ee508e8ae32649917c8f59aefb36de8927cb58");
    }

    @Test
    void partsCannotBorrowFromTheirNeighbours() {
        CacheRequest request = request(Endpoint.CHAT, "k", "{}");
        assertThat(key(request.at("ab", "c"))).isNotEqualTo(key(request.at("a", "bc")));
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
        CacheKey first = key(request(Endpoint.CHAT, "k", "{\"a\":1}").at("ünïcode", "q"));
        key(request(Endpoint.CHAT, "a".repeat(1000), "{\"b\":2}").at("u".repeat(5000), ""));
        assertThat(key(request(Endpoint.CHAT, "k", "{\"a\":1}").at("ünïcode", "q")))
                .isEqualTo(first);
    }

    @Test
    void nothingThatIsPrintedHoldsTheApiKeyOrThePrompt() {
        CacheRequest request = request(Endpoint.CHAT, "sk-secret", "{\"messages\":\"private\"}");
        assertThat(request.toString() + key(request)).doesNotContain("secret").doesNotContain("private");
    }
}
