package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.http.proxy.RawProvider.Script;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Faults of a call that several requests wait for (wire rule W28). If each request made its own call, the calls above a
 * small limit would fail with 503.
 */
class SharedFaultWireTest extends ProviderFaults {
    private static final int FOLLOWERS = 8;
    private static final String EVENT = "data: {\"id\":\"c1\"}\n\n";

    private final ExecutorService clients = Executors.newCachedThreadPool();

    /**
     * A follower may start over while the call before it has its head but not yet its end. So two calls may run at a
     * time, rarely three.
     */
    @Override
    Map<String, String> settings() {
        Map<String, String> settings = new HashMap<>(super.settings());
        settings.put("REFRAIN_LIMITS_UPSTREAM_CALLS", "3");
        return settings;
    }

    @AfterAll
    void stopClients() {
        clients.shutdownNow();
    }

    private static Script document(String status, String body, String... fields) {
        return call -> call.write(head(
                        status,
                        Stream.concat(Stream.of("Content-Type: application/json", length(body)), Stream.of(fields))
                                .toArray(String[]::new))
                + body);
    }

    private static Script stream(String framing, String events) {
        return call -> call.write(head("200 OK", "Content-Type: text/event-stream", framing) + events);
    }

    private static Consumer<Received> is(int status, String body) {
        return answer -> {
            assertThat(answer.status()).as(answer.body()).isEqualTo(status);
            assertThat(answer.cut()).isFalse();
            assertThat(answer.body()).isEqualTo(body);
            assertThat(answer.header(WireTest.STATUS)).isEqualTo("MISS");
        };
    }

