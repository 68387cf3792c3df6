package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Filter;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rules W14 and W15 with the fields that clients send in practice, on the long way and through the shortcut. */
class CredentialMatrixTest extends WireTest {
    private static final String DUMMY = "Authorization: Bearer dummy";

    /** Fields that hold a credential, with the part of their value before the credential. */
    static final List<String> CREDENTIALS = List.of(
            "Authorization: Bearer ",
            "Authorization: ",
            "Authorization: Basic ",
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/bedrock/aws4_request, Signature=",
            "x-api-key: ",
            "api-key: ",
            "apikey: ",
            "X-API-KEY: ",
            "Ocp-Apim-Subscription-Key: ",
            "x-portkey-api-key: ",
            "x-portkey-virtual-key: ",
            "x-portkey-config: pc-",
            "cf-aig-authorization: Bearer ",
            "CF-Access-Client-Secret: ",
            "Cf-Access-Jwt-Assertion: eyJ",
            "Helicone-Auth: Bearer ",
            "x-litellm-api-key: ",
            "x-litellm-key: ",
            "x-auth-token: ",
            "x-access-token: ",
            "x-bf-vk: ",
            "x-goog-api-key: ",
            "x-goog-iap-jwt-assertion: ",
            "Proxy-Authorization: Basic ",
            "Cookie: session=",
            "x-amz-security-token: ",
            "x-functions-key: ",
            "X-RapidAPI-Key: ",
            "x-vercel-oidc-token: ",
            "x-client-secret: ",
            "x-credential-identifier: ",
            "x-hf-token: ",
            "Private-Token: ",
            "X-Password: ",
            "X_Api_Key: ",
            "X-Forwarded-Client-Cert: Hash=",
            "X-Consumer-Username: ",
            "X-ARR-ClientCert: MII",
            "ssl-client-subject-dn: CN=",
            "X-Userinfo: eyJ",
            "Signature-Input: sig1=();keyid=");

