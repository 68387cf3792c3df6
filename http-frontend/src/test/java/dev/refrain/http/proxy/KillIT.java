package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static dev.refrain.http.proxy.WireTest.assertHit;
import static dev.refrain.http.proxy.WireTest.header;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code kill -9} while answers are being stored: after the next start, each answer that a client had received in full
 * is served unchanged.
 */
class KillIT {
    private static final int ROUNDS = 4;
    private static final int CLIENTS = 8;
    private static final int ANSWERS_A_ROUND = 60;

    @TempDir
    Path folder;

    private final AtomicInteger nextQuestion = new AtomicInteger();
    private final Set<Integer> acknowledged = ConcurrentHashMap.newKeySet();

    @Test
    void aStoredAnswerSurvivesAKill() throws Exception {
        try (ScriptedProvider provider = new ScriptedProvider()) {
            provider.does((exchange, request) -> {
                // On a new connection a short answer arrives in one piece. On a reused one, the JDK's client first
                // fills the rest of a buffer.
                exchange.getResponseHeaders().set("Connection", "close");
                ScriptedProvider.json(exchange, 200, answer(request.body()));
            });
            for (int round = 0; round < ROUNDS; round++) {
                try (RunningJar jar = start(provider)) {
                    assertAnswers(jar, provider);
                    killInTheMiddle(jar, ANSWERS_A_ROUND + 7 * round);
                }
            }
            try (RunningJar jar = start(provider)) {
                assertThat(jar.err()).contains("was not closed cleanly: recovered");
                assertAnswers(jar, provider);
                assertThat(jar.terminate().ended().err()).doesNotContain("WARNING");
            }
        }
    }

    private RunningJar start(ScriptedProvider provider) throws IOException {
        return RunningJar.start(folder, provider.base());
    }

    /** Lets several clients send new requests, and kills the process meanwhile. */
    private void killInTheMiddle(RunningJar jar, int answers) throws Exception {
        CountDownLatch enough = new CountDownLatch(answers);
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);
        List<Future<?>> clients = new ArrayList<>();
        try {
            for (int i = 0; i < CLIENTS; i++) {
                clients.add(threads.submit(() -> askUntilItDies(jar, enough)));
            }
            boolean areEnough = enough.await(60, TimeUnit.SECONDS);
            for (Future<?> client : clients) {
                if (client.isDone()) {
                    // Before the kill, only a failure ends a client.
                    client.get();
                }
            }
            assertThat(areEnough).isTrue();
            jar.kill();
            for (Future<?> client : clients) {
                client.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        jar.ended();
    }

    private void askUntilItDies(RunningJar jar, CountDownLatch enough) {
        while (true) {
            int question = nextQuestion.getAndIncrement();
            HttpResponse<String> response;
            try {
                response = jar.cached(CHAT, question(question), "X-OpenRouter-Cache-TTL", "86400");
            } catch (UncheckedIOException killed) {
                return;
            }
            // If an answer arrives in one piece, its head says whether it is stored (W27).
            assertThat(header(response, "Cache-Status"))
                    .startsWith(isLong(question(question)) ? "refrain; fwd=miss; " : "refrain; fwd=miss; stored; ");
            acknowledged.add(question);
            enough.countDown();
        }
    }

    private void assertAnswers(RunningJar jar, ScriptedProvider provider) {
        Set<Integer> asked = new HashSet<>();
        for (int question = 0; question < nextQuestion.get(); question++) {
            asked.add(question);
        }
        int calls = provider.calls();
        int unknown = asked.size() - acknowledged.size();
        for (int question : asked) {
            HttpResponse<String> response = jar.cached(CHAT, question(question), "X-OpenRouter-Cache-TTL", "86400");
            if (acknowledged.contains(question)) {
                assertHit(response);
            }
            assertThat(textOf(response.body())).isEqualTo(textOf(answer(question(question))));
        }
        assertThat(provider.calls() - calls).isLessThanOrEqualTo(unknown);
        acknowledged.addAll(asked);
    }

    private static String question(int number) {
        return "{\"model\":\"acme/large\",\"messages\":[{\"role\":\"user\",\"content\":\"" + number + "\"}]}";
    }

    private static boolean isLong(String question) {
        return Math.floorMod(question.hashCode(), 8) == 0;
    }

    /** An answer whose content shows its question. One in eight is too large for a single value of the map. */
    private static String answer(String question) {
        int seed = question.hashCode();
        StringBuilder text = new StringBuilder();
        int words = isLong(question) ? 20_000 : 300;
        for (int i = 0; i < words; i++) {
            seed = seed * 1_103_515_245 + 12_345;
            text.append(Integer.toHexString(seed)).append(' ');
        }
        return "{\"id\":\"chatcmpl-" + question.hashCode()
                + "\",\"created\":1700000000,\"choices\":[{\"message\":{\"content\":\"" + text
                + "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":21}}";
    }

    private static String textOf(String answer) {
        return answer.substring(answer.indexOf("\"choices\""), answer.indexOf(",\"usage\""));
    }
}
