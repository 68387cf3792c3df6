package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;

/** Over the admin API: stored entries, counts before a purge, a look at an answer, and figures in groups. */
class AdminEntriesTest extends AdminTest {
    private static final String ALICE = "sk-of-alice-0123456789";
    private static final String ANSWER = CHAT_ANSWER.replace("Hello", "<b>Hello</b>");

    private int asked;

    private void restartWith(String settings) throws IOException {
        restartWith(settings, "alice");
    }

    /** @param label label of Alice's key */
    private void restartWith(String settings, String label) throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, ANSWER));
        Path file = Files.writeString(folder.resolve("refrain.yaml"), settings + """

                labels:
                  - {name: %s, sha256: %s}
                """.formatted(label, sha256(ALICE)));
        restart(Map.of(), "--config", file.toString());
    }

    private static String sha256(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private void chatAs(String model, String text, String key, String... headers) {
        String[] all = new String[headers.length + 2];
        all[0] = "Authorization";
        all[1] = "Bearer " + key;
        System.arraycopy(headers, 0, all, 2, headers.length);
        assertThat(proxy.cached(CHAT, chat(model, text), all).statusCode()).isEqualTo(200);
        logged();
    }

    @Test
    void scopesOfALabelSelectItsEntries() throws IOException {
        restartWith("");
        chatAs("m", "1", ALICE);
        chatAs("m", "1", "sk-of-bob-0123456789");
        restartWith("", "nobody-new");
        JsonNode scopes = json("scopes?scope=alice");
        assertThat(scopes.path("complete").asBoolean()).isTrue();
        assertThat(scopes.path("data")).hasSize(1);
        String digits = scopes.path("data").get(0).asText();
        assertThat(json("entries/count?scope=" + digits).path("matching").asInt())
                .isEqualTo(1);
        assertThat(json("scopes?scope=" + digits).path("data").get(0).asText()).isEqualTo(digits);
    }

    /** The latest request. Waits for it, because a client may have its answer before the log has the request. */
    private JsonNode logged() {
        asked++;
        JsonNode[] latest = new JsonNode[1];
        until(() -> {
            latest[0] = json("activity?limit=1").get("data").get(0);
            return latest[0] != null && latest[0].get("number").asInt() == asked;
        });
        return latest[0];
    }

    @Test
    void entriesAreListedUnderNamesAndFound() throws IOException {
        restartWith("");
        chatAs("acme/large", "one", ALICE);
        chatAs("acme/large", "two", ALICE, "X-Refrain-Namespace", "evals");
        chatAs("acme/small", "one", "sk-of-somebody-else");
        JsonNode all = json("entries");
        assertThat(all.get("matching").asInt()).isEqualTo(3);
        assertThat(all.get("complete").asBoolean()).isTrue();
        assertThat(all.get("data")).hasSize(3);
        assertThat(all.findValuesAsText("model")).containsExactlyInAnyOrder("acme/large", "acme/large", "acme/small");
        assertThat(all.findValuesAsText("scope")).filteredOn("alice"::equals).hasSize(2);
        assertThat(all.toString()).doesNotContain("Hello").doesNotContain(ALICE);

        assertThat(json("entries?search=SMALL").get("matching").asInt()).isEqualTo(1);
        assertThat(json("entries?search=alic").get("matching").asInt()).isEqualTo(2);
        assertThat(json("entries?search=evals")
                        .get("data")
                        .get(0)
                        .get("namespace")
                        .asText())
                .isEqualTo("evals");
        String key = all.get("data").get(0).get("key").asText();
        assertThat(json("entries?search=" + key.substring(0, 12))
                        .get("data")
                        .get(0)
                        .get("key")
                        .asText())
                .isEqualTo(key);
        assertThat(json("entries?scope=alice&namespace=evals").get("matching").asInt())
                .isEqualTo(1);
        JsonNode first = json("entries?limit=2&sort=size&order=asc");
        assertThat(first.get("data")).hasSize(2);
        assertThat(json("entries?limit=2&sort=size&order=asc&cursor="
                                + first.get("next").asText())
                        .get("data"))
                .hasSize(1);
        for (String wrong :
                new String[] {"cursor=x", "limit=201", "sort=colour", "order=up", "key=xyz", "colour=red"}) {
            assertThat(ask("GET", "/admin/api/entries?" + wrong, null).statusCode())
                    .as(wrong)
                    .isEqualTo(400);
        }
        // After a restart, the names come from the log.
        restart(Map.of());
        assertThat(json("entries").findValuesAsText("model")).contains("acme/large", "acme/small");
        assertThat(json("entries").findValuesAsText("scope")).contains("alice");
    }

    @Test
    void aKeyWithANewLabelIsShownOnlyUnderThat() throws IOException {
        restartWith("");
        chatAs("acme/large", "one", ALICE);
        restartWith("", "bob");
        chatAs("acme/large", "two", ALICE);
        for (int i = 0; i < 2; i++) {
            assertThat(json("entries").findValuesAsText("scope")).containsExactly("bob", "bob");
            assertThat(json("entries?scope=bob").get("matching").asInt()).isEqualTo(2);
            assertThat(json("entries/count?scope=bob").get("matching").asInt()).isEqualTo(2);
            assertThat(json("activity").findValuesAsText("scope")).containsExactly("bob", "alice");
            // After a restart, the label comes from the log alone.
            restartWith("", "bob");
        }
    }

    @Test
    void entriesOfAPurgeAreCountedBeforehand() throws IOException {
        restartWith("");
        chatAs("acme/large", "one", ALICE);
        chatAs("acme/large", "two", ALICE, "X-Refrain-Namespace", "evals");
        chatAs("acme/small", "one", "sk-of-somebody-else");
        String key =
                json("entries?model=acme/small").get("data").get(0).get("key").asText();
        for (String which : new String[] {
            "key=" + key.substring(0, 12), "namespace=evals", "model=acme/large", "scope=alice", "all=true"
        }) {
            JsonNode counted = json("entries/count?" + which);
            assertThat(counted.get("complete").asBoolean()).isTrue();
            int expected = which.startsWith("key") || which.startsWith("name") ? 1 : which.startsWith("all") ? 3 : 2;
            assertThat(counted.get("matching").asInt()).as(which).isEqualTo(expected);
        }
        assertThat(json("entries/count?model=acme/none").get("matching").asInt())
                .isZero();
        assertThat(ask("GET", "/admin/api/entries/count", null).statusCode()).isEqualTo(400);
        assertThat(ask("GET", "/admin/api/entries/count?key=12", null).statusCode())
                .isEqualTo(400);
        assertThat(tree(ask("DELETE", "/admin/api/entries?scope=alice", null))
                        .get("removed")
                        .asInt())
                .isEqualTo(2);
        assertThat(json("entries/count?all=true").get("matching").asInt()).isEqualTo(1);
    }

    private String onlyKey() {
        return json("entries").get("data").get(0).get("key").asText();
    }

    private HttpResponse<String> look(String key, String body) {
        return ask("POST", "/admin/api/entries/" + key + "/content", body);
    }

    @Test
    void noAnswerIsShownUnlessThatIsAllowed() throws IOException {
        restartWith("");
        chatAs("acme/large", "one", ALICE);
        HttpResponse<String> refused = look(onlyKey(), "{}");
        assertThat(refused.statusCode()).isEqualTo(403);
        assertThat(refused.body()).contains("admin.content: on").doesNotContain("Hello");
        assertThat(json("entries").get("content").asText()).isEqualTo("off");
    }

    @Test
    void anAnswerIsShownAsTextWhereThatIsAllowed() throws IOException {
        restartWith("admin: {content: on}");
        chatAs("acme/large", "one", ALICE);
        String key = onlyKey();
        List<String> said = new CopyOnWriteArrayList<>();
        Logger logger = Logger.getLogger("dev.refrain.console.admin.StoredEntries");
        Handler listener = listener(said);
        logger.addHandler(listener);
        HttpResponse<String> shown = look(key, "{}");
        logger.removeHandler(listener);
        assertThat(said)
                .singleElement()
                .asString()
                .contains(key.substring(0, 12), "127.0.0.1")
                .doesNotContain("Hello");
        assertThat(shown.statusCode()).isEqualTo(200);
        assertThat(header(shown, "Content-Type")).isEqualTo("application/json");
        assertThat(header(shown, "Cache-Control")).isEqualTo("no-store");
        assertThat(tree(shown).get("text").asText()).contains("<b>Hello</b>");
        assertThat(tree(shown).get("bytes").asInt())
                .isEqualTo(tree(shown).get("shown_bytes").asInt());
        assertThat(json("entries").get("data").get(0).get("hits").asInt())
                .as("looking at an answer does not count as a hit")
                .isZero();
        assertThat(look("0".repeat(64), "{}").statusCode()).isEqualTo(404);
        assertThat(look("x", "{}").statusCode()).isEqualTo(400);
        assertThat(look(key, "[]").statusCode()).isEqualTo(400);
        // The first request lacks the header, which a page of another site cannot send.
        assertThat(proxy.send(admin("POST", "/admin/api/entries/" + key + "/content", "{}"))
                        .statusCode())
                .isEqualTo(403);
        assertThat(proxy.send(admin("POST", "/admin/api/entries/" + key + "/content", "{}")
                                .header("X-Refrain-Admin", "1")
                                .header("Origin", "http://evil.example"))
                        .statusCode())
                .isEqualTo(403);
    }

    private static Handler listener(List<String> said) {
        return new Handler() {
            @Override
            public void publish(LogRecord record) {
                said.add(new SimpleFormatter().formatMessage(record));
            }

            @Override
            public void flush() {
                // Buffers nothing.
            }

            @Override
            public void close() {
                // Holds nothing open.
            }
        };
    }

    @Test
    void aSealedAnswerOpensWithItsKeyAlone() throws IOException {
        restartWith("seal: true\nadmin: {content: on}");
        chatAs("acme/large", "one", ALICE);
        String key = onlyKey();
        assertThat(json("entries").get("data").get(0).get("scope").asText()).isEqualTo("alice");
        assertThat(look(key, "{}").statusCode()).isEqualTo(409);
        assertThat(look(key, "{\"headers\":{\"Authorization\":\"Bearer another\"}}")
                        .statusCode())
                .isEqualTo(409);
        HttpResponse<String> shown = look(key, "{\"headers\":{\"Authorization\":\"Bearer " + ALICE + "\"}}");
        assertThat(shown.statusCode()).isEqualTo(200);
        assertThat(shown.body()).contains("<b>Hello</b>").doesNotContain(ALICE);
    }

    @Test
    void w85_anOperatorTakesTheAnswerOfARequestBack() throws IOException {
        restartWith("");
        chatAs("acme/large", "one", ALICE);
        chatAs("acme/large", "one", ALICE);
        JsonNode hit = json("activity").get("data").get(0);
        assertThat(hit.get("cache").asText()).isEqualTo("hit");
        String path = "/admin/api/activity/~" + hit.get("number").asInt() + "/answer";
        assertThat(proxy.send(admin("DELETE", path, null)).statusCode()).isEqualTo(403);
        assertThat(json("entries").get("matching").asInt()).isEqualTo(1);
        assertThat(tree(ask("DELETE", path, null)).get("deleted").asBoolean()).isTrue();
        assertThat(json("entries").get("matching").asInt()).isZero();
        assertThat(ask("DELETE", "/admin/api/activity/~99/answer", null).statusCode())
                .isEqualTo(404);
        assertThat(ask("DELETE", "/admin/api/activity/~1", null).statusCode()).isEqualTo(404);
        proxy.send(proxy.post(CHAT, chat("acme/large", "not cached")));
        JsonNode off = logged();
        assertThat(ask("DELETE", "/admin/api/activity/~" + off.get("number").asInt() + "/answer", null)
                        .statusCode())
                .isEqualTo(404);
    }

    @Test
    void figuresComeInGroups() throws IOException {
        restartWith("");
        chatAs("acme/large", "one", ALICE);
        chatAs("acme/large", "one", ALICE);
        chatAs("acme/small", "one", "sk-of-somebody-else");
        JsonNode byModel = json("summary?by=model");
        assertThat(byModel.get("data").get(0).get("name").asText()).isEqualTo("acme/large");
        assertThat(byModel.get("data").get(0).get("requests").get("hit").asInt())
                .isEqualTo(1);
        assertThat(byModel.get("data").get(0).get("tokens_saved").asInt()).isEqualTo(21);
        assertThat(byModel.get("total").get("requests").get("total").asInt()).isEqualTo(3);
        assertThat(byModel.get("complete").asBoolean()).isTrue();
        assertThat(json("summary?by=label").get("data").get(0).get("name").asText())
                .isEqualTo("alice");
        assertThat(json("summary?by=model&cache=hit")
                        .get("total")
                        .get("requests")
                        .get("total")
                        .asInt())
                .isEqualTo(1);
        assertThat(json("summary?by=model&until=2020-01-01T00:00:00Z").get("data"))
                .isEmpty();
        JsonNode page = json("summary?by=model&limit=1&sort=tokens_saved");
        assertThat(json("summary?by=model&limit=1&cursor=" + page.get("next").asText())
                        .get("data")
                        .get(0)
                        .get("name")
                        .asText())
                .isEqualTo("acme/small");
        assertThat(json("activity?sort=duration&order=asc&status=2xx&errors=false")
                        .get("data"))
                .hasSize(3);
        assertThat(json("activity?status=404").get("data")).isEmpty();
        for (String wrong :
                new String[] {"by=colour", "sort=colour", "cursor=x", "status=7xx", "errors=no", "cache=x"}) {
            assertThat(ask("GET", "/admin/api/summary?" + wrong, null).statusCode())
                    .as(wrong)
                    .isEqualTo(400);
        }
    }

    @Test
    void aFailureHasACause() throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 429, "{\"error\":{}}"));
        proxy.cached(CHAT, CHAT_REQUEST);
        logged();
        JsonNode limited = json("activity?errors=true").get("data").get(0);
        assertThat(json("activity/~" + limited.get("number").asInt())
                        .get("cause")
                        .asText())
                .contains("429");
        provider.close();
        proxy.cached(CHAT, CHAT_REQUEST);
        logged();
        JsonNode gone = json("activity?status=5xx").get("data").get(0);
        assertThat(json("activity/~" + gone.get("number").asInt()).get("cause").asText())
                .contains("could not be reached");
    }
}