    @BeforeEach
    void echoCredentials() {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER));
    }

    private static String request(String body, List<String> lines) {
        return "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n"
                + String.join("", lines.stream().map(line -> line + "\r\n").toList())
                + "Content-Length: " + body.length() + "\r\nContent-Type: application/json\r\n\r\n" + body;
    }

    static String body(String name) {
        return "{\"model\":\"acme/large\",\"messages\":[],\"user\":\"" + name + "\"}";
    }

    boolean isHit(RawClient client, String body, List<String> lines) throws IOException {
        client.send(request(body, lines));
        String answer = client.readResponse();
        assertThat(answer).startsWith("HTTP/1.1 200");
        return answer.contains(STATUS + ": HIT");
    }

    /**
     * Asserts that two callers with different fields share no answer: over one connection, so that the head of the
     * first is known when that of the second comes, and over two connections.
     */
    private void assertApart(String what, List<String> alice, List<String> bob) throws IOException {
        String body = body(what);
        try (RawClient shared = new RawClient(proxy.port())) {
            assertThat(isHit(shared, body, alice)).as("%s: first of all", what).isFalse();
            assertThat(isHit(shared, body, alice)).as("%s: again", what).isTrue();
            assertThat(isHit(shared, body, alice))
                    .as("%s: by the shortcut", what)
                    .isTrue();
            assertThat(isHit(shared, body, bob))
                    .as("%s: another caller, by the shortcut", what)
                    .isFalse();
            assertThat(isHit(shared, body, bob))
                    .as("%s: the other caller again", what)
                    .isTrue();
            assertThat(isHit(shared, body, alice))
                    .as("%s: the first caller again", what)
                    .isTrue();
        }
        String later = body(what + " later");
        try (RawClient one = new RawClient(proxy.port());
                RawClient two = new RawClient(proxy.port())) {
            assertThat(isHit(one, later, alice)).as("%s: first of all", what).isFalse();
            assertThat(isHit(two, later, bob))
                    .as("%s: another caller, the long way", what)
                    .isFalse();
        }
    }

    @Test
    void w15_f1_f2_eachCredentialKeepsTwoCallersApart() throws IOException {
        for (String field : CREDENTIALS) {
            assertApart(field);
        }
    }

    private void assertApart(String field) throws IOException {
        String name = field.substring(0, field.indexOf(':')) + " " + field.length() + ": ";
        String alice = field + "alice";
        String bob = field + "bobby";
        assertApart(name + "alone", List.of(alice), List.of(bob));
        assertApart(name + "behind a dummy", List.of(DUMMY, alice), List.of(DUMMY, bob));
        assertApart(name + "before a dummy", List.of(alice, DUMMY), List.of(bob, DUMMY));
        assertApart(name + "second line", List.of(field + "gate", alice), List.of(field + "gate", bob));
        assertApart(name + "first line", List.of(alice, field + "gate"), List.of(bob, field + "gate"));
        assertApart(name + "one line more", List.of(alice), List.of(alice, bob));
        assertApart(name + "of another length", List.of(alice), List.of(field + "bob"));
        assertApart(name + "with and without", List.of(DUMMY, alice), List.of(DUMMY));
        assertApart(name + "in case", List.of(alice), List.of(field + "Alice"));
    }

    @Test
    void w15_oneSetOfCredentialsIsOneScopeInWhateverOrderItsFieldsCome() throws IOException {
        List<String> lines = new ArrayList<>(List.of(
                "Authorization: Bearer a", "x-api-key: b", "Cookie: c", "X-Auth-Token: d", "Authorization: Bearer e"));
        try (RawClient client = new RawClient(proxy.port())) {
            assertThat(isHit(client, body("order"), lines)).isFalse();
            for (int i = 0; i < 4; i++) {
                Collections.rotate(lines.subList(0, 4), 1);
                assertThat(isHit(client, body("order"), lines)).as("%s", lines).isTrue();
            }
            // Within one field, the order of lines matters.
            Collections.swap(lines, lines.indexOf("Authorization: Bearer a"), lines.indexOf("Authorization: Bearer e"));
            assertThat(isHit(client, body("order"), lines)).isFalse();
        }
    }

    @Test
    void w15_theSameTextsInOtherFieldsAreAnotherScope() throws IOException {
        List<List<String>> sets = List.of(
                List.of("x-a-key: 1", "x-b-key: 2"),
                List.of("x-a-key: 2", "x-b-key: 1"),
                List.of("x-a-key: 1", "x-a-key: 2"),
                List.of("x-a-key: 12"),
                List.of("x-a-key: 1"),
                List.of("x-b-key: 1"),
                List.of("Authorization: Bearer 1", "x-api-key: 2"),
                List.of("Authorization: Bearer 2", "x-api-key: 1"),
                List.of("Authorization: Bearer 1", "api-key: 2"),
                List.of("Authorization: Bearer 1", "Authorization: Bearer 2"),
                List.of("Authorization: Bearer 1, Bearer 2"),
                List.of("Authorization: Basic 1"),
                List.of("Authorization: Bearer 1"),
                List.of("Authorization: Bearer 1", "Cookie: 1"),
                List.of());
        try (RawClient client = new RawClient(proxy.port())) {
            for (List<String> set : sets) {
                assertThat(isHit(client, body("sets"), set)).as("%s", set).isFalse();
                assertThat(isHit(client, body("sets"), set)).as("%s", set).isTrue();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Authorization: bearer  k",
                "Authorization: k",
                "x-api-key: k",
                "api-key: k",
                "x-goog-api-key: k",
                "x-api-key: k\r\nAuthorization: Bearer k",
                "x-api-key: k\r\nX-Auth-Token:",
                "x-api-key:  k "
            })
    void w15_oneApiKeyIsOneScopeWhereverItStands(String lines) throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            assertThat(isHit(client, body("one"), List.of("Authorization: Bearer k")))
                    .isFalse();
            assertThat(isHit(client, body("one"), List.of(lines))).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Idempotency-Key",
                "X-Idempotency-Key",
                "Stripe-Idempotency-Key",
                "traceparent",
                "tracestate",
                "baggage",
                "x-b3-traceid",
                "X-Amzn-Trace-Id",
                "X-Request-Id",
                "x-correlation-id",
                "sentry-trace",
                "X-Stainless-Retry-Count",
                "X-Stainless-Timeout",
                "x-stainless-helper-method",
                "X-Client-Request-Id",
                "User-Agent",
                "HTTP-Referer",
                "X-Title",
                "x-anthropic-beta",
                "session_id",
                "X-Forwarded-For",
                "X-Cloud-Trace-Context",
                "Helicone-Session-Id"
            })
    void w15_fieldsThatChangeWithEachRequestDoNotCount(String name) throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            assertThat(isHit(client, body("noise"), List.of(DUMMY))).isFalse();
            for (String value : List.of("a1", "b2", "c3")) {
                assertThat(isHit(client, body("noise"), List.of(DUMMY, name + ": " + value)))
                        .isTrue();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"anthropic-beta", "Anthropic-Version", "OpenAI-Beta"})
    void w14_f3_fieldsThatChangeTheAnswerAreInTheKey(String name) throws IOException {
        assertApart("with and without", List.of(DUMMY, name + ": tools-1"), List.of(DUMMY));
        assertApart("value", List.of(DUMMY, name + ": tools-1"), List.of(DUMMY, name + ": tools-2"));
        assertApart("lines", List.of(name + ": a", name + ": b"), List.of(name + ": a"));
        assertApart("order", List.of(name + ": a", name + ": b"), List.of(name + ": b", name + ": a"));
        assertApart("as sent", List.of(name + ": a, b"), List.of(name + ": a,b"));
    }

    @Test
    void w14_theSettingSaysWhichFieldsAreInTheKey() throws IOException {
        restart(Map.of("REFRAIN_KEY_HEADERS", "X-Variant"));
        assertApart("named", List.of(DUMMY, "x-variant: 1"), List.of(DUMMY, "x-variant: 2"));
        try (RawClient client = new RawClient(proxy.port())) {
            assertThat(isHit(client, body("else"), List.of("anthropic-beta: 1")))
                    .isFalse();
            assertThat(isHit(client, body("else"), List.of("anthropic-beta: 2")))
                    .isTrue();
        }
    }

    @Test
    void w15_settingsAddAndRemoveNames() throws IOException {
        restart(Map.of(
                "REFRAIN_KEY_CREDENTIALS_ADD", "x-tenant, *-session, idempotency-key",
                "REFRAIN_KEY_CREDENTIALS_REMOVE", "Cookie, x-*-token"));
        assertApart("added", List.of(DUMMY, "X-Tenant: 1"), List.of(DUMMY, "X-Tenant: 2"));
        assertApart("added by a pattern", List.of(DUMMY, "x-my-session: 1"), List.of(DUMMY, "x-my-session: 2"));
        assertApart("added again", List.of(DUMMY, "Idempotency-Key: 1"), List.of(DUMMY, "Idempotency-Key: 2"));
        try (RawClient client = new RawClient(proxy.port())) {
            assertThat(isHit(client, body("removed"), List.of(DUMMY))).isFalse();
            assertThat(isHit(client, body("removed"), List.of(DUMMY, "cookie: 1")))
                    .isTrue();
            assertThat(isHit(client, body("removed"), List.of(DUMMY, "X-CSRF-Token: 1")))
                    .isTrue();
            assertThat(isHit(client, body("removed"), List.of(DUMMY, "X-Auth: 1")))
                    .isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a b", "x-a,", "*", "x(y)"})
    void invalidNamesAreRefused(String names) {
        for (String variable : List.of("KEY_HEADERS", "KEY_CREDENTIALS_ADD", "KEY_CREDENTIALS_REMOVE")) {
            assertThatThrownBy(() -> restart(Map.of("REFRAIN_" + variable, names)))
                    .hasMessageContaining("must be none, or names of header fields");
        }
    }

    @Test
    void w15_credentialsInTheQueryCountToo() throws IOException {
        String id = "";
        try (RawClient client = new RawClient(proxy.port())) {
            String body = body("query");
            for (String key : List.of("alice", "bobby")) {
                client.send(
                        request(body, List.of()).replace("completions HTTP", "completions?api%5Fkey=" + key + " HTTP"));
                assertThat(client.readResponse()).contains(STATUS + ": MISS");
                client.send(
                        request(body, List.of()).replace("completions HTTP", "completions?api%5Fkey=" + key + " HTTP"));
                String answer = client.readResponse();
                assertThat(answer).contains(STATUS + ": HIT");
                id = answer.replaceAll("(?s).*X-Generation-Id: (\\S+).*", "$1");
            }
            proxy.activity(4);
            client.send("GET /v1/generation?id=" + id + "&api_key=bobby HTTP/1.1\r\nHost: x\r\n\r\n");
            assertThat(client.readResponse()).contains("\"data\"");
            int calls = provider.calls();
            client.send("GET /v1/generation?id=" + id + "&api_key=alice HTTP/1.1\r\nHost: x\r\n\r\n");
            client.readResponse();
            client.send("GET /v1/generation?id=" + id + " HTTP/1.1\r\nHost: x\r\n\r\n");
            client.readResponse();
            assertThat(provider.calls()).as("both questions go to the provider").isEqualTo(calls + 2);
        }
    }

    @Test
    void w60_onlyTheSameCredentialsReadARecord() throws IOException {
        for (int i = 0; i < CREDENTIALS.size(); i++) {
            assertRecordIsForOne(CREDENTIALS.get(i), 2 * i + 2);
        }
    }

    private void assertRecordIsForOne(String field, int requests) throws IOException {
        List<String> alice = List.of(DUMMY, field + "alice");
        List<String> bob = List.of(DUMMY, field + "bobby");
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(request(body("record" + requests), alice));
            client.readResponse();
            client.send(request(body("record" + requests), alice));
            String id = client.readResponse().replaceAll("(?s).*X-Generation-Id: (\\S+).*", "$1");
            proxy.activity(requests);
            int calls = provider.calls();
            client.send(question(id, alice));
            assertThat(client.readResponse()).contains("\"id\":\"" + id + "\"");
            assertThat(provider.calls()).isEqualTo(calls);
            client.send(question(id, bob));
            client.readResponse();
            client.send(question(id, List.of(DUMMY)));
            client.readResponse();
            assertThat(provider.calls()).isEqualTo(calls + 2);
        }
    }

    private static String question(String id, List<String> lines) {
        return "GET /v1/generation?id=" + id + " HTTP/1.1\r\nHost: x\r\n"
                + String.join("", lines.stream().map(line -> line + "\r\n").toList()) + "\r\n";
    }

    /** One object gives a key's label, tag and scope, so all three come from the same set of credentials. */
    @Test
    void w15_theLogNamesTheCallerByTheLabelOfAnyOfItsCredentials() throws Exception {
        Path file = folder.resolve("labels.yaml");
        Files.writeString(file, "labels: [{name: team-a, sha256: " + sha256("sk-a") + "}]");
        restart(Map.of(), "--config", file.toString());
        List<List<String>> callers = List.of(
                List.of("Authorization: Bearer sk-a"),
                List.of("Cookie: theme=dark", "x-api-key: sk-a"),
                List.of(DUMMY, "Ocp-Apim-Subscription-Key: sk-a"),
                List.of(DUMMY));
        try (RawClient client = new RawClient(proxy.port())) {
            for (List<String> caller : callers) {
                assertThat(isHit(client, body("label"), caller)).isFalse();
                assertThat(isHit(client, body("label"), caller)).isTrue();
                assertThat(isHit(client, body("label"), caller)).isTrue();
            }
        }
        List<Activity> log = proxy.activity(12).query(Filter.ALL, 100, null).data();
        assertThat(log.stream().filter(row -> row.scope().equals("team-a"))).hasSize(9);
        assertThat(log.stream().map(Activity::scopeTag).distinct()).hasSize(4);
        assertThat(log.stream().filter(row -> !row.scope().equals("team-a")))
                .allMatch(row -> row.scopeTag().startsWith(row.scope()));
        assertThat(proxy.send(java.net.http.HttpRequest.newBuilder(proxy.admin("/admin/api/entries?scope=team-a"))
                                .header("X-Refrain-Admin", "1")
                                .DELETE())
                        .body())
                .contains("3");
    }

    static String sha256(String text) throws Exception {
        return HexFormat.of()
                .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    }
}
