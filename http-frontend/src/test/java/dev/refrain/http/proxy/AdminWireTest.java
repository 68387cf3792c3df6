package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The admin listener over a socket: access, and each page. Long, since each page is requested once here. */
class AdminWireTest extends AdminTest {
    // ---- access

    private String raw(String head, String body) throws IOException {
        try (RawClient client = RawClient.ofAdmin(proxy.admin("/").getPort())) {
            client.send(head.replace("\n", "\r\n") + "\r\n\r\n" + body);
            return client.readResponse();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"evil.example", "127.0.0.1.evil.example", "evil.example:8081", "localhost.evil.example", ""})
    void aNameThatIsNotOursIsRefused(String host) throws IOException {
        assertThat(raw("GET /admin/api/stats HTTP/1.1\nHost: " + host, "")).startsWith("HTTP/1.1 403");
        assertThat(raw("GET /admin/ HTTP/1.1\nHost: " + host, "")).startsWith("HTTP/1.1 403");
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "LOCALHOST:1234", "127.0.0.1", "127.0.0.1:8081", "[::1]:8081"})
    void loopbacksOwnNamesAreAccepted(String host) throws IOException {
        assertThat(raw("GET /admin/api/stats HTTP/1.1\nHost: " + host, "")).startsWith("HTTP/1.1 200");
    }

    @ParameterizedTest
    @CsvSource({
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Origin: http://evil.example",
        "Origin: null",
    })
    void pagesOfOtherSitesAreRefused(String field) throws IOException {
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        assertThat(raw("GET /admin/api/stats HTTP/1.1\nHost: localhost\n" + field, ""))
                .startsWith("HTTP/1.1 403");
        assertThat(raw(
                        "DELETE /admin/api/entries?all=true HTTP/1.1\nHost: localhost\nX-Refrain-Admin: 1\n" + field,
                        ""))
                .startsWith("HTTP/1.1 403");
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
    }

    @Test
    void changesNeedAHeaderThatNoFormCanSend() {
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        HttpResponse<String> refused = proxy.send(admin("DELETE", "/admin/api/entries?all=true", null));
        assertThat(refused.statusCode()).isEqualTo(403);
        assertThat(tree(refused).at("/error/code").asText()).isEqualTo("forbidden");
        assertThat(proxy.send(admin("POST", "/admin/api/explain", "{}")).statusCode())
                .isEqualTo(403);
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
    }

    @Test
    void everyAnswerHasTheSecurityHeaders() {
        for (String path : List.of("/admin/api/stats", "/healthz", "/nothing", "/metrics")) {
            HttpResponse<String> response = ask("GET", path, null);
            assertThat(header(response, "Content-Security-Policy"))
                    .startsWith("default-src 'none'; script-src 'self';")
                    .doesNotContain("unsafe");
            assertThat(header(response, "X-Content-Type-Options")).isEqualTo("nosniff");
            assertThat(header(response, "Cache-Control")).isEqualTo("no-store");
            assertThat(header(response, "Access-Control-Allow-Origin")).isNull();
        }
    }

    @Test
    void ifATokenIsSetNothingIsShownWithoutIt() throws IOException {
        restart(Map.of("REFRAIN_ADMIN_TOKEN", TOKEN));
        for (String path : List.of("/admin/api/stats", "/admin/api/activity", "/admin/api/events", "/metrics")) {
            HttpResponse<String> refused = ask("GET", path, null);
            assertThat(refused.statusCode()).as(path).isEqualTo(401);
            assertThat(header(refused, "WWW-Authenticate")).startsWith("Bearer");
        }
        for (String wrong : List.of("Bearer", "Bearer ", "Bearer " + TOKEN + "x", "Basic " + TOKEN, TOKEN)) {
            assertThat(proxy.send(admin("GET", "/admin/api/stats", null).header("Authorization", wrong))
                            .statusCode())
                    .isEqualTo(401);
        }
        assertThat(proxy.send(admin("GET", "/admin/api/stats", null).header("Authorization", "Bearer " + TOKEN))
                        .statusCode())
                .isEqualTo(200);
        assertThat(proxy.send(admin("DELETE", "/admin/api/entries?all=true", null)
                                .header("Authorization", "Bearer " + TOKEN))
                        .statusCode())
                .isEqualTo(200);
        // With a token, names of hosts do not matter: a page of another host has no token.
        assertThat(raw("GET /admin/api/stats HTTP/1.1\nHost: refrain.example\nAuthorization: Bearer " + TOKEN, ""))
                .startsWith("HTTP/1.1 200");
        assertThat(ask("GET", "/healthz", null).statusCode()).isEqualTo(200);
        assertThat(ask("GET", "/readyz", null).statusCode()).isEqualTo(200);
    }

    @Test
    void aWrongTokenCanBeTriedAFewTimesASecond() throws IOException {
        restart(Map.of("REFRAIN_ADMIN_TOKEN", TOKEN));
        String cookie = header(ask("POST", "/admin/api/login", "{\"token\":\"" + TOKEN + "\"}"), "Set-Cookie")
                .replaceFirst(";.*", "");
        // More guesses than are allowed in two seconds, because a second may end while the test runs.
        List<HttpResponse<String>> tries = IntStream.range(0, 32)
                .mapToObj(i -> i % 2 == 0
                        ? ask("POST", "/admin/api/login", "{\"token\":\"guess " + i + "\"}")
                        : proxy.send(
                                admin("GET", "/admin/api/stats", null).header("Authorization", "Bearer guess" + i)))
                .toList();
        assertThat(tries)
                .extracting(HttpResponse::statusCode)
                .contains(401, 429)
                .containsOnly(401, 429);
        HttpResponse<String> refused = tries.stream()
                .filter(response -> response.statusCode() == 429)
                .findFirst()
                .orElseThrow();
        assertThat(header(refused, "Retry-After")).isEqualTo("1");
        assertThat(tree(refused).at("/error/code").asText()).isEqualTo("too-many-requests");
        assertThat(withCookie("GET", "/admin/api/stats", cookie).statusCode()).isEqualTo(200);
    }

    @Test
    void aBodyWithoutATokenIsLimited() throws IOException {
        restart(Map.of("REFRAIN_ADMIN_TOKEN", TOKEN));
        assertThat(ask("POST", "/admin/api/login", "{\"token\":\"" + "x".repeat(5000) + "\"}")
                        .statusCode())
                .isEqualTo(413);
    }

    @Test
    void aBrowserExchangesTheTokenForACookie() throws IOException {
        restart(Map.of("REFRAIN_ADMIN_TOKEN", TOKEN));
        HttpResponse<String> wrong = ask("POST", "/admin/api/login", "{\"token\":\"guess\"}");
        assertThat(wrong.statusCode()).isEqualTo(401);
        assertThat(header(wrong, "Set-Cookie")).isNull();

        HttpResponse<String> right = ask("POST", "/admin/api/login", "{\"token\":\"" + TOKEN + "\"}");
        String set = header(right, "Set-Cookie");
        assertThat(set).contains("HttpOnly", "SameSite=Strict", "Path=/admin").doesNotContain(TOKEN);
        String cookie = set.replaceFirst(";.*", "");
        assertThat(withCookie("GET", "/admin/api/stats", cookie).statusCode()).isEqualTo(200);
        assertThat(withCookie("GET", "/admin/api/stats", cookie + "x").statusCode())
                .isEqualTo(401);

        withCookie("POST", "/admin/api/logout", cookie);
        assertThat(withCookie("GET", "/admin/api/stats", cookie).statusCode()).isEqualTo(401);
    }

    private HttpResponse<String> withCookie(String method, String path, String cookie) {
        return proxy.send(
                admin(method, path, null).header("X-Refrain-Admin", "1").header("Cookie", cookie));
    }

    // ---- health

    @Test
    void saysWhetherItLivesAndIsReady() {
        assertThat(ask("GET", "/healthz", null).body()).isEqualTo("ok\n");
        assertThat(ask("GET", "/readyz", null).body()).isEqualTo("ready\n");
        assertThat(proxy.startLine()).contains(", dashboard " + proxy.admin("/admin/"));
    }

    @Test
    void isNotReadyWithoutAStore() throws IOException {
        proxy.close();
        proxy = new RunningProxy(folder, provider.base(), Map.of());
        HttpResponse<String> response = ask("GET", "/readyz", null);
        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(tree(response).at("/error/message").asText()).contains("store");
    }

    @Test
    void aPortInUseIsAClearErrorAndNothingStaysOpen() throws IOException {
        proxy.close();
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            assertThatThrownBy(() -> startProxy(Map.of("REFRAIN_ADMIN_PORT", port)))
                    .isInstanceOf(IOException.class)
                    .hasMessage(
                            "Cannot listen on 127.0.0.1:" + port + " for the admin listener: Address already in use."
                                    + " Choose another admin.port or admin.host, or set admin.enabled to false.");
        }
        proxy = startProxy(Map.of());
        assertThat(ask("GET", "/healthz", null).statusCode()).isEqualTo(200);
    }

    // ---- errors

    @ParameterizedTest
    @CsvSource({
        "GET, /nothing, 404, not-found",
        "GET, /admin/api/nothing, 404, not-found",
        "GET, /admin/../api/stats, 404, not-found",
        "POST, /admin/api/stats, 405, method-not-allowed",
        "PUT, /admin/api/entries, 405, method-not-allowed",
        "GET, /admin/api/activity?limit=0, 400, bad-request",
        "GET, /admin/api/activity?cached=maybe, 400, bad-request",
        "GET, /admin/api/activity?endpoint=x, 400, bad-request",
        "GET, /admin/api/activity?since=yesterday, 400, bad-request",
        "GET, /admin/api/activity?colour=red, 400, bad-request",
        "GET, /admin/api/activity?cursor=~, 400, bad-request",
        "GET, /admin/api/activity/gen-none, 404, not-found",
        "GET, /admin/api/timeseries?range=year, 400, bad-request",
        "GET, /admin/api/timeseries?range=hour&since=2026-01-01T00:00:00Z, 400, bad-request",
        "GET, /admin/api/timeseries?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z, 400, bad-request",
        "GET, /admin/api/timeseries?since=yesterday, 400, bad-request",
        "GET, /admin/api/scopes, 400, bad-request",
        "GET, /admin/api/scopes?scope=nobody, 404, not-found",
        "GET, /admin/api/cassettes, 404, not-found",
        "POST, /admin/api/explain, 400, bad-request",
        "DELETE, /admin/api/entries, 400, bad-request",
        "DELETE, /admin/api/entries?all=yes, 400, bad-request",
        "DELETE, /admin/api/entries?all=true&model=m, 400, bad-request",
        "DELETE, /admin/api/entries?model=a&model=b, 400, bad-request",
        "DELETE, /admin/api/entries?key=abc, 400, bad-request",
        "DELETE, /admin/api/entries?scope=nobody, 404, not-found",
    })
    void errorsAreJson(String method, String path, int status, String code) {
        HttpResponse<String> response = ask(method, path, null);
        assertThat(response.statusCode()).isEqualTo(status);
        assertThat(header(response, "Content-Type")).isEqualTo("application/json");
        assertThat(tree(response).at("/error/code").asText()).isEqualTo(code);
        assertThat(tree(response).at("/error/message").asText()).isNotBlank();
    }

    // ---- the log

    private void someRequests() {
        proxy.cached(CHAT, chat("a", "1"));
        proxy.cached(CHAT, chat("a", "1"));
        proxy.cached(CHAT, chat("b", "2"));
        proxy.send(proxy.post(CHAT, chat("b", "3")));
        proxy.activity(4);
    }

    @Test
    void theLogIsShownNewestFirstAndFiltered() {
        someRequests();
        JsonNode all = json("activity").path("data");
        assertThat(all).extracting(node -> node.path("cache").asText()).containsExactly("off", "miss", "hit", "miss");
        JsonNode hit = all.get(2);
        assertThat(hit.path("model").asText()).isEqualTo("a");
        assertThat(hit.path("endpoint").asText()).isEqualTo("chat");
        assertThat(hit.path("status").asInt()).isEqualTo(200);
        assertThat(hit.path("tokens_saved").asInt()).isEqualTo(21);
        assertThat(hit.path("source_id").asText()).isEqualTo("chatcmpl-123");
        assertThat(hit.path("scope").asText()).matches("[0-9a-f]{12}");
        assertThat(hit.path("key").asText()).matches("[0-9a-f]{12}");
        assertThat(hit.path("created_at").asText()).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z");
        assertThat(hit.path("duration_ms").isNumber()).isTrue();
        assertThat(hit.path("preset").isNull()).isTrue();
        assertThat(all.toString()).doesNotContain("sk-test");

        assertThat(json("activity?cached=true").path("data")).hasSize(1);
        assertThat(json("activity?cached=false&model=b").path("data")).hasSize(2);
        assertThat(json("activity?endpoint=messages").path("data")).isEmpty();
        assertThat(json("activity?scope=" + hit.path("scope").asText()).path("data"))
                .hasSize(4);
        assertThat(json("activity?since=2099-01-01T00:00:00Z").path("data")).isEmpty();
    }

    @Test
    void pagesFollowEachOther() {
        someRequests();
        List<String> seen = new ArrayList<>();
        String next = "";
        do {
            JsonNode page = json("activity?limit=1" + next);
            page.path("data").forEach(node -> seen.add(node.path("cache").asText()));
            next = page.path("next").isNull()
                    ? null
                    : "&cursor=" + page.path("next").asText();
        } while (next != null);
        assertThat(seen).containsExactly("off", "miss", "hit", "miss");
    }

    @Test
    void oneRequestIsShownWithItsSource() {
        someRequests();
        String id = json("activity?cached=true").at("/data/0/id").asText();
        JsonNode shown = json("activity/" + id);
        assertThat(shown.at("/data/id").asText()).isEqualTo(id);
        assertThat(shown.at("/source/id").asText()).isEqualTo("chatcmpl-123");
        assertThat(json("activity/chatcmpl-123").path("source").isNull()).isTrue();
    }

    @Test
    void theLogIsACsvFileThatNoSpreadsheetExecutes() {
        proxy.cached(CHAT, chat("=HYPERLINK(1)", "1"));
        proxy.cached(CHAT, chat("a,\\\"b\\\"", "2"));
        proxy.activity(2);
        HttpResponse<String> file = ask("GET", "/admin/api/activity.csv?cached=false", null);
        assertThat(header(file, "Content-Type")).startsWith("text/csv");
        assertThat(header(file, "Content-Disposition")).contains("attachment");
        String[] lines = file.body().split("\r\n", -1);
        assertThat(lines).hasSize(4);
        assertThat(lines[0])
                .startsWith("id,created_at,endpoint,model,")
                .endsWith(",finish_reason,policy,namespace,request_id");
        assertThat(lines[1]).contains(",chat,\"a,\"\"b\"\"\",");
        assertThat(lines[2]).contains(",chat,'=HYPERLINK(1),");
        assertThat(lines[3]).isEmpty();
    }

    // ---- figures

    @Test
    void theFiguresAddUp() {
        someRequests();
        JsonNode stats = json("stats");
        assertThat(stats.at("/requests/total").asInt()).isEqualTo(4);
        assertThat(stats.at("/requests/hit").asInt()).isEqualTo(1);
        assertThat(stats.at("/requests/off").asInt()).isEqualTo(1);
        assertThat(stats.path("hit_ratio").asDouble()).isEqualTo(1 / 3.0);
        assertThat(stats.path("by_endpoint")).hasSize(4);
        assertThat(stats.at("/by_endpoint/0/endpoint").asText()).isEqualTo("chat");
        assertThat(stats.at("/by_endpoint/0/miss").asInt()).isEqualTo(2);
        assertThat(stats.path("tokens_saved").asInt()).isEqualTo(21);
        assertThat(stats.at("/money_saved").toString()).startsWith("{\"amount\":0,\"currency\":\"USD\",");
        assertThat(stats.at("/latency/hit/count").asInt()).isEqualTo(1);
        assertThat(stats.at("/latency/hit/p50_ms").asDouble()).isPositive();
        assertThat(stats.at("/store/entries").asInt()).isEqualTo(2);
        assertThat(stats.at("/store/capacity_bytes").asLong()).isPositive();
        assertThat(stats.path("flights").asInt()).isZero();
        assertThat(stats.at("/activity/records").asInt()).isEqualTo(4);
        assertThat(stats.path("started_at").asText()).endsWith("Z");
        assertThat(stats.path("version").isTextual()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"hour, 60, 60", "day, 144, 600", "week, 168, 3600"})
    void everyStepOfARangeIsThere(String range, int steps, int seconds) {
        someRequests();
        JsonNode series = json("timeseries?range=" + range);
        assertThat(series.path("range").asText()).isEqualTo(range);
        assertThat(series.path("step_seconds").asInt()).isEqualTo(seconds);
        assertThat(series.path("points")).hasSize(steps);
        assertThat(series.at("/points/0/hit_p50_ms").isNull()).isTrue();
        assertThat(series.path("points"))
                .anySatisfy(point -> assertThat(point.path("hit").asInt()).isPositive());
    }

    @Test
    void anyTimeCanBeChosen() {
        someRequests();
        Instant since = Instant.now().minus(Duration.ofMinutes(90));
        JsonNode series = json("timeseries?since=" + since);
        assertThat(series.path("range").asText()).isEqualTo("own");
        assertThat(series.path("step_seconds").asInt()).isEqualTo(60);
        assertThat(series.path("points")).hasSizeBetween(91, 92);
        assertThat(series.path("points"))
                .anySatisfy(point -> assertThat(point.path("hit").asInt()).isPositive());
        // Without a beginning, steps are long: the last one may go on for two hours after the chosen end.
        series = json("timeseries?until=" + Instant.now().minus(Duration.ofHours(3)));
        assertThat(series.path("step_seconds").asInt()).isEqualTo(7200);
        assertThat(series.path("points"))
                .allSatisfy(point -> assertThat(point.path("hit").asInt()).isZero());
    }

    // ---- purge

    @Test
    void answersAreRemovedByKeyScopeModelAndAltogether() {
        HttpResponse<String> one = proxy.cached(CHAT, chat("a", "1"));
        proxy.cached(CHAT, chat("a", "2"));
        proxy.cached(CHAT, chat("b", "1"));
        proxy.cached(CHAT, chat("b", "1"), "Authorization", "Bearer sk-other");
        String key = header(one, "Cache-Status").replaceFirst(".*key=\"([0-9a-f]+)\".*", "$1");

        assertThat(removed("key=" + key)).isEqualTo(1);
        assertThat(removed("key=" + key)).isZero();
        assertMiss(proxy.cached(CHAT, chat("a", "1")));
        assertThat(removed("model=a")).isEqualTo(2);
        proxy.activity(5);
        String other = json("activity?model=b&limit=1").at("/data/0/scope").asText();
        assertThat(removed("scope=" + other)).isEqualTo(1);
        assertHit(proxy.cached(CHAT, chat("b", "1")));
        assertThat(removed("all=true")).isEqualTo(1);
        assertMiss(proxy.cached(CHAT, chat("b", "1")));
    }

    @Test
    void aRequestIsFoundByItsPlaceInTheLogToo() {
        String id = header(proxy.cached(CHAT, CHAT_REQUEST), "X-Generation-Id");
        // The record is there once the call has ended. The client may have its answer before that.
        JsonNode page = Stream.generate(() -> json("activity?limit=1"))
                .filter(latest -> !latest.path("data").isEmpty())
                .findFirst()
                .orElseThrow();
        String number = page.at("/data/0/number").asText();
        assertThat(json("activity/~" + number).at("/data/id").asText()).isEqualTo(id);
        assertThat(page.path("currency").asText()).isEqualTo("USD");
        assertThat(ask("GET", "/admin/api/activity/~9" + number, null).statusCode())
                .isEqualTo(404);
    }

    @Test
    void saysWhereTheProxyListens() {
        assertThat(json("stats").path("address").asText() + "/v1/chat/completions")
                .isEqualTo(proxy.uri(CHAT).toString());
    }

    private long removed(String query) {
        return tree(ask("DELETE", "/admin/api/entries?" + query, null))
                .path("removed")
                .asLong(-1);
    }

    // ---- files

    @Test
    void librariesAreServedFromHereAndCacheable() {
        HttpResponse<String> library = ask("GET", "/admin/webjars/uplot/1.6.30/dist/uPlot.min.css", null);
        assertThat(library.statusCode()).isEqualTo(200);
        assertThat(header(library, "Content-Type")).isEqualTo("text/css; charset=utf-8");
        assertThat(header(library, "Cache-Control")).contains("immutable");
        assertThat(proxy.send(admin("GET", "/admin/webjars/uplot/1.6.30/dist/uPlot.min.css", null)
                                .header("If-None-Match", header(library, "ETag")))
                        .statusCode())
                .isEqualTo(304);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/admin/webjars/uplot/../../../../dev/refrain/http/Main.class",
                "/admin/..%2f..%2fMain.class",
                "/admin/%2e%2e/AdminServer.class",
                "/admin/webjars/uplot/1.6.30/package.json",
                "/admin/webjars/uplot/1.6.30/dist/..%2f..%2f..%2f..%2f..%2fMANIFEST.MF",
                "/admin//etc/passwd",
                "/admin/index.html%00.css",
                "/admin/nothing.css"
            })
    void noPathLeavesTheFolder(String path) throws IOException {
        assertThat(raw("GET " + path + " HTTP/1.1\nHost: localhost", "")).matches("(?s)HTTP/1.1 40[04] .*");
    }
}
