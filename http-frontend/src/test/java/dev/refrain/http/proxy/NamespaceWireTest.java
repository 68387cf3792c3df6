package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Filter;
import dev.refrain.testing.OwnThread;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W82: namespaces, and several answers to one request. */
class NamespaceWireTest extends AdminTest {
    private static final String NAMESPACE = "X-Refrain-Namespace";
    private static final String SAMPLE = "X-Refrain-Sample";
    private static final String SAMPLES = "X-Refrain-Samples";

    private final AtomicInteger answers = new AtomicInteger();

    /** Makes the provider number its answers. */
    @BeforeEach
    void number() {
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange, 200, CHAT_ANSWER.replace("Hello", "Answer " + answers.incrementAndGet() + ".")));
    }

    private static String content(HttpResponse<String> response) {
        return response.body().replaceAll("(?s).*content\": \"(Answer \\d+).*", "$1");
    }

    private static String sample(HttpResponse<String> response) {
        String status = header(response, "Cache-Status");
        return status.contains("; sample=") ? status.replaceAll(".*; sample=(\\d+).*", "$1") : null;
    }

    // ---- namespaces

    @Test
    void w82_aNamespaceIsPartOfTheKey() {
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST, NAMESPACE, "a"));
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST, NAMESPACE, "b"));
        for (int i = 0; i < 3; i++) {
            assertThat(content(proxy.cached(CHAT, CHAT_REQUEST))).isEqualTo("Answer 1");
            assertThat(content(proxy.cached(CHAT, CHAT_REQUEST, NAMESPACE, "a")))
                    .isEqualTo("Answer 2");
            assertThat(content(proxy.cached(CHAT, CHAT_REQUEST, NAMESPACE, " b ")))
                    .isEqualTo("Answer 3");
        }
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST, NAMESPACE, "B"));
        assertThat(provider.received())
                .allSatisfy(request -> assertThat(request.headers().keySet())
                        .noneMatch(
                                name -> name.toLowerCase(java.util.Locale.ROOT).startsWith("x-refrain")));
    }

    @Test
    void w82_namespacesAreListedAndPurged() throws IOException {
        for (String text : List.of("1", "2", "3")) {
            proxy.cached(CHAT, chat("m", text), NAMESPACE, "evals.v2");
        }
        proxy.cached(CHAT, chat("m", "1"), NAMESPACE, "other");
        proxy.cached(CHAT, chat("n", "1"), NAMESPACE, "other");
        proxy.cached(CHAT, chat("m", "1"));
        assertThat(namespaces()).isEqualTo("{evals.v2=3, other=2}");
        // The namespaces are the same after a restart.
        restart(Map.of());
        assertThat(namespaces()).isEqualTo("{evals.v2=3, other=2}");
        assertThat(purged("namespace=evals.v2")).isEqualTo(3);
        assertThat(purged("namespace=evals.v2")).isZero();
        assertThat(namespaces()).isEqualTo("{other=2}");
        assertMiss(proxy.cached(CHAT, chat("m", "1"), NAMESPACE, "evals.v2"));
        assertHit(proxy.cached(CHAT, chat("m", "1"), NAMESPACE, "other"));
        assertHit(proxy.cached(CHAT, chat("m", "1")));
        // A purge by model also finds entries in namespaces.
        assertThat(purged("model=m")).isEqualTo(3);
        assertThat(namespaces()).isEqualTo("{other=1}");
        assertThat(purged("all=true")).isEqualTo(1);
        assertThat(namespaces()).isEqualTo("{}");
    }

    private String namespaces() {
        JsonNode list = json("namespaces").path("data");
        StringBuilder text = new StringBuilder();
        list.forEach(one -> text.append(text.length() == 0 ? "" : ", ")
                .append(one.path("namespace").asText())
                .append('=')
                .append(one.path("entries").asInt()));
        return "{" + text + "}";
    }

    private int purged(String parameter) {
        return tree(ask("DELETE", "/admin/api/entries?" + parameter, null))
                .path("removed")
                .asInt();
    }

    @Test
    void w82_theLogAndExplainNameTheNamespace() {
        proxy.cached(CHAT, CHAT_REQUEST, NAMESPACE, "evals");
        proxy.cached(CHAT, CHAT_REQUEST, NAMESPACE, "evals");
        proxy.cached(CHAT, CHAT_REQUEST, NAMESPACE, "evals");
        proxy.cached(CHAT, CHAT_REQUEST);
        List<Activity> log = proxy.activity(4).query(Filter.ALL, 4, null).data();
        assertThat(log).extracting(Activity::namespace).containsExactly(null, "evals", "evals", "evals");
        JsonNode explained = explain(NAMESPACE, "evals", SAMPLE, "7");
        assertThat(explained.at("/parts/namespace").asText()).isEqualTo("evals");
        assertThat(explained.at("/parts/sample").asInt()).isEqualTo(7);
        assertThat(explain(NAMESPACE, "no name").path("why").asText())
                .isEqualTo("X-Refrain-Namespace must be 1 to 64 of A-Za-z0-9._-.");
    }

    private JsonNode explain(String... headers) {
        ObjectNode question = JSON.createObjectNode();
        question.put("path", CHAT);
        question.put("body", CHAT_REQUEST);
        ObjectNode sent = question.putObject("headers");
        sent.put("authorization", "Bearer sk-test").put("X-OpenRouter-Cache", "true");
        for (int i = 0; i < headers.length; i += 2) {
            sent.put(headers[i], headers[i + 1]);
        }
        return tree(ask("POST", "/admin/api/explain", question.toString()));
    }

    @ParameterizedTest
    @CsvSource({
        "X-Refrain-Namespace,a b,invalid-namespace",
        "X-Refrain-Namespace,a/b,invalid-namespace",
        "X-Refrain-Namespace,'',invalid-namespace",
        "X-Refrain-Namespace,aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg,invalid-namespace",
        "X-Refrain-Sample,10000,invalid-sample",
        "X-Refrain-Sample,-1,invalid-sample",
        "X-Refrain-Sample,1.5,invalid-sample",
        "X-Refrain-Samples,0,invalid-sample",
        "X-Refrain-Samples,101,invalid-sample",
        "X-Refrain-Samples,many,invalid-sample",
    })
    void w82_anInvalidFieldIsABypass(String name, String value, String detail) {
        proxy.cached(CHAT, CHAT_REQUEST);
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> response = proxy.cached(CHAT, CHAT_REQUEST, name, value);
            assertMiss(response);
            assertThat(header(response, "Cache-Status")).startsWith("refrain; fwd=bypass; detail=" + detail);
        }
        assertThat(provider.calls()).isEqualTo(3);
        assertThat(proxy.stats().store().entries()).isEqualTo(1);
    }

    // ---- samples

    @Test
    void w82_eachSampleHasItsOwnAnswer() {
        assertThat(sample(proxy.cached(CHAT, CHAT_REQUEST))).isNull();
        for (int i : new int[] {0, 1, 9999}) {
            HttpResponse<String> first = proxy.cached(CHAT, CHAT_REQUEST, SAMPLE, Integer.toString(i));
            assertMiss(first);
            assertThat(sample(first)).isEqualTo(Integer.toString(i));
            for (int again = 0; again < 3; again++) {
                HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST, SAMPLE, " 0" + i);
                if (i == 9999) {
                    // A number of five digits would be invalid.
                    hit = proxy.cached(CHAT, CHAT_REQUEST, SAMPLE, "9999");
                }
                assertHit(hit);
                assertThat(content(hit)).isEqualTo(content(first));
                assertThat(sample(hit)).isEqualTo(Integer.toString(i));
            }
        }
        assertThat(content(proxy.cached(CHAT, CHAT_REQUEST))).isEqualTo("Answer 1");
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST, SAMPLE, "1", NAMESPACE, "a"));
    }

    @Test
    void w82_missingSamplesAreFetchedBeforeStoredOnesArePicked() {
        Set<String> filled = new TreeSet<>();
        for (int i = 0; i < 5; i++) {
            HttpResponse<String> response = proxy.cached(CHAT, CHAT_REQUEST, SAMPLES, "5");
            assertMiss(response);
            filled.add(sample(response));
        }
        assertThat(filled).containsExactly("0", "1", "2", "3", "4");
        Set<String> seen = new TreeSet<>();
        for (int i = 0; i < 200 && seen.size() < 5; i++) {
            HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST, SAMPLES, "5");
            assertHit(hit);
            String number = sample(hit);
            seen.add(number);
            assertThat(content(proxy.cached(CHAT, CHAT_REQUEST, SAMPLE, number)))
                    .isEqualTo(content(hit));
        }
        assertThat(seen).isEqualTo(filled);
        assertThat(provider.calls()).isEqualTo(5);
        // Among six samples, only the sixth is not stored yet.
        assertThat(sample(proxy.cached(CHAT, CHAT_REQUEST, SAMPLES, "6"))).isEqualTo("5");
        // If both fields are sent, the one that names a sample counts.
        assertThat(sample(proxy.cached(CHAT, CHAT_REQUEST, SAMPLES, "6", SAMPLE, "3")))
                .isEqualTo("3");
    }

    @Test
    void w82_requestsAtTheSameTimeGetDifferentSamples() throws Exception {
        int count = 4;
        CountDownLatch arrived = new CountDownLatch(count);
        provider.does((exchange, request) -> {
            int number = answers.incrementAndGet();
            arrived.countDown();
            try {
                // Answers none before all requests have arrived.
                arrived.await(10, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER.replace("Hello", "Answer " + number + "."));
        });
        List<HttpResponse<String>> responses = java.util.stream.IntStream.range(0, count)
                .mapToObj(i -> {
                    var future = java.util.concurrent.CompletableFuture.supplyAsync(
                            () -> proxy.cached(CHAT, CHAT_REQUEST, SAMPLES, Integer.toString(count)), OwnThread.EACH);
                    // Each request makes its call before the next one comes, because two at once could pick one sample.
                    until(() -> provider.calls() > i);
                    return future;
                })
                .toList()
                .stream()
                .map(java.util.concurrent.CompletableFuture::join)
                .toList();
        assertThat(responses.stream().map(NamespaceWireTest::sample).collect(Collectors.toSet()))
                .hasSize(count);
        assertThat(responses.stream().map(NamespaceWireTest::content).collect(Collectors.toSet()))
                .hasSize(count);
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "false"})
    void w82_streamsAndDocumentsHaveSeparateSamples(String stream) {
        String body = CHAT_REQUEST.replace("{\"model\"", "{\"stream\":" + stream + ",\"model\"");
        provider.does((exchange, request) -> {
            if (request.body().contains("\"stream\":true")) {
                ScriptedProvider.stream(exchange, CHAT_STREAM);
            } else {
                ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
            }
        });
        assertMiss(proxy.cached(CHAT, body, SAMPLE, "1"));
        assertHit(proxy.cached(CHAT, body, SAMPLE, "1"));
        assertMiss(proxy.cached(CHAT, body.replace(stream, stream.equals("true") ? "false" : "true"), SAMPLE, "1"));
    }
}
