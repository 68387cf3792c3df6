package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rules W50 to W52: presets. */
class PresetWireTest extends WireTest {
    @BeforeEach
    void withPresets() throws IOException {
        use(0.2);
    }

    private void use(double temperature) throws IOException {
        Files.writeString(folder.resolve("refrain.yaml"), """
                presets:
                  - {slug: policy, cache_enabled: true}
                  - slug: full
                    cache_enabled: true
                    cache_ttl_seconds: 77
                    model: acme/preset
                    system_prompt: Be brief.
                    temperature: %s
                """.formatted(temperature));
        restart(Map.of(), "--config", folder.resolve("refrain.yaml").toString());
    }

    private HttpResponse<String> send(String body) {
        return proxy.send(proxy.post(CHAT, body));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"model\":\"@preset/policy\"}",
                "{\"model\":\"acme/large@preset/policy\"}",
                "{\"model\":\"acme/large\",\"preset\":\"policy\"}"
            })
    void w50_aPresetCanBeNamedInThreeWays(String body) {
        assertMiss(send(body));
        assertHit(send(body));
    }

    @Test
    void w51_aRequestWhosePresetIsOnlyAPolicyGoesUpstreamUnchanged() {
        String body = "{ \"model\":\"@preset/policy\" , \"messages\":[]}";
        send(body);
        assertThat(provider.received().get(0).body()).isEqualTo(body);
    }

    @Test
    void w51_aFullPresetIsResolvedUnderTheRequestsOwnFields() {
        HttpResponse<String> response = send(
                "{\"model\":\"@preset/full\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"top_p\":0.50}");
        assertThat(provider.received().get(0).body())
                .contains("\"model\":\"acme/preset\"", "Be brief.", "\"temperature\":0.2", "\"top_p\":0.50")
                .doesNotContain("@preset");
        assertThat(header(response, TTL)).isEqualTo("77");

        send("{\"model\":\"acme/own@preset/full\",\"temperature\":0.9,\"messages\":[]}");
        assertThat(provider.received().get(1).body())
                .contains("\"model\":\"acme/own\"", "\"temperature\":0.9")
                .doesNotContain("acme/preset", "@preset");
    }

    @Test
    void w51_aChangedPresetHasOtherAnswers() throws IOException {
        String body = "{\"model\":\"@preset/full\",\"messages\":[]}";
        assertMiss(send(body));
        assertHit(send(body));
        use(0.3);
        assertMiss(send(body));
        use(0.2);
        assertHit(send(body));
    }

    @Test
    void w52_anUnknownPresetIsForwardedUnchangedAndHeadersDecide() {
        String body = "{\"model\":\"@preset/unknown\",\"messages\":[]}";
        assertUncached(send(body));
        assertMiss(proxy.cached(CHAT, body));
        assertHit(proxy.cached(CHAT, body));
        assertThat(provider.received())
                .allSatisfy(request -> assertThat(request.body()).isEqualTo(body));
    }
}
