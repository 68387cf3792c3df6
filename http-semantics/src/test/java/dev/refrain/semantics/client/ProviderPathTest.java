package dev.refrain.semantics.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which URLs are the four endpoints, and which part of them identifies the provider in keys (W1, W1b, W10). */
class ProviderPathTest {
    private static ProviderPath of(String path) {
        return ProviderPath.of("POST", new RequestUrl("https://h", path, ""));
    }

    @ParameterizedTest
    @CsvSource({
        "/v1/chat/completions,CHAT,https://h/v1",
        "/api/v1/chat/completions,CHAT,https://h/api/v1",
        "/v1//chat/completions/,CHAT,https://h/v1",
        "/chat/completions,CHAT,https://h",
        "/openai/v1/responses,RESPONSES,https://h/openai/v1",
        "/v1beta/openai/chat/completions,CHAT,https://h/v1beta/openai",
        "/v1/acc/gateway/openai/responses,RESPONSES,https://h/v1/acc/gateway/openai",
        "/serving-endpoints/chat/completions,CHAT,https://h/serving-endpoints",
        "/v1/messages,MESSAGES,https://h/v1",
        "/v1/embeddings,EMBEDDINGS,https://h/v1",
        "/api/paas/v4/embeddings,EMBEDDINGS,https://h/api/paas/v4"
    })
    void w1_anEndpointIsKnownByTheEndOfItsPath(String path, Endpoint endpoint, String base) {
        ProviderPath found = of(path);
        assertThat(found.route().endpoint()).isEqualTo(endpoint);
        assertThat(found.route().base(found.base())).isEqualTo(base);
        assertThat(found.route().deployment()).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/v1/threads/thread_1/messages",
                "/v1/messages/batches",
                "/v1/messages/count_tokens",
                "/v1/completions",
                "/v1/models",
                "/v1/conversations/c/responses",
                "/v1/chat/completions/chatcmpl-1",
                "/",
                ""
            })
    void w2_aPathThatOnlyLooksLikeAnEndpointIsNone(String path) {
        assertThat(of(path)).isNull();
    }

    @Test
    void w1_onlyAPostIsCached() {
        assertThat(ProviderPath.of("GET", new RequestUrl("https://h", "/v1/responses", ""))
                        .route()
                        .endpoint())
                .isNull();
    }

    @Test
    void w1b_azuresDeploymentIsPartOfTheKey() {
        ProviderPath found = of("/openai/deployments/gpt/chat/completions");
        assertThat(found.route().endpoint()).isEqualTo(Endpoint.CHAT);
        assertThat(found.route().deployment()).isEqualTo("gpt");
        assertThat(found.route().base(found.base())).isEqualTo("https://h/openai");
    }

    @Test
    void w26b_theIdInAPathCanBeReplaced() {
        ProviderPath found =
                ProviderPath.of("GET", new RequestUrl("https://h", "/api/v1/responses/gen-1/input_items", ""));
        assertThat(found.route().endpoint()).isNull();
        assertThat(found.route().responseId()).isEqualTo("gen-1");
        assertThat(found.withResponseId("resp 1")).isEqualTo("/api/v1/responses/resp+1/input_items");
    }
}