    /** Faults, each with a check of the answer that every request gets if the fault persists. */
    static Stream<Arguments> faults() {
        String error = "{\"error\":{\"message\":\"slow down\"}}";
        Consumer<Received> ownError = answer -> assertOwnError(Api.CHAT, answer, 502, "try again");
        Consumer<Received> cutOrOwnError = answer -> {
            if (!answer.cut()) {
                ownError.accept(answer);
            }
        };
        return Stream.of(
                Arguments.of("reset", false, (Script) RawProvider.Call::reset, ownError),
                Arguments.of("reset", true, (Script) RawProvider.Call::reset, ownError),
                Arguments.of("closed", false, (Script) call -> {}, ownError),
                Arguments.of("no HTTP", true, (Script) call -> call.write("?\r\n\r\n"), ownError),
                Arguments.of("no length", false, document("200 OK", "{}", "Content-Length: 7"), ownError),
                Arguments.of("408", false, document("408 Timeout", error, "Retry-After: 9"), is(408, error)),
                Arguments.of("503", true, document("503 Unavailable", error), is(503, error)),
                Arguments.of("204", false, (Script) call -> call.write("HTTP/1.1 204 No Content\r\n\r\n"), is(204, "")),
                Arguments.of("an error with 200", false, document("200 OK", error), is(200, error)),
                Arguments.of("an error with 200 for a stream", true, document("200 OK", error), is(200, error)),
                Arguments.of("no JSON", false, document("200 OK", "<html>"), is(200, "<html>")),
                Arguments.of(
                        "a cut document",
                        false,
                        (Script) call ->
                                call.write(head("200 OK", "Content-Type: application/json", "Content-Length: 99")
                                        + "{\"id\":\"c1\","),
                        cutOrOwnError),
                Arguments.of("a cut event", true, stream("Content-Length: 99", "data: {\"id\":"), cutOrOwnError),
                Arguments.of(
                        "a stream of comments", true, stream("Content-Length: 6", ": hi\n\n"), is(200, ": hi\n\n")));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("faults")
    void w28_aFaultThatStaysReachesEachRequestAndIsNotStored(
            String name, boolean streaming, Script fault, Consumer<Received> expectation) throws Exception {
        String request = newRequest(streaming);
        int before = provider.calls();
        List<Received> answers = answersOfAll(request, fault, fault);
        assertThat(answers).allSatisfy(expectation);
        assertThat(provider.calls() - before).isBetween(2, FOLLOWERS + 1);
        assertNothingIsLeft(Api.CHAT, request, streaming);
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("faults")
    void w28_afterAFaultOneNewCallAnswersAllFollowers(
            String name, boolean streaming, Script fault, Consumer<Received> expectation) throws Exception {
        String request = newRequest(streaming);
        int before = provider.calls();
        List<Received> answers = answersOfAll(request, fault, answersWell(Api.CHAT, streaming));
        assertThat(answers.get(0)).satisfies(expectation);
        List<Received> followers = answers.subList(1, answers.size());
        assertThat(followers).allSatisfy(answer -> {
            assertThat(answer.status()).as(answer.body()).isEqualTo(200);
            assertThat(answer.cut()).isFalse();
        });
        assertThat(followers.stream().filter(answer -> "MISS".equals(answer.header(WireTest.STATUS))))
                .hasSize(1);
        assertThat(provider.calls()).isEqualTo(before + 2);
        assertThat(fetch(Api.CHAT, request).header(WireTest.STATUS)).isEqualTo("HIT");
    }

    @ParameterizedTest
    @CsvSource({"400, false", "429, false", "429, true", "401, true"})
    void w28b_f14_aClientErrorIsTheAnswerForAllWaiters(int status, boolean streaming) throws Exception {
        String error = "{\"error\":{\"message\":\"" + "slow down ".repeat(10_000) + "\"}}";
        Script refuses = document(
                status + " No", error, "Retry-After: 9", "x-ratelimit-reset-requests: 1s", "x-should-retry: true");
        String request = newRequest(streaming);
        int before = provider.calls();
        List<Received> answers = answersOfAll(request, refuses, answersWell(Api.CHAT, streaming));
        assertThat(provider.calls()).isEqualTo(before + 1);
        assertThat(answers).allSatisfy(is(status, error)).allSatisfy(answer -> {
            assertThat(answer.header("Retry-After")).isEqualTo("9");
            assertThat(answer.header("x-ratelimit-reset-requests")).isEqualTo("1s");
            assertThat(answer.header("x-should-retry")).isEqualTo("true");
            assertThat(answer.header("Cache-Status"))
                    .contains("fwd-status=" + status)
                    .doesNotContain("stored");
        });
        assertThat(answers.stream()
                        .map(answer -> answer.header("X-Generation-Id"))
                        .distinct())
                .hasSize(FOLLOWERS + 1);
    }

    @Test
    void w28_aStreamThatIsCutAfterAnEventIsCutForAll() throws Exception {
        String request = newRequest(true);
        CountDownLatch joined = new CountDownLatch(1);
        provider.does(call -> {
            call.write(head("200 OK", "Content-Type: text/event-stream", "Content-Length: 99") + EVENT);
            joined.await();
        });
        int before = provider.calls();
        List<CompletableFuture<Received>> answers = new ArrayList<>();
        CountDownLatch seen = new CountDownLatch(FOLLOWERS + 1);
        for (int i = 0; i <= FOLLOWERS; i++) {
            answers.add(CompletableFuture.supplyAsync(
                    () -> fetch(cached(Api.CHAT, request), EVENT.length(), seen::countDown), clients));
        }
        assertThat(seen.await(20, TimeUnit.SECONDS)).isTrue();
        joined.countDown();
        for (CompletableFuture<Received> answer : answers) {
            Received cut = answer.get(20, TimeUnit.SECONDS);
            assertThat(cut.cut()).isTrue();
            assertThat(cut.body()).matches("data: \\{\"id\":\"[^\"]+\"}\n\n");
        }
        assertThat(provider.calls()).isEqualTo(before + 1);
        assertNothingIsLeft(Api.CHAT, request, true);
    }

    @Test
    void w28_aProviderThatRefusesIsNotStormed() throws Exception {
        provider.refuse();
        List<CompletableFuture<Received>> answers = new ArrayList<>();
        String request = newRequest(false);
        try {
            for (int i = 0; i <= FOLLOWERS; i++) {
                answers.add(CompletableFuture.supplyAsync(() -> fetch(Api.CHAT, request), clients));
            }
            for (CompletableFuture<Received> answer : answers) {
                assertOwnError(Api.CHAT, answer.get(20, TimeUnit.SECONDS), 502, "could not be reached");
            }
        } finally {
            provider.recover();
        }
        assertNothingIsLeft(Api.CHAT, request, false);
    }

    /** The answers for the request that makes the call, first, and for those that join it. */
    private List<Received> answersOfAll(String request, Script first, Script then) throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch joined = new CountDownLatch(1);
        AtomicBoolean isFirst = new AtomicBoolean(true);
        provider.does(call -> {
            if (isFirst.getAndSet(false)) {
                called.countDown();
                joined.await();
                first.answer(call);
            } else {
                then.answer(call);
            }
        });
        long waiting = proxy.stats().collapsed() + FOLLOWERS;
        List<CompletableFuture<Received>> answers = new ArrayList<>();
        answers.add(CompletableFuture.supplyAsync(() -> fetch(Api.CHAT, request), clients));
        assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
        for (int i = 0; i < FOLLOWERS; i++) {
            answers.add(CompletableFuture.supplyAsync(() -> fetch(Api.CHAT, request), clients));
        }
        until(() -> proxy.stats().collapsed() >= waiting);
        joined.countDown();
        List<Received> received = new ArrayList<>();
        for (CompletableFuture<Received> answer : answers) {
            received.add(answer.get(20, TimeUnit.SECONDS));
        }
        return received;
    }
}
