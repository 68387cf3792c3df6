package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.refrain.testing.Embeddings;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The vendors' own SDKs for Node, unmodified, with a provider that refuses ids that it has not issued. Needs node, and
 * the packages that {@code .ci/run} installs into {@code src/test/node}.
 */
class NodeSdkTest extends WireTest {
    private static final Path NODE = Path.of("src/test/node");
    private static final int PATIENCE_SECONDS = 120;

    private final StatefulProvider state = new StatefulProvider();

    @BeforeAll
    static void look() {
        boolean installed = Files.isDirectory(NODE.resolve("node_modules/openai")) && hasNode();
        Assumptions.assumeTrue(installed, "Skipped: no node, or no npm packages in http-frontend/src/test/node.");
    }

    private static boolean hasNode() {
        try {
            return new ProcessBuilder("node", "--version").start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** The output of steps of {@code state.mjs}, in order. */
    private List<JsonNode> run(String... steps) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(List.of("node", "state.mjs", proxy.uri("").toString()));
        command.addAll(List.of(steps));
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(NODE.toFile())
                .redirectError(folder.resolve("node.err").toFile());
        builder.environment().putAll(Wire.nodeVariables());
        Process node = builder.start();
        List<JsonNode> said = new ArrayList<>();
        for (String line : new String(node.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList()) {
            said.add(new ObjectMapper().readTree(line));
        }
        assertThat(node.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(node.exitValue())
                .as(Files.readString(folder.resolve("node.err")))
                .isZero();
        return said;
    }

    private static List<String> ids(List<JsonNode> said) {
        return said.stream()
                .filter(each -> each.has("id"))
                .map(each -> each.path("id").asText())
                .toList();
    }

    /** @param others calls of a run that are not cached */
    @ParameterizedTest
    @CsvSource({"openai,3,2", "stream,3,0", "agents,3,0", "tools,2,0"})
    void w26b_f5_aRepeatedChainMakesNoCall(String step, int turns, int others)
            throws IOException, InterruptedException {
        provider.does(state);
        // In one process: loading the packages takes longer than everything else.
        List<String> ids = ids(run(step, step));
        assertThat(ids).hasSize(2 * turns);
        assertThat(ids.subList(0, turns)).allMatch(id -> id.matches("(resp|msg)_[0-9]+"));
        assertThat(ids.subList(turns, 2 * turns)).allMatch(id -> id.startsWith("gen-"));
        assertThat(provider.calls()).isEqualTo(turns + 2 * others);
        assertThat(provider.received()).anyMatch(request -> request.body().contains("\"" + ids.get(0) + "\""));
        assertThat(state.refused()).isZero();
    }

    @Test
    void w32_f34_theSdksDoNotRetryErrorsThatNoRetryCures() throws IOException, InterruptedException {
        provider.does((exchange, request) -> {
            // Both SDKs obey this field, and wait for only that long.
            exchange.getResponseHeaders().set("retry-after-ms", "1");
            ScriptedProvider.json(exchange, 503, "{\"error\":{\"message\":\"busy\"}}");
        });
        assertThat(run("retries"))
                .extracting(
                        said -> said.path("name").asText(),
                        said -> said.path("vendor").asText(),
                        said -> said.path("status").asInt(),
                        said -> said.path("attempts").asInt())
                .containsExactly(
                        tuple("lasting", "openai", 504, 1),
                        tuple("lasting", "anthropic", 504, 1),
                        tuple("passing", "openai", 503, 3),
                        tuple("passing", "anthropic", 503, 3));
    }

    @Test
    void w86_embeddingsAreGatheredItemByItemForTheSdk() throws IOException, InterruptedException {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, Embeddings.answer(request.body())));
        List<JsonNode> said = run("embeddings");
        assertThat(provider.received())
                .extracting(request -> request.body().replaceFirst(".*\"input\":(\\[[^]]*]).*", "$1"))
                .containsExactly("[\"one\",\"two\",\"three\"]", "[\"zero\"]");
        assertThat(said.get(1).path("status").asText()).contains("detail=partial-2/3");
        assertThat(said.get(2).path("status").asText()).contains("hit");
        assertThat(said)
                .allSatisfy(each -> assertThat(each.path("places").toString()).isEqualTo("[0,1,2]"));
        JsonNode first = said.get(0).path("vectors");
        JsonNode second = said.get(1).path("vectors");
        JsonNode third = said.get(2).path("vectors");
        assertThat(first.get(0)).isNotEqualTo(first.get(1)).isEqualTo(third.get(1));
        assertThat(first.get(1)).isEqualTo(second.get(2)).isEqualTo(third.get(0));
        assertThat(first.get(2)).isEqualTo(second.get(1));
        assertThat(second.get(0)).isEqualTo(third.get(2));
    }

    @Test
    void w60_f45_openRoutersSdkTakesTheRecordOfAHit() throws IOException, InterruptedException {
        JsonNode said = run("generation").get(0);
        assertThat(said.path("data").path("id").asText())
                .isEqualTo(said.path("id").asText());
        assertThat(said.path("data").path("responseCacheSourceId").asText()).isEqualTo("chatcmpl-123");
        assertThat(said.path("data").path("totalCost").isNumber()).isTrue();
        assertThat(provider.calls()).isEqualTo(1);
    }
}
