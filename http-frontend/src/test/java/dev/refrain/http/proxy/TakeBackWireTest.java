package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W85: a client takes a bad answer back. */
class TakeBackWireTest extends WireTest {
    private static final String NOT_HERE = "{\"error\":{\"message\":\"no such generation\"}}";

    private final CountDownLatch release = new CountDownLatch(1);

    /** Number of requests so far that the log must have. */
    private int logged;

    private HttpResponse<String> takeBack(String path, String id, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(proxy.uri(path + "/generation?id=" + id))
                .DELETE()
                .header("Authorization", "Bearer sk-test");
        for (int i = 0; i < headers.length; i += 2) {
            request.setHeader(headers[i], headers[i + 1]);
        }
        return proxy.send(request);
    }

    private void assertTakenBack(HttpResponse<String> answer, String id) throws IOException {
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(new ObjectMapper().readTree(answer.body()))
                .isEqualTo(new ObjectMapper()
                        .readTree("{\"id\":\"%s\",\"object\":\"generation.deleted\",\"deleted\":true}".formatted(id)));
        assertUncached(answer);
    }

    /** Sends the request with an API key. Returns the id of the answer, which is then in the log. */
    private String asks(String apiKey, String status) {
        HttpResponse<String> answer = proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer " + apiKey);
        assertThat(header(answer, STATUS)).isEqualTo(status);
        proxy.activity(++logged);
        return header(answer, GENERATION);
    }

    private String asks(String status) {
        return asks("sk-test", status);
    }

    /** Makes the provider answer 404 for every generation. */
    private void providerHasNoRecords() {
        provider.does((exchange, request) -> {
            boolean deletes = request.method().equals("DELETE");
            ScriptedProvider.json(exchange, deletes ? 404 : 200, deletes ? NOT_HERE : CHAT_ANSWER);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1", "/api/v1", "/openai/v1"})
    void w85_theAnswerOfAMissIsTakenBack(String path) throws IOException {
        String id = asks("MISS");
        asks("HIT");

        assertTakenBack(takeBack(path, id), id);

        asks("MISS");
        assertThat(provider.received()).noneMatch(request -> request.method().equals("DELETE"));
    }

    @Test
    void w85_theAnswerOfAHitIsTakenBack() throws IOException {
        asks("MISS");
        asks("HIT");
        String id = asks("HIT");

        assertTakenBack(takeBack("/v1", id), id);

        asks("MISS");
    }

    @Test
    void w85_takingBackTwiceIsNoErrorAndANewerAnswerStays() throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange, 200, CHAT_ANSWER.replace("chatcmpl-123", "chatcmpl-" + provider.calls())));
        asks("MISS");
        String id = asks("HIT");

        assertTakenBack(takeBack("/v1", id), id);
        assertTakenBack(takeBack("/v1", id), id);
        String newer = asks("MISS");
        assertTakenBack(takeBack("/v1", id), id);
        asks("HIT");

        assertTakenBack(takeBack("/v1", newer), newer);
        asks("MISS");
    }

    @Test
    void w85_otherKeysTakeNothingBackAndUnknownIdsGoToTheProvider() {
        asks("MISS");
        String id = asks("HIT");
        asks("sk-other", "MISS");
        providerHasNoRecords();
        int calls = provider.calls();

        assertThat(takeBack("/v1", id, "Authorization", "Bearer sk-other").body())
                .isEqualTo(NOT_HERE);
        assertThat(takeBack("/v1", id, "x-api-key", "sk-more").body()).isEqualTo(NOT_HERE);
        assertThat(takeBack("/api/v1", "gen-1700000000-AAAAAAAAAAAAAAAAAAAA").statusCode())
                .isEqualTo(404);
        // None of these could have been stored.
        String uncached = header(proxy.send(proxy.post(CHAT, CHAT_REQUEST)), GENERATION);
        proxy.activity(++logged);
        assertThat(takeBack("/v1", uncached == null ? "none" : uncached).body()).isEqualTo(NOT_HERE);

        assertThat(provider.received().subList(calls, calls + 3))
                .extracting(request -> request.method() + " " + request.uri())
                .startsWith("DELETE /api/v1/generation?id=" + id)
                .endsWith("DELETE /api/v1/generation?id=gen-1700000000-AAAAAAAAAAAAAAAAAAAA");
        asks("HIT");
    }

    @Test
    void w85_anAnswerIsTakenBackAfterARestartToo() throws IOException {
        String miss = asks("MISS");
        restart(Map.of());
        assertTakenBack(takeBack("/v1", miss), miss);
        asks("MISS");

        String hit = asks("HIT");
        restart(Map.of());
        assertTakenBack(takeBack("/v1", hit), hit);
        asks("MISS");
    }

    @Test
    void w85_anAnswerTakenBackByAMemberIsGoneForTheTeam() throws Exception {
        Path teams = Files.writeString(
                folder.resolve("teams.yaml"),
                "teams: [{name: ours, sha256: [%s, %s]}]"
                        .formatted(CredentialMatrixTest.sha256("sk-one"), CredentialMatrixTest.sha256("sk-two")));
        restart(Map.of(), "--config", teams.toString());
        String id = asks("sk-one", "MISS");
        asks("sk-two", "HIT");

        assertTakenBack(takeBack("/v1", id, "Authorization", "Bearer sk-two"), id);

        asks("sk-one", "MISS");
    }

    /** A stream whose beginning the client has received. */
    private HttpResponse<InputStream> begun() throws IOException {
        HttpResponse<InputStream> answer = proxy.send(
                proxy.post(CHAT, CHAT_STREAM_REQUEST, "Authorization", "Bearer sk-test")
                        .setHeader("X-OpenRouter-Cache", "true"),
                BodyHandlers.ofInputStream());
        StringBuilder got = new StringBuilder();
        while (!got.toString().contains("Hel")) {
            got.append((char) answer.body().read());
        }
        return answer;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void w85_anAnswerTakenBackWhileItIsFetchedIsNotStored(boolean byItsLeader) throws Exception {
        providerHolds();
        try (InputStream leader = checked(begun(), "MISS");
                InputStream follower = checked(begun(), "HIT")) {
            String id = byItsLeader ? leaderId : followerId;
            providerHasNoRecords();
            assertThat(takeBack("/v1", id, "Authorization", "Bearer sk-other").body())
                    .isEqualTo(NOT_HERE);

            assertTakenBack(takeBack("/v1", id), id);

            release.countDown();
            // Both readers still get the rest.
            for (InputStream each : new InputStream[] {leader, follower}) {
                assertThat(new String(each.readAllBytes(), StandardCharsets.UTF_8))
                        .contains("[DONE]");
            }
        }
        provider.does((exchange, request) -> ScriptedProvider.stream(exchange, CHAT_STREAM));
        assertMiss(proxy.cached(CHAT, CHAT_STREAM_REQUEST));
    }

    private String leaderId;
    private String followerId;

    private InputStream checked(HttpResponse<InputStream> answer, String status) {
        assertThat(header(answer, STATUS)).isEqualTo(status);
        if (status.equals("MISS")) {
            leaderId = header(answer, GENERATION);
        } else {
            followerId = header(answer, GENERATION);
        }
        return answer.body();
    }

    /** Makes the provider send the beginning of a stream, and the rest when the test opens {@code release}. */
    private void providerHolds() {
        provider.does((exchange, request) -> {
            ScriptedProvider.stream(exchange, CHAT_STREAM[0], CHAT_STREAM[1]);
            release.await();
            ScriptedProvider.write(exchange, CHAT_STREAM[2], CHAT_STREAM[3], CHAT_STREAM[4]);
        });
    }
}
