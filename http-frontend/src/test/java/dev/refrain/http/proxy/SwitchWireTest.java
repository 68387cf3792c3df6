package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Wire rules W4 to W9: turning caching on and off, lifetimes, clearing. */
class SwitchWireTest extends WireTest {
    private Path presets() throws IOException {
        return Files.writeString(folder.resolve("presets.yaml"), """
                presets:
                  - {slug: 'on', cache_enabled: true, cache_ttl_seconds: 60}
                  - {slug: 'off', cache_enabled: false}
                  - {slug: 'silent', cache_ttl_seconds: 90}
                """);
    }

    /** Preset, header, and whether caching is on. */
    @ParameterizedTest
    @CsvSource({
        ",,false",
        ",true,true",
        ",TRUE,true",
        ",' true ',true",
        ",false,false",
        ",yes,false",
        "on,,true",
        "on,false,false",
        "on,true,true",
        "on,yes,true",
        "off,,false",
        "off,true,false",
        "silent,,false",
        "silent,true,true"
    })
    void w4_theFirstRuleThatAppliesDecides(String preset, String header, boolean on) throws IOException {
        restart(Map.of(), "--config", presets().toString());
        String body = preset == null ? CHAT_REQUEST : CHAT_REQUEST.replace("acme/large", "@preset/" + preset);
        HttpResponse<String> response = proxy.send(
                header == null ? proxy.post(CHAT, body) : proxy.post(CHAT, body, "X-OpenRouter-Cache", header));
        assertThat(header(response, STATUS)).isEqualTo(on ? "MISS" : null);
    }

    @ParameterizedTest
    @CsvSource({"on,,60", "on,10,10", "silent,,90", ",,300", ",10,10"})
    void w5_headerBeforePresetBeforeDefault(String preset, String ttl, String lifetime) throws IOException {
        restart(Map.of(), "--config", presets().toString());
        String body = preset == null ? CHAT_REQUEST : CHAT_REQUEST.replace("acme/large", "@preset/" + preset);
        HttpResponse<String> response = ttl == null ? proxy.cached(CHAT, body) : proxy.cached(CHAT, body, TTL, ttl);
        assertThat(header(response, TTL)).isEqualTo(lifetime);
    }

    @ParameterizedTest
    @CsvSource({
        "60abc,60",
        "1.5,1",
        "abc,300",
        "-5,300",
        "'',300",
        "0,1",
        "999999999999999999999,86400",
        "86401,86400",
        "' 7 ',7",
        "+5,300"
    })
    void w6_theLeadingDigitsOfTheTtlCountAndAreClamped(String ttl, String lifetime) {
        assertThat(header(proxy.cached(CHAT, CHAT_REQUEST, TTL, ttl), TTL)).isEqualTo(lifetime);
    }

    @Test
    void w7_clearDropsThisKeyOnlyAndOnlyWithCachingOn() {
        String other = CHAT_REQUEST.replace("hi", "ho");
        proxy.cached(CHAT, CHAT_REQUEST);
        proxy.cached(CHAT, other);

        assertUncached(proxy.send(proxy.post(CHAT, CHAT_REQUEST, "X-OpenRouter-Cache-Clear", "true")));
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST, "X-OpenRouter-Cache-Clear", "true"));
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
        assertHit(proxy.cached(CHAT, other));
        assertHit(proxy.cached(CHAT, other, "X-OpenRouter-Cache-Clear", "1"));
    }

    @Test
    void w7_clearDropsTheEntryEvenIfTheNewAnswerIsNotStored() {
        proxy.cached(CHAT, CHAT_REQUEST);
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 500, "{\"error\":{}}"));
        assertThat(proxy.cached(CHAT, CHAT_REQUEST, "X-OpenRouter-Cache-Clear", "TRUE")
                        .statusCode())
                .isEqualTo(500);
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
    }

    @Test
    void w8_aValueThatIsNeitherTrueNorFalseIsIgnored() {
        assertUncached(proxy.send(proxy.post(CHAT, CHAT_REQUEST, "X-OpenRouter-Cache", "1")));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST, "X-OpenRouter-Cache-Clear", "perhaps"));
        assertHit(proxy.cached(CHAT, CHAT_REQUEST, "X-OpenRouter-Cache-Clear", "perhaps"));
    }

    @Test
    void w9_theCacheHeadersAreNotForwarded() {
        proxy.cached(CHAT, CHAT_REQUEST, TTL, "60", "X-OpenRouter-Cache-Clear", "true", "X-Title", "kept");
        proxy.send(proxy.post("/v1/rerank", "{}", "X-OpenRouter-Cache", "true", TTL, "60"));
        assertThat(provider.received())
                .hasSize(2)
                .allSatisfy(request -> assertThat(request.headers().keySet())
                        .noneMatch(name -> name.startsWith("X-openrouter-cache")));
        assertThat(provider.received().get(0).headers().getFirst("X-Title")).isEqualTo("kept");
    }
}
