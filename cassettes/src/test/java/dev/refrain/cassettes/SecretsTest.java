package dev.refrain.cassettes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Credentials leave requests, and answers that repeat them. */
class SecretsTest {
    private final Secrets secrets = new Secrets();

    @Test
    void anAnswerThatRepeatsACredentialKeepsItsLength() {
        secrets.add("Bearer sk-secret-1");
        secrets.add("a=\"one-secret\"; b=other-secret");
        byte[] answer = "Wrong key sk-secret-1 or one-secret, other-secret.".getBytes(StandardCharsets.UTF_8);
        assertThat(new String(secrets.mask(answer), StandardCharsets.UTF_8))
                .isEqualTo("Wrong key *********** or **********, ************.");
        byte[] other = "Bearer of good news".getBytes(StandardCharsets.UTF_8);
        assertThat(secrets.mask(other)).isSameAs(other);
    }

    @Test
    void credentialsOfToolsAreNotRecorded() throws IOException {
        JsonNode body = RecordedRequest.JSON.readTree("""
                {"tools":[{"type":"mcp","authorization":"mcp-secret","headers":{"X-Any":"any-secret"},
                  "parameters":{"properties":{"api_key":{"type":"string"},"headers":{"type":"object"}}}}],
                 "mcp_servers":[{"authorization_token":"tool-secret"}],
                 "max_tokens":5,"prompt_cache_key":"kept","messages":[{"content":"my password: kept"}]}""");
        secrets.removeFrom(body, false);
        assertThat(body.toString())
                .doesNotContain("mcp-secret", "any-secret", "tool-secret")
                .contains("\"authorization\":\"(not recorded)\"")
                .contains("\"api_key\":{\"type\":\"string\"}", "\"prompt_cache_key\":\"kept\"", "my password: kept");
        assertThat(secrets.isIn("say tool-secret")).isTrue();
    }
}
