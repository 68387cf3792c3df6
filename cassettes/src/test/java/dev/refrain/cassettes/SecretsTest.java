package dev.refrain.cassettes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Credentials are removed from requests, and from answers that repeat them. */
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

    private JsonNode without(String json) throws IOException {
        JsonNode body = RecordedRequest.JSON.readTree(json);
        secrets.removeFrom(body, false);
        return body;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"sources\":[{\"parameters\":{\"authentication\":{\"type\":\"api_key\",\"key\":\"S3CRET-1\"}}}]}",
                "{\"authentication\":{\"type\":\"encoded_api_key\",\"encoded_api_key\":\"S3CRET-1\"}}",
                "{\"connection_string\":\"S3CRET-1\"}",
                "{\"headers\":{\"X\":[\"S3CRET-1\"]}}",
                "{\"headers\":{\"X\":{\"y\":[{\"z\":\"S3CRET-1\"}]}}}",
                "{\"headers\":[\"X-Any: S3CRET-1\"]}",
                "{\"api_key\":[\"S3CRET-1\"]}",
                "{\"password\":\"S3CRET-1\",\"properties\":{\"password\":\"S3CRET-1\"}}",
                "{\"server_url\":\"https://host/mcp?api_key=S3CRET-1&a=b\"}",
                "{\"url\":\"https://S3CRET-1@host/mcp\"}",
                "{\"url\":\"https://user:S3CRET-1@host/mcp?a=b\"}",
                "{\"image_url\":{\"url\":\"https://host/i.png?X-Amz-Expires=9&X-Amz-Signature=S3CRET-1\"}}",
                "{\"input\":[\"https://host/i.png?sv=1&sig=S3CRET-1\"]}"
            })
    void aCredentialIsFoundWhereverToolsHaveIt(String body) throws IOException {
        assertThat(without(body).toString()).doesNotContain("S3CRET-1").contains(Secrets.PLACEHOLDER);
    }

    @Test
    void aUrlKeepsWhatIsNoCredential() throws IOException {
        assertThat(without("{\"url\":\"https://u:p1@host/mcp?a=b&key=S3CRET-12&c\"}")
                        .toString())
                .isEqualTo("{\"url\":\"https://(not recorded)@host/mcp?a=b&key=(not recorded)&c\"}");
        assertThat(secrets.isIn("S3CRET-12")).isTrue();
        String other = "{\"url\":\"https://host/a@b?q=keyboard\",\"text\":\"see https://a:b@c\"}";
        assertThat(without(other)).hasToString(other);
    }

    @Test
    void wordsOfASchemaAreNoCredentials() throws IOException {
        String body = """
                {"tools":[{"function":{"name":"http_request","parameters":{"properties":{\
                "headers":{"type":"object","description":"Optional request arguments"},\
                "authentication":{"type":"string","enum":["none","password"]}}}}}]}""";
        assertThat(without(body)).hasToString(body);
        assertThat(masked("{\"arguments\":\"Optional password\"}")).isEqualTo("{\"arguments\":\"Optional password\"}");
    }

    @Test
    void wordsOfAHeaderStayInTheAnswer() throws IOException {
        secrets.add("lang=completion; id=abc-123-def");
        JsonNode body = without("{\"headers\":{\"Accept\":\"application/json\",\"X-Team\":\"marketing\","
                + "\"Authorization\":\"Bearer verysecretword\"}}");
        assertThat(body.at("/headers/Accept").textValue()).isEqualTo("application/json");
        assertThat(body.at("/headers/X-Team").textValue()).isEqualTo(Secrets.PLACEHOLDER);
        assertThat(masked("completion application/json marketing Bearer verysecretword abc-123-def"))
                .isEqualTo("completion application/json marketing ********************* ***********");
        assertThat(masked("say verysecretword")).isEqualTo("say **************");
    }

    @Test
    void tokensOfAnAnswerThatIsSentBackAreNoCredentials() throws IOException {
        String body = "{\"logprobs\":[{\"token\":\"Hello\",\"logprob\":-1}]}";
        assertThat(without(body)).hasToString(body);
    }

    private String masked(String answer) {
        return new String(secrets.mask(answer.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8);
    }
}
