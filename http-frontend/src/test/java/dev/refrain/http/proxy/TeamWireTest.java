package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Filter;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Wire rule W83: API keys of a team share their answers with nobody else. All tests of credentials run again here with
 * teams: of each two callers, one is in a team. So this takes as long as those tests.
 */
class TeamWireTest extends CredentialMatrixTest {
    /** Teams of "alice" and "k", which the tests of credentials use, and of three keys that share. */
    private Path teams() throws IOException {
        try {
            return Files.writeString(folder.resolve("teams.yaml"), """
                    labels:
                      - {name: old key, sha256: %s}
                      - {name: new key, sha256: %s}
                    teams:
                      - {name: ours, labels: [old key, new key], sha256: [%s, %s]}
                      - {name: others, sha256: [%s, %s]}
                    """.formatted(
                            sha256("sk-old"),
                            sha256("sk-new"),
                            sha256("sk-third"),
                            sha256("alice"),
                            sha256("sk-other"),
                            sha256("k")));
        } catch (IOException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    RunningProxy startProxy(Map<String, String> variables, String... flags) throws IOException {
        return flags.length > 0
                ? super.startProxy(variables, flags)
                : super.startProxy(variables, "--config", teams().toString());
    }

    @Test
    void w83_aTeamSharesAndARotatedKeyKeepsItsAnswers() throws IOException {
        List<List<String>> ours = List.of(
                List.of("Authorization: Bearer sk-old"),
                List.of("Authorization: Bearer sk-new"),
                List.of("x-api-key: sk-third"),
                List.of("Authorization: Bearer sk-new", "x-api-key: sk-old"));
        try (RawClient client = new RawClient(proxy.port())) {
            assertThat(isHit(client, body("shared"), ours.get(0))).isFalse();
            for (List<String> one : ours) {
                assertThat(isHit(client, body("shared"), one)).as("%s", one).isTrue();
                assertThat(isHit(client, body("shared"), one))
                        .as("%s again", one)
                        .isTrue();
            }
        }
        // The scope is the same after a restart: it depends only on the installation's secret and the team's name.
        restart(Map.of());
        try (RawClient client = new RawClient(proxy.port())) {
            assertThat(isHit(client, body("shared"), ours.get(1))).isTrue();
        }
    }

    @Test
    void w83_otherCallersDoNotShare() throws IOException {
        List<List<String>> apart = List.of(
                List.of("Authorization: Bearer sk-old"),
                List.of("Authorization: Bearer sk-other"),
                List.of("Authorization: Bearer sk-stranger"),
                List.of("Authorization: Bearer ours"),
                List.of("Authorization: Basic sk-old"),
                List.of("Authorization: Bearer " + hash("sk-old")),
                List.of("Cookie: sk-old"),
                List.of("Authorization: Bearer sk-old", "Cookie: a"),
                List.of("Authorization: Bearer sk-old", "Cookie: b"),
                List.of("Authorization: Bearer sk-other", "Cookie: a"),
                List.of("Cookie: a"),
                List.of("Authorization: Bearer sk-old", "x-api-key: sk-stranger"),
                List.of("x-api-key: sk-old", "Authorization: Bearer sk-stranger"),
                List.of("Authorization: Bearer sk-old", "x-api-key: sk-other"),
                List.of());
        try (RawClient client = new RawClient(proxy.port())) {
            for (List<String> caller : apart) {
                assertThat(isHit(client, body("apart"), caller))
                        .as("%s", caller)
                        .isFalse();
                assertThat(isHit(client, body("apart"), caller))
                        .as("%s", caller)
                        .isTrue();
                assertThat(isHit(client, body("apart"), caller))
                        .as("%s", caller)
                        .isTrue();
            }
            // With the same additional cookie, members of the team share.
            assertThat(isHit(client, body("apart"), List.of("Authorization: Bearer sk-new", "Cookie: a")))
                    .isTrue();
        }
    }

    @Test
    void w83_theLogKeepsTheLabelsAndATeamCanBePurged() throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            isHit(client, body("a"), List.of("Authorization: Bearer sk-old"));
            isHit(client, body("b"), List.of("Authorization: Bearer sk-new"));
            isHit(client, body("c"), List.of("Authorization: Bearer sk-third"));
            isHit(client, body("d"), List.of("Authorization: Bearer sk-other"));
            isHit(client, body("e"), List.of("Authorization: Bearer sk-stranger"));
        }
        List<Activity> log = proxy.activity(5).query(Filter.ALL, 5, null).data();
        assertThat(log).extracting(Activity::scope).contains("old key", "new key", "ours", "others");
        assertThat(log.stream().map(Activity::scopeTag).distinct()).hasSize(3);
        restart(Map.of());
        assertThat(purged("ours")).contains("3");
        assertThat(purged("others")).contains("1");
    }

    /** The log has the label from before the restart, when another key was in the team. */
    @Test
    void w83_aPurgeUsesThePresentTeams() throws Exception {
        List<String> withCookie = List.of("Authorization: Bearer sk-old", "Cookie: a");
        try (RawClient client = new RawClient(proxy.port())) {
            isHit(client, body("a"), List.of("Authorization: Bearer sk-old"));
            isHit(client, body("b"), withCookie);
        }
        proxy.activity(2);
        // The team has a new key, which has not been used yet; another key has left it.
        String left = """
                labels:
                  - {name: old key, sha256: %s}
                  - {name: fresh key, sha256: %s}
                teams:
                  - {name: ours, labels: [fresh key]}
                """.formatted(sha256("sk-old"), sha256("sk-fresh"));
        Path file = Files.writeString(folder.resolve("left.yaml"), left);
        restart(Map.of(), "--config", file.toString());
        assertThat(purged("old%20key"))
                .as("only the entry of the key itself is removed, not that of the team")
                .contains("1");
        assertThat(purged("fresh%20key")).contains("1");
        restart(Map.of());
        try (RawClient client = new RawClient(proxy.port())) {
            isHit(client, body("b"), withCookie);
        }
        proxy.activity(3);
        restart(Map.of());
        assertThat(purged("ours")).as("with another credential, too").contains("1");
    }

    private String purged(String scope) {
        return proxy.send(HttpRequest.newBuilder(proxy.admin("/admin/api/entries?scope=" + scope))
                        .header("X-Refrain-Admin", "1")
                        .DELETE())
                .body();
    }

    private static String hash(String text) {
        try {
            return sha256(text);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
